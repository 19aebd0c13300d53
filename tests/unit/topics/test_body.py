"""What a body says does not depend on how it is written."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dispatch.topics.body import Body, doubled_keys, read
from dispatch.topics.calls import Call, CallAnswered
from dispatch.topics.fields import Content, reasons
from dispatch.topics.hospitals import BedFreed, HospitalReported
from dispatch.topics.units import DisinfectionCertified, UnitReported

CALL: dict[str, Any] = {
    "call_id": "c1",
    "received_at": "2022-03-01T00:00:00Z",
    "district": "150702",
    "caller": {"kind": "public"},
    "patient": {"condition": "stable", "symptoms": ["fever", "发热"], "case_status": "none"},
    "location": {"latitude": 49.2, "longitude": 119.0, "address": "胜利大街 5 号"},
    "patient_count": 2,
}


def written(body: Any) -> bytes:
    """Return a body with its order of keys, as JSON's own library writes it: `1.0` stays `1.0`."""
    return json.dumps(body, ensure_ascii=False).encode()


RAW = written(CALL)
OTHERWISE = {
    "white space": json.dumps(CALL, indent=4).encode(),
    "blanks before colons": RAW.replace(b'":', b'" :'),
    "other order": written(dict(reversed(CALL.items()))),
    "1.0 for 1": written({**CALL, "patient_count": 2.0}),
    "an exponent": RAW.replace(b'"patient_count": 2', b'"patient_count": 20e-1'),
    "another exponent": RAW.replace(b'"patient_count": 2', b'"patient_count": 0.02E+2'),
    "more decimals": RAW.replace(b"49.2", b"49.200"),
    "1 for 1.0": RAW.replace(b"119.0", b"119"),
    "null for absent": written(
        {**CALL, "contact": None, "caller": {"kind": "public", "name": None}}
    ),
    "escapes": json.dumps(CALL).encode(),
    "escapes of ASCII": RAW.replace(b'"stable"', b'"\\u0073table"'),
    "an escaped colon": RAW.replace(b"T00:00", b"T00\\u003a00"),
}


@pytest.mark.parametrize("how", OTHERWISE)
def test_the_same_written_otherwise_has_the_same_form(how: str) -> None:
    body = read(OTHERWISE[how])
    assert body.canonical == read(RAW).canonical
    assert not body.doubled
    assert Call.model_validate(body.content) == Call.model_validate(read(RAW).content)


@pytest.mark.parametrize(
    "other",
    [
        {**CALL, "patient_count": 3},
        {**CALL, "patient_count": "2"},
        {**CALL, "patient_count": 2.5},
        {**CALL, "call_id": "c2"},
        {**CALL, "patient": {**CALL["patient"], "symptoms": ["发热", "fever"]}},
        {**CALL, "patient": {**CALL["patient"], "symptoms": ["fever", "发热", None]}},
        {**CALL, "stretcher": False},
        {**CALL, "chief_complaint": "null"},
    ],
)
def test_what_says_something_else_has_another_form(other: dict[str, Any]) -> None:
    assert read(written(other)).canonical != read(RAW).canonical


# What matters in JSON, and what is no ASCII.
_TEXT = st.text(st.sampled_from('a0.:,"\\/{}[]\n 发😷'), max_size=6)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_TEXT, _JSON, max_size=4))
def test_whatever_is_written_reads_as_its_own_form(content: dict[str, Any]) -> None:
    body = read(json.dumps(content).encode())
    assert not body.doubled
    again = read(body.canonical)
    assert again == body
    assert read(json.dumps(content, indent=1, ensure_ascii=True).encode()) == body
    assert read(json.dumps(dict(reversed(content.items()))).encode()).canonical == body.canonical


def test_what_utf_8_cannot_hold_and_what_is_large_has_a_form_too() -> None:
    for raw in (b'{"a": "\\ud800"}', b'{"a": 123456789012345678901234567890}', b'{"a": 1e300}'):
        assert read(raw).canonical == read(raw.replace(b" ", b"  ")).canonical
    deep = b'{"a":' + b"[" * 900 + b"1.0" + b"]" * 900 + b"}"
    assert read(deep) == read(deep)


DOUBLED: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "at the top": (b'{"a":1,"b":2,"a":3}', ("a",)),
    "with other white space": (b'{ "a" : 1 , "a" : 3 }', ("a",)),
    "the same value": (b'{"a":1,"a":1}', ("a",)),
    "deeper": (b'{"a":{"b":[{},{"c":1,"c":2}]}}', ("a.b.1.c",)),
    "written otherwise": (b'{"a":1,"\\u0061":3}', ("a",)),
    "hidden by an escape": (b'{"a":"x\\u003ay","b":1,"b":2}', ("b",)),
    "hidden by an escape in capitals": (b'{"a":"x\\u003Ay","b":1,"b":2}', ("b",)),
    "with null": (b'{"a":null,"a":1}', ("a",)),
    "three times": (b'{"a":1,"a":2,"a":3}', ("a",)),
    "beside a lone surrogate": (b'{"a":"\\ud800","b":1,"b":2}', ("b",)),
    "in text": (b'{"a":"\\"b\\":1,\\"b\\":2"}', ()),
    "of two objects": (b'{"a":{"c":1},"b":{"c":1}}', ()),
    "in a list": (b'{"a":[{"c":1},{"c":1}]}', ()),
}


@pytest.mark.parametrize("where", DOUBLED)
def test_a_key_given_twice_is_found_at_any_depth(where: str) -> None:
    raw, doubled = DOUBLED[where]
    assert read(raw).doubled == doubled == doubled_keys(raw)


def test_of_a_key_given_twice_the_last_one_counts() -> None:
    assert read(b'{"a":1,"b":2,"a":3}').content == {"a": 3, "b": 2}
    assert read(b'{"a":1,"a":null}') == Body({}, b"{}", ("a",))


AT = "2022-03-01T00:00:00Z"
CERTIFICATE = {
    "unit_id": "u1",
    "job_id": "c1/A1/D",
    "at": AT,
    "agent": "chlorine_wipe",
    "concentration": 1000,
    "contact_minutes": 30,
    "started_at": AT,
    "ended_at": AT,
    "operator": "x",
}


@pytest.mark.parametrize(
    ("model", "body", "value"),
    [
        (DisinfectionCertified, {**CERTIFICATE, "waste_bags": 2.0}, ("waste_bags", 2)),
        (HospitalReported, {"hospital_id": "H1", "at": AT, "rooms": {"icu": 3.0}}, None),
        (
            HospitalReported,
            {"hospital_id": "H1", "at": AT, "rooms": {"icu": 3, "buffer": None}, "capacity": None},
            ("rooms", {"icu": 3}),
        ),
        (BedFreed, {"hospital_id": "H1", "at": AT, "room": "icu", "outcome": None}, None),
        (UnitReported, {"unit_id": "u", "at": AT, "status": "rolling", "position": None}, None),
        (
            CallAnswered,
            {"call_id": "c", "answered_at": AT, "condition": "stable", "symptoms": None},
            ("symptoms", None),
        ),
    ],
)
def test_every_input_takes_whole_numbers_and_nulls_as_they_are_meant(
    model: type[Content], body: dict[str, Any], value: tuple[str, Any] | None
) -> None:
    event = model.model_validate(read(written(body)).content)
    if value is not None:
        assert getattr(event, value[0]) == value[1]
    assert b"null" not in event.model_dump_json().encode()


def test_a_required_field_that_is_null_is_missing() -> None:
    with pytest.raises(ValidationError) as caught:
        UnitReported.model_validate(read(orjson.dumps({"unit_id": None, "at": AT})).content)
    assert {"field": "unit_id", "reason": "is required"} in reasons(caught.value)
