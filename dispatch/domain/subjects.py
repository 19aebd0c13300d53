"""Whom an input waits for that is not legal yet, and whom an effect is about.

A subject is a call, incident, transfer or batch by its id, `unit/<unit_id>` or
`hospital/<hospital_id>`; no id has a slash.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from dispatch.domain.city import City
from dispatch.domain.model import (
    Assignment,
    CallRecord,
    Entity,
    Handover,
    Hospital,
    Incident,
    Job,
    Offer,
    Reservation,
    Unit,
    owner_of,
)
from dispatch.topics.announcement import Reason
from dispatch.topics.calls import CallOverridden
from dispatch.topics.fields import Content

# The fields of inputs that name what they are about; an id begins with its owner's.
REFERENCES: Final = (
    "incident_id",
    "assignment_id",
    "handover_id",
    "job_id",
    "transfer_id",
    "batch_id",
    "offer_id",
    "promise_id",
)
_TIMES: Final = ("at", "answered_at")


def owner_in(identifier: str) -> str:
    """Return the incident, transfer or batch that an id belongs to."""
    return identifier.partition("/")[0]


@cache
def references(kind: type[Content]) -> tuple[str, ...]:
    """Return the fields in which an input names what it is about."""
    return tuple(name for name in REFERENCES if name in kind.model_fields)


def waits_for(event: Content, reasons: Sequence[Reason] = ()) -> str | None:
    """Return the subject whose change could make an input legal; None where it has none.

    Of `reasons` why it is not, the first says when that is the unit or hospital which a dispatcher
    has chosen.
    """
    anything: Any = event
    if isinstance(event, CallOverridden) and reasons:
        match reasons[0].field:
            case "unit_id":
                return f"unit/{event.unit_id}"
            case "hospital_id":
                return f"hospital/{event.hospital_id}"
    for name in ("call_id", *REFERENCES):
        if (named := getattr(anything, name, None)) is not None:
            return owner_in(named)
    for party in ("unit", "hospital"):
        if (named := getattr(anything, f"{party}_id", None)) is not None:
            return f"{party}/{named}"
    return None


def touched(city: City) -> set[str]:
    """Return the subjects of what the input or timer in hand has changed so far."""
    return {subject for record in city.touched() for subject in _of(city, record)}


def said_at(event: Content) -> datetime | None:
    """Return when an input happened by what it says itself (aware UTC)."""
    times = (getattr(event, name, None) for name in _TIMES)
    return next((time for time in times if time is not None), None)


def _of(city: City, record: Entity) -> Iterator[str]:
    if isinstance(record, CallRecord):
        yield record.call_id
    if isinstance(record, Unit | Assignment | Handover | Job):
        yield f"unit/{record.unit_id}"
    if isinstance(record, Hospital | Handover | Offer | Reservation):
        yield f"hospital/{record.hospital_id}"
    owner = owner_of(record)
    if owner is None:
        return
    yield owner
    incident = record if isinstance(record, Incident) else city.incidents.get(owner)
    if incident is not None:
        # What is said of a call may be about what its incident has come to.
        yield from incident.calls
