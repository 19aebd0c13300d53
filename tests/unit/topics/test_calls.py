import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from dispatch.topics.body import BodyError, decode
from dispatch.topics.calls import (
    INPUTS,
    Call,
    CallAnswered,
    CallHeld,
    CallOverridden,
)
from dispatch.topics.fields import MAX_BODY_BYTES, Content, parse_time, reasons

ABSENT = object()


def a_call() -> dict[str, Any]:
    return {
        "call_id": "c-1",
        "received_at": "2022-12-23T08:00:00+08:00",
        "district": "150702",
        "caller": {"kind": "public"},
        "patient": {"condition": "stable", "symptoms": ["fever"], "case_status": "none"},
        "location": {"latitude": 49.2, "longitude": 119.7},
    }


def changed(**changes: Any) -> dict[str, Any]:
    """A call with `a__b=value` set at a.b, or taken away there."""
    call = a_call()
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = call
        for parent in parents:
            place = place[parent]
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return call


def refused(model: type[Content], content: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(content)
    return {found["field"]: found["reason"] for found in reasons(caught.value)}


@pytest.mark.parametrize(
    "call",
    [
        a_call(),
        changed(received_at="2022-12-23t00:00:00.123456789z"),
        changed(received_at="2022-12-23T00:00:00-00:00"),
        changed(location={"address": "胜利街 1 号"}),
        changed(location={"latitude": -90, "longitude": 180, "address": "x"}),
        changed(patient__symptoms=[]),
        changed(patient__symptoms=["never heard of", "发热"]),
        changed(patient__age=0.75, patient__sex="f", patient__name="X", patient__id_number="1"),
        changed(caller__phone="whatever is dialled", caller__name=" "),
        changed(caller__institution_id="h-1"),
        changed(
            caller={"kind": "institution", "institution_id": "h-1", "can_admit_suspected": False}
        ),
        changed(epidemiology={}),
        changed(epidemiology={"travel": "unknown", "exposure": "yes"}),
        changed(patient__epidemiology={"travel": "no"}),
        changed(
            chief_complaint="胸痛\n两小时",
            patient_count=3,
            stretcher=True,
            special_needs="oxygen",
            destination_wish="H2",
            requirement="r",
            preliminary_judgement="p",
            call_address="a",
            contact={"name": "n", "phone": "p"},
            dispatcher="d",
            recording="r.wav",
            ring_at="2022-12-23T08:00:00+08:00",
            talk_started_at="2022-12-23T08:00:01+08:00",
            acceptance_started_at="2022-12-23T08:00:02+08:00",
            acceptance_ended_at="2022-12-23T08:00:50+08:00",
        ),
    ],
)
def test_calls_are_read_and_given_back_as_they_are(call: dict[str, Any]) -> None:
    read = Call.model_validate(call)
    again = json.loads(read.model_dump_json())
    assert set(again) == set(call)
    assert Call.model_validate(again) == read
    assert again["patient"].items() >= call["patient"].items()


def test_times_are_kept_in_utc() -> None:
    call = Call.model_validate(a_call())
    assert call.received_at == datetime(2022, 12, 23, tzinfo=UTC)
    assert call.received_at.tzinfo is UTC


def test_answers_are_the_items_that_were_asked_wherever_they_stand() -> None:
    asked = {"residence": "no", "exposure": "unknown"}
    assert Call.model_validate(changed(epidemiology=asked)).answers() == asked
    assert Call.model_validate(changed(patient__epidemiology=asked)).answers() == asked
    assert Call.model_validate(a_call()).answers() == {}


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"call_id": ABSENT}, "call_id", "is required"),
        ({"call_id": ""}, "call_id", "1 to 64"),
        ({"call_id": "x" * 65}, "call_id", "1 to 64"),
        ({"call_id": "a b"}, "call_id", "1 to 64"),
        ({"call_id": "a\n"}, "call_id", "1 to 64"),
        ({"call_id": "é"}, "call_id", "1 to 64"),
        ({"call_id": 1}, "call_id", "must be text"),
        ({"call_id": None}, "call_id", "must not be null"),
        ({"received_at": ABSENT}, "received_at", "is required"),
        ({"received_at": 1671753600}, "received_at", "as text"),
        ({"received_at": True}, "received_at", "as text"),
        ({"received_at": "1671753600"}, "received_at", "RFC 3339"),
        ({"received_at": "2022-12-23"}, "received_at", "RFC 3339"),
        ({"received_at": "2022-12-23T08:00:00"}, "received_at", "RFC 3339"),
        ({"received_at": "2022-12-23 08:00:00Z"}, "received_at", "RFC 3339"),
        ({"received_at": "2022-12-23T08:00Z"}, "received_at", "RFC 3339"),
        ({"received_at": "2022-12-23T08:00:00+0800"}, "received_at", "RFC 3339"),
        ({"received_at": "2022-12-23T08:00:00+08:60"}, "received_at", "RFC 3339"),
        ({"received_at": "２022-12-23T08:00:00Z"}, "received_at", "RFC 3339"),
        ({"received_at": "2022-12-23T08:00:00Z\n"}, "received_at", "RFC 3339"),
        ({"received_at": "2022-02-29T08:00:00Z"}, "received_at", "not a time that exists"),
        ({"received_at": "2022-12-23T24:00:00Z"}, "received_at", "not a time that exists"),
        ({"received_at": "0001-01-01T00:00:00+14:00"}, "received_at", "not a time that exists"),
        ({"received_at": "9999-12-31T00:00:00Z"}, "received_at", "years"),
        ({"district": "1507"}, "district", "6 digits"),
        ({"district": "１50702"}, "district", "6 digits"),
        ({"district": 150702}, "district", "must be text"),
        ({"caller": ABSENT}, "caller", "is required"),
        ({"caller": "public"}, "caller", "must be an object"),
        ({"caller": []}, "caller", "must be an object"),
        ({"caller__kind": "private"}, "caller.kind", "must be one of 'public' or 'institution'"),
        ({"caller__kind": ["public"]}, "caller.kind", "must be one of"),
        ({"caller__kind": "institution"}, "caller.institution_id", "is required"),
        (
            {"caller": {"kind": "institution", "institution_id": "h"}},
            "caller.can_admit_suspected",
            "is required",
        ),
        (
            {"caller": {"kind": "institution", "institution_id": "h", "can_admit_suspected": 1}},
            "caller.can_admit_suspected",
            "true or false",
        ),
        ({"caller__phone": ""}, "caller.phone", "must not be empty"),
        ({"caller__phone": 120}, "caller.phone", "must be text"),
        ({"caller__name": None}, "caller.name", "must not be null"),
        ({"patient__condition": "Stable"}, "patient.condition", "must be one of"),
        ({"patient__condition": ABSENT}, "patient.condition", "is required"),
        ({"patient__case_status": "cured"}, "patient.case_status", "must be one of"),
        ({"patient__symptoms": ABSENT}, "patient.symptoms", "is required"),
        ({"patient__symptoms": "fever"}, "patient.symptoms", "must be a list"),
        ({"patient__symptoms": {"fever": 1}}, "patient.symptoms", "must be a list"),
        ({"patient__symptoms": ["fever", 7]}, "patient.symptoms.1", "must be text"),
        ({"patient__symptoms": [""]}, "patient.symptoms.0", "must not be empty"),
        ({"patient__symptoms": ["x" * 65]}, "patient.symptoms.0", "at most 64"),
        ({"patient__symptoms": ["fe\x00ver"]}, "patient.symptoms.0", "U+0000"),
        ({"patient__symptoms": ["\udc00"]}, "patient.symptoms.0", "lone surrogate"),
        ({"patient__age": -1}, "patient.age", "at least 0"),
        ({"patient__age": 151}, "patient.age", "at most 150"),
        ({"patient__age": "30"}, "patient.age", "must be a number"),
        ({"patient__age": True}, "patient.age", "must be a number"),
        ({"patient__age": float("nan")}, "patient.age", "finite"),
        ({"patient__name": "a\x00"}, "patient.name", "U+0000"),
        ({"patient__name": "\ud800"}, "patient.name", "lone surrogate"),
        ({"location": {}}, "location", "latitude and longitude, or an address"),
        ({"location__longitude": ABSENT}, "location.longitude", "is required"),
        ({"location__latitude": ABSENT}, "location.latitude", "is required"),
        ({"location": {"latitude": 1, "address": "x"}}, "location.longitude", "is required"),
        ({"location__latitude": 90.000001}, "location.latitude", "at most 90"),
        ({"location__longitude": -180.1}, "location.longitude", "at least -180"),
        ({"location__latitude": "49.2"}, "location.latitude", "must be a number"),
        ({"location__latitude": float("inf")}, "location.latitude", "finite"),
        ({"location__latitude": None}, "location.latitude", "must not be null"),
        ({"location__address": ""}, "location.address", "must not be empty"),
        ({"epidemiology": None}, "epidemiology", "must not be null"),
        ({"epidemiology": {"travel": None}}, "epidemiology.travel", "must not be null"),
        ({"epidemiology": {"travel": True}}, "epidemiology.travel", "must be one of"),
        ({"epidemiology": {"travel": "maybe"}}, "epidemiology.travel", "must be one of"),
        ({"epidemiology": {"holiday": "yes"}}, "epidemiology.holiday", "not a known key"),
        (
            {"epidemiology": {}, "patient__epidemiology": {}},
            "epidemiology",
            "given twice",
        ),
        ({"patient_count": 0}, "patient_count", "at least 1"),
        ({"patient_count": 1.5}, "patient_count", "whole number"),
        ({"patient_count": "2"}, "patient_count", "whole number"),
        ({"patient_count": True}, "patient_count", "whole number"),
        ({"stretcher": "yes"}, "stretcher", "true or false"),
        ({"stretcher": 1}, "stretcher", "true or false"),
        ({"ring_at": "soon"}, "ring_at", "RFC 3339"),
        ({"contact": {"fax": "1"}}, "contact.fax", "not a known key"),
        ({"colour": "red"}, "colour", "not a known key"),
        ({"caller__colour": "red"}, "caller.colour", "not a known key"),
        ({"a\x00b": 1}, "a\\u0000b", "not a known key"),
    ],
)
def test_what_is_no_call(changes: dict[str, Any], field: str, reason: str) -> None:
    found = refused(Call, changed(**changes))
    assert list(found) == [field]
    assert reason in found[field]


def test_every_wrong_field_is_named() -> None:
    found = refused(Call, changed(district="x", patient__condition="x", patient__age=-1))
    assert set(found) == {"district", "patient.condition", "patient.age"}


def test_a_key_that_is_no_text_is_refused() -> None:
    assert "lone surrogate" in refused(Call, a_call() | {"\ud800": 1})["body"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is empty"),
        (b" \r\n", "is empty"),
        (b"call", "is not JSON"),
        (b'{"call_id": "c-1"', "is not JSON"),
        (b'{"call_id": NaN}', "NaN is no JSON number"),
        (b'{"call_id": ' + b"9" * 5_000 + b"}", "a number has too many digits"),
        (b'{"call_id": "c-\xff"}', "is not UTF-8 (byte 15)"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b"[" * 60_000, "is nested too deeply"),
        (b"{}" + b" " * MAX_BODY_BYTES, "is longer than 262144 bytes"),
        (b'{"age": ' + b"9" * 5_000 + b"e}", "is not JSON"),
    ],
)
def test_what_is_no_body(body: bytes, reason: str) -> None:
    with pytest.raises(BodyError) as caught:
        decode(body)
    [found] = caught.value.reasons
    assert found["field"] == "body"
    assert reason in found["reason"]


def test_a_body_of_just_the_limit_is_read() -> None:
    assert decode(b"{}" + b" " * (MAX_BODY_BYTES - 2)) == {}


