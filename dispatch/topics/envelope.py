"""What passes between Kafka and the desk: a record as read, an event to publish, one logged."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


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
