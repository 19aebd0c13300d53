"""What passes between Kafka and the desk: a record as read, an event to publish."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record as read; `timestamp_ms` is milliseconds since 1970 in UTC.

    The value of a header may be null on Kafka.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event to publish; `position` is its place in the event log."""

    position: int
    topic: str
    key: str | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes
