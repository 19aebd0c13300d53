"""What passes on the topics during a scenario, as a reader outside the service sees it."""

from dataclasses import dataclass
from typing import Any, Self

import orjson

from dispatch.topics.envelope import Record


@dataclass(frozen=True, slots=True)
class Seen:
    """An event of the service, consumed: `topic` without prefix, `wall` in monotonic seconds."""

    topic: str
    key: str | None
    type: str
    sequence: int
    id: str
    cause: str
    value: bytes
    wall: float

    @property
    def data(self) -> dict[str, Any]:
        """What the event says; read it once where it is used often."""
        content: dict[str, Any] = orjson.loads(self.value)
        return content

    @classmethod
    def of(cls, record: Record, *, topic: str, wall: float) -> Self:
        """Return the event that a record of an output topic holds."""
        headers = {name: value.decode() for name, value in record.headers if value is not None}
        return cls(
            topic=topic,
            key=None if record.key is None else record.key.decode(),
            type=headers["ce_type"],
            sequence=int(headers["ce_sequence"]),
            id=headers["ce_id"],
            cause=headers["ce_cause"],
            value=record.value or b"",
            wall=wall,
        )


@dataclass(frozen=True, slots=True)
class Published:
    """An input as it was published; `wall` in monotonic seconds, just before it was sent."""

    record: Record
    wall: float
