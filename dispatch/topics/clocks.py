"""What operators and the commission read on the `clocks` topic, keyed by the clock's owner.

The owner is an incident, a transfer, a batch, or `city` for a clock of a hospital. A clock starts
with an event, warns before it runs out, and is met or breached; one that no longer matters is
stopped. Times are UTC, durations seconds.
"""

from datetime import datetime
from typing import ClassVar

from dispatch.topics.announcement import Announcement
from dispatch.topics.codes import AnyClockKind, Told


class _OfClock(Announcement):
    """What every event of a clock says: which limit, of what, from when until when."""

    event_type: ClassVar[str] = ""
    clock_id: str
    kind: AnyClockKind
    owner: str
    subject: str
    district: str | None
    started_at: datetime
    due_at: datetime
    at: datetime


class ClockStarted(_OfClock):
    """A limit begins to run; `warn_at` is when it warns."""

    event_type: ClassVar[str] = "clock.started"
    warn_at: datetime | None
    limit_seconds: float


class ClockWarned(_OfClock):
    """The limit runs out soon; `warned` is who is told."""

    event_type: ClassVar[str] = "clock.warned"
    warned: Told
    left_seconds: float


class ClockMet(_OfClock):
    """What the limit is for was done in time."""

    event_type: ClassVar[str] = "clock.met"
    took_seconds: float


class ClockBreached(_OfClock):
    """The limit has run out; `escalated_to` is who is told."""

    event_type: ClassVar[str] = "clock.breached"
    escalated_to: Told


class ClockEndedLate(_OfClock):
    """What a breached limit was for is done at last."""

    event_type: ClassVar[str] = "clock.ended_late"
    took_seconds: float


class ClockStopped(_OfClock):
    """The limit no longer matters: nobody waits for it any more."""

    event_type: ClassVar[str] = "clock.stopped"
    reason: str


OUTPUTS = (ClockStarted, ClockWarned, ClockMet, ClockBreached, ClockEndedLate, ClockStopped)
