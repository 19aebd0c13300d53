"""What passes between Kafka, the desk and readers: records, and events to publish, logged, read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


# Made for whatever is read, a flood included, so it is not frozen: that makes it take four times as
# long. Nobody changes one.
@dataclass(slots=True, unsafe_hash=True)
class Record:
    """One Kafka record as read; `timestamp_ms` is milliseconds since 1970 in UTC.

    The value of a header may be null on Kafka. `incarnation` is the cluster whose offsets these
    are, where they matter: a broker that forgets comes back as another.

    `unreadable` says why what stands there can't be read; key, value and headers are then what
    bytes could be had. Such a record stands for all offsets from `first_offset` to `offset`.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    incarnation: str = ""
    unreadable: str | None = None
    first_offset: int | None = None

    @classmethod
    def of(cls, read: Any, incarnation: str = "") -> "Record":
        """Return what an aiokafka consumer has read."""
        return cls(
            read.topic,
            read.partition,
            read.offset,
            read.timestamp,
            read.key,
            read.value,
            tuple(read.headers),
            incarnation,
        )


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event to publish; `position` is its place in the event log.

    `copy_to` is a second topic that it goes to, that of whom it is for. There it has the same id,
    key, headers and body, unless `copy_value` says more than the shared topic may.

    One that is `earlier` was decided before: it goes out before what follows it in its stream,
    unless whoever decided it has published it meanwhile.
    """

    position: int
    topic: str
    key: str | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes
    copy_to: str | None = None
    copy_value: bytes | None = None
    earlier: bool = field(default=False, compare=False)

    @property
    def bodies(self) -> tuple[tuple[str, bytes], ...]:
        """Every topic that it goes to, and its body there."""
        shared = (self.topic, self.value)
        if self.copy_to is None:
            return (shared,)
        own = self.value if self.copy_value is None else self.copy_value
        return shared, (self.copy_to, own)


class Read(Protocol):
    """An event of the service as a reader of its topics consumed it; `topic` without prefix."""

    @property
    def topic(self) -> str:
        """The topic."""
        ...

    @property
    def key(self) -> str | None:
        """The key: the events of a key are in order."""
        ...

    @property
    def type(self) -> str:
        """The type."""
        ...

    @property
    def id(self) -> str:
        """The id."""
        ...

    @property
    def data(self) -> dict[str, Any]:
        """What it says."""
        ...


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of the event log; `position` is its place there, `topic` is without the prefix.

    `at` is when it happened by what it says itself (aware UTC), not when it was written.
    """

    position: int
    id: str
    topic: str
    key: str | None
    type: str
    at: datetime
    data: dict[str, Any]


def time_said(data: Mapping[str, Any]) -> datetime | None:
    """Return when an event of the service happened, by what it says; None where it says nothing."""
    said = data.get("at") or data.get("decision", {}).get("decided_at")
    return None if said is None else datetime.fromisoformat(said)
