"""CloudEvents 1.0 on Kafka: in binary mode the attributes travel as `ce_*` headers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha1
from typing import Final
from uuid import UUID

from dispatch.topics.envelope import Record

SPECVERSION: Final = "1.0"
SOURCE: Final = "ambulance-dispatch"
SCHEMA_VERSION: Final = "v1"
MAX_ATTRIBUTE: Final = 256  # characters
_NAMESPACE: Final = UUID("5f0a4b0e-6a8f-5b0c-9a51-1f2d3c4b5a69").bytes
# The digit of a UUID that begins with its variant, by what a hash has there.
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_REQUIRED: Final = ("ce_specversion", "ce_id", "ce_source", "ce_type")
_MISSING: Final = (
    "is missing: a CloudEvent 1.0 is expected,"
    " in headers or whole as `application/cloudevents+json`"
)
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

    Others are nobody's business here, as libraries add them.

    Raises:
        Malformed: a required header is missing, empty, repeated or not UTF-8 text.
    """
    found: dict[str, str] = {}
    for name, raw in record.headers:
        if name not in _REQUIRED:
            continue
        if name in found:
            raise Malformed(name, "appears more than once")
        if raw is None:
            raise Malformed(name, "has no value")
        try:
            found[name] = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed(name, "is not UTF-8 text") from None
    return checked(found)


def checked(found: Mapping[str, str]) -> Attributes:
    """Return the attributes that were found, by the names of their headers.

    Raises:
        Malformed: a required one is missing, empty, too long or not printable.
    """
    for name in _REQUIRED:
        value = found.get(name, "")
        if not value:
            raise Malformed(name, _MISSING)
        if len(value) > MAX_ATTRIBUTE or not _PRINTABLE.fullmatch(value):
            raise Malformed(name, f"must be 1 to {MAX_ATTRIBUTE} printable characters")
    if found["ce_specversion"] != SPECVERSION:
        raise Malformed("ce_specversion", f"must be {SPECVERSION}")
    return Attributes(id=found["ce_id"], source=found["ce_source"], type=found["ce_type"])


def derived_id(cause: str, ordinal: int) -> str:
    """Return the id of the ordinal-th event of a cause: the same on every replay.

    A name-based UUID, version 5 (RFC 9562 §5.5); the library's own takes four times as long.
    """
    name = f"{cause}/{ordinal}".encode()
    digits = sha1(_NAMESPACE + name, usedforsecurity=False).hexdigest()
    variant = _VARIANT[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


@lru_cache(maxsize=64)
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
    headers = [
        *_constant_headers(event_type, source),
        ("ce_id", event_id.encode()),
        ("ce_time", timestamp(at).encode()),
    ]
    if subject is not None:
        headers.append(("ce_subject", subject.encode()))
    if sequence is not None:
        headers.append(("ce_sequence", str(sequence).encode()))
    if cause is not None:
        headers.append(("ce_cause", cause.encode()))
    return tuple(headers)


@lru_cache(maxsize=1_024)
def _constant_headers(event_type: str, source: str) -> tuple[tuple[str, bytes], ...]:
    """Return the headers that all events of a type and source have alike."""
    return (
        ("ce_specversion", SPECVERSION.encode()),
        ("ce_source", source.encode()),
        ("ce_type", event_type.encode()),
        ("ce_dataschema", f"urn:ambulance-dispatch:{event_type}:{SCHEMA_VERSION}".encode()),
        ("content-type", b"application/json"),
    )
