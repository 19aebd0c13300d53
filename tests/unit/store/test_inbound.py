"""Inputs are read by what they mean: in either mode, however they are written."""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from cloudevents.v1.http import CloudEvent
from cloudevents.v1.kafka import to_binary, to_structured

from dispatch.domain.believing import Bounds
from dispatch.domain.lenient_calls import Salvage
from dispatch.domain.model import District, Position
from dispatch.store.identities import identify, other_identities
from dispatch.store.inbound import Inbound, read
from dispatch.topics.calls import Call
from dispatch.topics.cloudevents import write_headers
from dispatch.topics.envelope import Record
from dispatch.topics.units import UnitReported

AT = datetime(2022, 3, 1, tzinfo=UTC)
STRUCTURED = (("content-type", b"application/cloudevents+json; charset=utf-8"),)
BATCH = (("content-type", b"application/cloudevents-batch+json"),)
REPORT = {"unit_id": "R1", "at": "2022-03-01T00:00:00Z", "status": "rolling"}
CALL: dict[str, Any] = {
    "call_id": "c1",
    "received_at": "2022-03-01T00:00:00Z",
    "district": "150702",
    "caller": {"kind": "public"},
    "patient": {"condition": "stable", "symptoms": [], "case_status": "none"},
    "location": {"latitude": 49.2, "longitude": 119.7},
    "patient_count": 1,
}
SALVAGE = Salvage(
    {"150702": District(code="150702", name="one", centre=Position(49.2, 119.7))},
    Bounds(south=45.0, west=115.0, north=60.0, east=125.0),
    lambda: AT,
)


def sent(topic: str, event_type: str, key: str, value: Any, **headers: Any) -> Record:
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    named = {"event_id": "e1", "source": "s", "at": AT, "subject": key, **headers}
    return Record(
        topic, 0, 1, 0, key.encode(), raw, write_headers(event_type=event_type, **named), "b"
    )


def whole(record: Record, **changes: Any) -> Record:
    """Return a record in structured mode."""
    said = {name: (value or b"").decode() for name, value in record.headers}
    envelope = {
        "specversion": "1.0",
        "id": said["ce_id"],
        "source": said["ce_source"],
        "type": said["ce_type"],
        "time": "2030-01-01T00:00:00Z",
        "datacontenttype": "application/json",
        "data": orjson.loads(record.value or b""),
    }
    return replace(record, headers=STRUCTURED, value=orjson.dumps({**envelope, **changes}))


def report(value: Any = REPORT) -> Record:
    return sent("units", "unit.reported", "R1", value)


def call(value: Any = CALL) -> Record:
    return sent("calls", "call.received", "c1", value)


def taken(record: Record) -> Inbound:
    return read(record, topic=record.topic, salvage=SALVAGE)


def test_either_mode_is_the_same_input() -> None:
    for record, kind in ((report(), UnitReported), (call(), Call)):
        binary, structured = taken(record), taken(whole(record))
        assert isinstance(binary.event, kind)
        assert structured.event == binary.event
        assert structured.identity == binary.identity == "s#e1"
        assert structured.digest == binary.digest
        assert structured.content == binary.content
        assert not structured.warnings
        assert not structured.reasons


def test_the_envelope_counts_whatever_headers_stand_beside_it() -> None:
    record = whole(report(), id="e2")
    record = replace(record, headers=(("ce_id", b"e9"), ("ce_type", b"order.x"), *STRUCTURED))
    assert taken(record).identity == "s#e2"
    assert isinstance(taken(record).event, UnitReported)


def test_data_in_base64_is_read() -> None:
    encoded = b64encode(report().value or b"").decode()
    assert isinstance(taken(whole(report(), data=None, data_base64=encoded)).event, UnitReported)


