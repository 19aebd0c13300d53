"""What consoles read on the `screenings` topic, keyed by call_id."""

from datetime import datetime
from typing import ClassVar

from dispatch.topics.announcement import Announcement
from dispatch.topics.codes import History, Item


class ScreeningQuestion(Announcement):
    """One of the four mandatory questions, worded in both languages."""

    event_type: ClassVar[str] = ""
    item: Item
    zh: str
    en: str


class ScreeningRequested(Announcement):
    """The questions still to be asked (120 plan §4); `deadline` is null once a crew goes anyway."""

    event_type: ClassVar[str] = "screening.requested"
    call_id: str
    at: datetime
    questions: list[ScreeningQuestion]
    deadline: datetime | None


class ScreeningCompleted(Announcement):
    """All four items have been asked; `history` is what they amount to."""

    event_type: ClassVar[str] = "screening.completed"
    call_id: str
    at: datetime
    history: History


class ScreeningExpired(Announcement):
    """The deadline passed with items unasked: a crew goes; the questions remain to be asked."""

    event_type: ClassVar[str] = "screening.expired"
    call_id: str
    at: datetime
    unasked: list[Item]


OUTPUTS = (ScreeningRequested, ScreeningCompleted, ScreeningExpired)
