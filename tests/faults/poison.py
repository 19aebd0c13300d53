"""Bad input of every kind; each must become a dead letter that gives the reason."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from dispatch.topics.cloudevents import write_headers
from tests.faults.city import DISTRICT

Header = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Bad:
    """A record on an input topic, without prefix, that the service must refuse.

    `field` is what one of the reasons must be about.
    """

    kind: str
    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    field: str


def _call(call_id: str, now: datetime) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "received_at": now.isoformat(),
        "district": DISTRICT,
        "caller": {"kind": "public"},
        "patient": {"condition": "stable", "symptoms": [], "case_status": "none"},
        "location": {"latitude": 48.0, "longitude": 119.0},
    }


def _headers(name: str, event_type: str, now: datetime) -> tuple[Header, ...]:
    return write_headers(
        event_id=name, event_type=event_type, at=now, subject=name, source="saboteur"
    )


def _of_call(name: str, now: datetime, field: str) -> Bad:
    value = orjson.dumps(_call(name, now))
    return Bad("", "calls", name.encode(), value, _headers(name, "call.received", now), field)


def _of_unit(name: str, now: datetime, field: str, **changes: Any) -> Bad:
    content = {"unit_id": "U1", "at": now.isoformat(), "status": "available"}
    value = orjson.dumps(content | changes)
    return Bad("", "units", b"U1", value, _headers(name, "unit.reported", now), field)


def _of_hospital(name: str, now: datetime, field: str, **changes: Any) -> Bad:
    value = orjson.dumps({"hospital_id": "H1", "at": now.isoformat(), "status": "open"} | changes)
    headers = _headers(name, "hospital.reported", now)
    return Bad("", "hospitals", b"H1", value, headers, field)


def _bytes(name: str, now: datetime, value: bytes | None, field: str = "body") -> Bad:
    return replace(_of_call(name, now, field), value=value)


def _without(name: str, now: datetime, header: str) -> Bad:
    bad = _of_unit(name, now, header)
    return replace(bad, headers=tuple(each for each in bad.headers if each[0] != header))


def _about_unit(name: str, now: datetime, event_type: str, field: str, **content: Any) -> Bad:
    value = orjson.dumps({"at": now.isoformat(), **content})
    key = content["unit_id"].encode()
    return Bad("", "units", key, value, _headers(name, event_type, now), field)


_KINDS: Final[dict[str, Callable[[str, datetime], Bad]]] = {
    "not JSON": lambda name, now: _bytes(name, now, b"{not json"),
    "no value": lambda name, now: _bytes(name, now, None),
    "not UTF-8": lambda name, now: _bytes(name, now, b'{"call_id": "\xff\xfe"}'),
    "a list": lambda name, now: _bytes(name, now, b"[]"),
    "a NUL character": lambda name, now: _of_unit(name, now, "reason", reason="a\x00b"),
    "a lone surrogate": lambda name, now: replace(
        bad := _of_unit(name, now, "reason", reason="@"),
        value=(bad.value or b"").replace(b"@", rb"\ud800"),
    ),
    "a call without a place": lambda name, now: _bytes(
        name, now, orjson.dumps({"call_id": name}), "location"
    ),
    "a value out of range": lambda name, now: _of_unit(
        name, now, "position.latitude", position={"latitude": 149, "longitude": 1}
    ),
    # A crew's report is taken as of now.
    "from the future": lambda name, now: _of_hospital(
        name, now, "at", at=(now + timedelta(hours=2)).isoformat()
    ),
    "a field that nobody knows": lambda name, now: _of_unit(name, now, "colour", colour="red"),
    "no id": lambda name, now: _without(name, now, "ce_id"),
    "no type": lambda name, now: _without(name, now, "ce_type"),
    "another version of CloudEvents": lambda name, now: replace(
        bad := _of_unit(name, now, "ce_specversion"),
        headers=(("ce_specversion", b"0.3"), *bad.headers[1:]),
    ),
    "a type that nobody knows": lambda name, now: replace(
        _of_unit(name, now, "ce_type"), headers=_headers(name, "unit.invented", now)
    ),
    "a type of another topic": lambda name, now: replace(
        _of_call(name, now, "ce_type"), topic="units"
    ),
    "the key of somebody else": lambda name, now: replace(
        _of_unit(name, now, "key"), key=b"somebody"
    ),
    "a unit that nobody knows": lambda name, now: _about_unit(
        name, now, "unit.reported", "unit_id", unit_id="NOBODY", status="available"
    ),
    "an assignment that nobody knows": lambda name, now: _about_unit(
        name, now, "order.acknowledged", "assignment_id", unit_id="U1", assignment_id="none/A1"
    ),
    "a certificate for no job": lambda name, now: _about_unit(
        name,
        now,
        "disinfection.certified",
        "job_id",
        unit_id="U1",
        job_id="none/J1",
        agent="chlorine_wipe",
        concentration=1000,
        contact_minutes=30,
        started_at=now.isoformat(),
        ended_at=now.isoformat(),
        operator="saboteur",
        waste_bags=1,
    ),
}

KINDS: Final = tuple(_KINDS)


def bad_input(kind: str, name: str, now: datetime) -> Bad:
    """Return bad input of a kind at a time (aware); `name` is its id, of nobody else's."""
    return replace(_KINDS[kind](name, now), kind=kind)


def oversized(name: str, now: datetime) -> list[Bad]:
    """Return inputs of a size that is read, each wrong in tens of thousands of places."""
    batch = {
        "batch_id": name,
        "at": now.isoformat(),
        "institution_id": "I1",
        "district": DISTRICT,
        "location": {"latitude": 48.0, "longitude": 119.0},
        "kind": "confirmed",
        "patients": [{}] * 80_000,
        "by": "saboteur",
    }
    answer = {"call_id": name, "answered_at": now.isoformat(), "symptoms": [1] * 80_000}
    return [
        Bad(
            "80,000 empty patients",
            "transfers",
            name.encode(),
            orjson.dumps(batch),
            _headers(name, "transfer.batch.requested", now),
            "patients",
        ),
        Bad(
            "80,000 symptoms that are none",
            "calls",
            name.encode(),
            orjson.dumps(answer),
            _headers(f"{name}-answer", "call.answered", now),
            "symptoms",
        ),
    ]


def flood(source: str, count: int, now: datetime) -> Iterator[Bad]:
    """Yield so much bad input of one source: answers that say nothing."""
    value = orjson.dumps({"call_id": source, "answered_at": now.isoformat()})
    for number in range(count):
        headers = write_headers(
            event_id=f"{number}",
            event_type="call.answered",
            at=now,
            subject=source,
            source=source,
        )
        yield Bad("flood", "calls", f"{source}-{number}".encode(), value, headers, "key")