@pytest.mark.parametrize("headers", [(), (("content-type", b"application/json"),)])
def test_an_envelope_is_taken_whatever_its_content_type(
    headers: tuple[tuple[str, bytes], ...],
) -> None:
    assert taken(replace(whole(report()), headers=headers)).event == taken(report()).event


@pytest.mark.parametrize("write", [to_binary, to_structured])
def test_the_first_sdk_of_cloudevents_for_python_is_understood(write: Any) -> None:
    record = report()
    said = {
        name[3:]: value.decode() for name, value in record.headers if value and name[:3] == "ce_"
    }
    said["datacontenttype"] = "application/json"
    made = write(CloudEvent(said, orjson.loads(record.value or b"")))
    sent = replace(record, headers=tuple(made.headers.items()), value=made.value)
    assert taken(sent).event == taken(record).event


def test_a_body_without_attributes_is_told_what_is_expected() -> None:
    inbound = taken(replace(report(), headers=()))
    assert inbound.event is None
    assert "application/cloudevents+json" in inbound.reasons[0].reason


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"id": None}, "ce_id"), ({"data": "x"}, "body"), ({"type": "unit.made_up"}, "ce_type")],
)
def test_what_is_wrong_in_an_envelope_is_refused_of_others_and_made_good_of_calls(
    changes: dict[str, Any], field: str
) -> None:
    inbound = taken(whole(report(), **changes))
    assert inbound.event is None
    assert inbound.reasons[0].field == field
    assert inbound.sender == {"unit_id": "R1"}
    said = {**changes, "data": orjson.dumps(CALL).decode()} if "data" in changes else changes
    found = taken(whole(call(), **said))
    assert isinstance(found.event, Call)
    assert "holds a whole CloudEvent: its data was taken" not in {
        each.reason for each in found.warnings
    }


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record: whole(record, id=None),
        lambda record: whole(record, id=7),
        lambda record: whole(record, specversion="1.1"),
        lambda record: replace(whole(record), value=b"\xef\xbb\xbf" + (whole(record).value or b"")),
        lambda record: replace(
            record, headers=BATCH, value=b"[" + (whole(record).value or b"") + b"]"
        ),
    ],
)
def test_an_answer_in_a_broken_envelope_is_no_call(spoil: Callable[[Record], Record]) -> None:
    said = {
        "call_id": "c1",
        "answered_at": "2022-03-01T00:00:00Z",
        "by": "seat 1",
        "location": {"latitude": 49.2, "longitude": 119.7},
        "epidemiology": {},
    }
    found = taken(spoil(sent("calls", "call.answered", "c1", said)))
    assert found.event is None


def test_data_under_the_content_type_of_whole_events_is_taken_by_its_headers() -> None:
    plain = report()
    others = (each for each in plain.headers if each[0] != "content-type")
    odd = replace(plain, headers=(*others, *STRUCTURED))
    assert taken(odd).event == taken(plain).event is not None


@pytest.mark.parametrize(
    "more", [(("ce_traceparent", None),), (("ce_x", b"1"), ("ce_x", b"2")), (("ce_x", b"\xb2"),)]
)
def test_headers_that_nobody_reads_change_nothing(
    more: tuple[tuple[str, bytes | None], ...],
) -> None:
    plain = report()
    odd = taken(replace(plain, headers=(*plain.headers, *more)))
    assert odd.event is not None
    assert odd.identity == taken(plain).identity


def test_the_batch_format_is_refused_and_says_what_to_do_instead() -> None:
    events = orjson.dumps([orjson.loads(whole(report()).value or b"")] * 2)
    inbound = taken(replace(report(), headers=BATCH, value=events))
    assert inbound.event is None
    assert [each.field for each in inbound.reasons] == ["content-type"]
    assert "a record of its own" in inbound.reasons[0].reason
    assert not inbound.is_call