def test_a_lone_surrogate_is_left_to_the_model_to_name() -> None:
    content = decode(b'{"call_id": "\\ud800", "district": "\\ud83d\\ude91"}')
    assert content == {"call_id": "\ud800", "district": "🚑"}


def test_an_answer_says_something() -> None:
    answer = {"call_id": "c-1", "answered_at": "2022-12-23T00:00:30Z", "by": "desk 3"}
    assert "at least one of" in refused(CallAnswered, answer)["body"]
    sayings: tuple[dict[str, Any], ...] = (
        {"epidemiology": {"travel": "no"}},
        {"condition": "critical"},
        {"case_status": "confirmed"},
        {"symptoms": []},
    )
    for said in sayings:
        CallAnswered.model_validate(answer | said)


def test_an_override_says_what_instead_and_why() -> None:
    override = {"call_id": "c-1", "at": "2022-12-23T00:00:30Z", "by": "desk 3", "reason": "closer"}
    assert "at least one of" in refused(CallOverridden, override)["body"]
    for instead in ({"unit_id": "u-1"}, {"crew": "transfer"}, {"hospital_id": "h-1"}):
        CallOverridden.model_validate(override | instead)
    assert refused(CallOverridden, override | {"crew": "flying"}).keys() == {"crew"}
    del override["reason"]
    assert "reason" in refused(CallOverridden, override | {"unit_id": "u-1"})


def test_a_hold_may_have_an_end() -> None:
    hold = {"call_id": "c-1", "at": "2022-12-23T00:00:30Z", "by": "desk 3", "reason": "police"}
    assert CallHeld.model_validate(hold).until is None
    held = CallHeld.model_validate(hold | {"until": "2022-12-23T01:00:00Z"})
    assert held.until == parse_time("2022-12-23T01:00:00Z")


@pytest.mark.parametrize("model", INPUTS)
def test_the_schema_says_what_is_read(model: type[Content]) -> None:
    schema = json.dumps(model.model_json_schema())
    assert '"null"' not in schema
    assert '"default": null' not in schema
    assert model.model_json_schema()["additionalProperties"] is False
