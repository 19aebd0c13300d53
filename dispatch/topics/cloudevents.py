"""CloudEvents 1.0 in binary mode on Kafka: the attributes travel as `ce_*` headers."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid5

from dispatch.topics.envelope import Record

SPECVERSION: Final = "1.0"
SOURCE: Final = "ambulance-dispatch"
SCHEMA_VERSION: Final = "v1"
MAX_ATTRIBUTE: Final = 256  # characters
_NAMESPACE: Final = UUID("5f0a4b0e-6a8f-5b0c-9a51-1f2d3c4b5a69")
_PRINTABLE: Final = re.compile(r"[^\x00-\x1f\x7f]+")


class Malformed(ValueError):
    """The headers are not those of a CloudEvent; `field` names the header."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a CloudEvent that this service reads."""

    id: str
    source: str
    type: str

    @property
    def identity(self) -> str:
        """What makes the event unique: source and id together (CloudEvents 1.0 §3.1)."""
        return f"{self.source}#{self.id}"


def read_attributes(record: Record) -> Attributes:
    """Read the attributes of an input.

    Raises:
        Malformed: a required header is missing, empty, repeated or not UTF-8 text.
    """
    found: dict[str, str] = {}
    for name, raw in record.headers:
        if not name.startswith("ce_"):
            continue
        if name in found:
            raise Malformed(name, "appears more than once")
        if raw is None:
            raise Malformed(name, "has no value")
        try:
            found[name] = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed(name, "is not UTF-8 text") from None
    for name in ("ce_specversion", "ce_id", "ce_source", "ce_type"):
        value = found.get(name, "")
        if not value:
            raise Malformed(name, "is missing: CloudEvents 1.0 in binary mode is expected")
        if len(value) > MAX_ATTRIBUTE or not _PRINTABLE.fullmatch(value):
            raise Malformed(name, f"must be 1 to {MAX_ATTRIBUTE} printable characters")
    if found["ce_specversion"] != SPECVERSION:
        raise Malformed("ce_specversion", f"must be {SPECVERSION}")
    return Attributes(id=found["ce_id"], source=found["ce_source"], type=found["ce_type"])


def derived_id(cause: str, ordinal: int) -> str:
    """Return the id of the ordinal-th event of a cause: the same on every replay."""
    return str(uuid5(_NAMESPACE, f"{cause}/{ordinal}"))


def timestamp(at: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def write_headers(
    *,
    event_id: str,
    event_type: str,
    at: datetime,
    subject: str | None,
    source: str = SOURCE,
    sequence: int | None = None,
    cause: str | None = None,
) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of an event; sequence and cause are on what the service publishes."""
    attributes = {
        "ce_specversion": SPECVERSION,
        "ce_id": event_id,
        "ce_source": source,
        "ce_type": event_type,
        "ce_time": timestamp(at),
        "ce_dataschema": f"urn:ambulance-dispatch:{event_type}:{SCHEMA_VERSION}",
        "content-type": "application/json",
    }
    if subject is not None:
        attributes["ce_subject"] = subject
    if sequence is not None:
        attributes["ce_sequence"] = str(sequence)
    if cause is not None:
        attributes["ce_cause"] = cause
    return tuple((name, value.encode()) for name, value in attributes.items())