def test_calls_in_a_batch_are_not_lost() -> None:
    one = orjson.loads(whole(call()).value or b"")
    several = taken(replace(call(), headers=BATCH, value=orjson.dumps([one, one])))
    assert several.event is None
    assert several.is_call
    assert several.reasons[0].field == "content-type"
    alone = taken(replace(call(), headers=BATCH, value=orjson.dumps([one])))
    assert isinstance(alone.event, Call)
    assert "content-type" in {each.field for each in alone.warnings}


# -- how it is written

_RAW = orjson.dumps(CALL)
OTHERWISE = {
    "white space": orjson.dumps(CALL, option=orjson.OPT_INDENT_2),
    "order": orjson.dumps(dict(reversed(CALL.items()))),
    "1.0": _RAW.replace(b'"patient_count":1', b'"patient_count":1.0'),
    "null": _RAW.replace(b'{"call_id"', b'{"contact":null,"call_id"'),
    "escapes": _RAW.replace(b'"stable"', b'"\\u0073table"'),
}


@pytest.mark.parametrize("how", OTHERWISE)
def test_the_same_event_written_otherwise_is_a_repeat(how: str) -> None:
    first, again = taken(call()), taken(call(OTHERWISE[how]))
    assert again.digest == first.digest
    assert again.content == first.content
    assert again.event == first.event
    assert not again.warnings
    seen = {first.identity: (first.digest, "calls")}
    assert identify(again, seen) == (first.identity, False)


def test_what_an_sdk_makes_up_each_time_is_no_other_content() -> None:
    later = sent("calls", "call.received", "c1", CALL, at=datetime(2023, 1, 1, tzinfo=UTC))
    assert taken(later).digest == taken(call()).digest


def of_bytes(record: Record, event_type: str = "call.received") -> bytes:
    """Return the digest that versions before noted."""
    return hashlib.sha256(event_type.encode() + b"\0" + (record.value or b"")).digest()


def test_what_is_known_by_the_digest_of_its_bytes_is_a_repeat() -> None:
    inbound = taken(call())
    seen = {inbound.identity: (of_bytes(inbound.record), "calls")}
    assert identify(inbound, seen) == ("s#e1", False)
    # Also of two contents under one source and id.
    other = taken(call({**CALL, "patient_count": 2}))
    before = f"s#e1!{of_bytes(other.record).hex()}"
    assert before in other_identities(other)
    assert identify(other, {**seen, before: (b"", "calls")}) == (before, True)
    assert identify(other, seen) == (f"s#e1!{other.digest.hex()}", True)


def test_headers_of_no_event_are_known_by_their_bytes() -> None:
    bare = taken(replace(report(), headers=()))
    assert bare.digest == bare.as_written() == hashlib.sha256(bare.record.value or b"").digest()


# -- keys given twice


def test_a_call_with_a_key_given_twice_is_taken_by_the_last_and_warned_of() -> None:
    raw = orjson.dumps(CALL).replace(b'"condition"', b'"condition":"critical","condition"')
    for record in (
        call(raw),
        replace(
            whole(call()),
            value=(whole(call()).value or b"").replace(
                b'"condition"', b'"condition":"critical","condition"'
            ),
        ),
    ):
        inbound = taken(record)
        assert isinstance(inbound.event, Call)
        assert inbound.event.patient.condition == "stable"
        assert [(each.field, each.reason) for each in inbound.warnings] == [
            ("patient.condition", "is given twice: the last one was taken")
        ]


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (b'"status"', b'"status":"rolling","status"', "status"),
        (b'"status":"rolling"', b'"position":{"latitude":1,"longitude":2,"latitude":1}', None),
    ],
)
def test_another_input_with_a_key_given_twice_is_refused(
    old: bytes, new: bytes, path: str | None
) -> None:
    inbound = taken(report((report().value or b"").replace(old, new)))
    assert inbound.event is None
    assert inbound.sender == {"unit_id": "R1"}
    assert [(each.field, each.reason) for each in inbound.reasons] == [
        (path or "position.latitude", "is given twice")
    ]
