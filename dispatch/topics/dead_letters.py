"""What operators read on the `dead-letters` topic: every input that was refused, as it came."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from dispatch.topics.announcement import Announcement, Reason
from dispatch.topics.codes import Refused


class Cut(BaseModel):
    """A part of a refused input that a letter does not hold whole: only its beginning.

    `bytes` is the length of the whole part, `sha256` its digest in hexadecimal; of headers, of
    all names and values one after the other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    part: Literal["key", "value", "headers"]
    bytes: int
    sha256: str


class InputRejected(Announcement):
    """An input that took no effect: its original bytes and headers, and why.

    `value_base64` and `key_base64` are the bytes as read (null where there were none); a header's
    value is base64 too. What no record of Kafka would hold in base64 is cut, and named in `cut`.
    Of a record that can't be read they are what could be had, and the letter may stand for all
    offsets from `first_offset` to `offset`.
    """

    event_type: ClassVar[str] = "input.rejected"
    topic: str
    partition: int
    offset: int
    at: datetime
    key_base64: str | None
    value_base64: str | None
    headers_base64: list[tuple[str, str]]
    refused: Refused
    reasons: list[Reason]
    cut: list[Cut]
    first_offset: int | None = None


class Places(BaseModel):
    """Inputs that followed each other in a partition: from the first offset to the last."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    partition: int
    first: int
    last: int


class InputsRefused(Announcement):
    """Inputs of one source that took no effect, counted: so many like them have a letter each.

    `reasons` are those of the first of them, `field` is the one at fault in all. They can be read
    at their `places` on their topic for as long as it keeps them; their senders had no answer.
    """

    event_type: ClassVar[str] = "inputs.refused"
    topic: str
    source: str
    at: datetime
    refused: Refused
    field: str
    reasons: list[Reason]
    count: int
    places: list[Places]


OUTPUTS = (InputRejected, InputsRefused)
