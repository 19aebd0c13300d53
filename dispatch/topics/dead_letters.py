"""What operators read on the `dead-letters` topic: every input that was refused, as it came."""

from datetime import datetime
from typing import ClassVar

from dispatch.topics.announcement import Announcement, Reason


class InputRejected(Announcement):
    """An input that took no effect: its original bytes and headers, and why.

    `value_base64` and `key_base64` are the bytes as read (null where there were none); a header's
    value is base64 too. Of a record that can't be read they are what could be had, and the letter
    may stand for all offsets from `first_offset` to `offset`.
    """

    event_type: ClassVar[str] = "input.rejected"
    topic: str
    partition: int
    offset: int
    at: datetime
    key_base64: str | None
    value_base64: str | None
    headers_base64: list[tuple[str, str]]
    refused: str
    reasons: list[Reason]
    first_offset: int | None = None


OUTPUTS = (InputRejected,)
