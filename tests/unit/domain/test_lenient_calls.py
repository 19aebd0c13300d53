"""Calls as they are meant: nothing raises, what is valid stays, what is taken is a call."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.believing import Bounds
from dispatch.domain.city import Duplicate
from dispatch.domain.lenient_calls import ADDRESS_UNKNOWN, Salvage, derived_id, nearest, take
from dispatch.domain.model import District, Position
from dispatch.topics.calls import Call, Location
from dispatch.topics.incidents import CallWarned
from tests.unit.domain.city_builder import SmallCity, call, unit

NOW = datetime(2022, 3, 1, tzinfo=UTC)
DISTRICTS = {
    "150702": District(code="150702", name="海拉尔区", centre=Position(49.2, 119.7)),
    "150781": District(code="150781", name="满洲里市", centre=Position(49.6, 117.4)),
}
BOUNDS = Bounds(south=47.0, west=115.5, north=53.4, east=126.1)
SALVAGE = Salvage(DISTRICTS, BOUNDS, lambda: NOW)

VALID: dict[str, Any] = {
    "call_id": "c1",
    "received_at": "2022-03-01T00:00:00Z",
    "district": "150702",
    "caller": {"kind": "public", "phone": "13904700001"},
    "patient": {"condition": "critical", "symptoms": ["fever"], "case_status": "suspected"},
    "location": {"latitude": 49.2, "longitude": 119.7, "address": "x"},
    "epidemiology": {"travel": "no"},
}
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=30)
    | st.sampled_from(["150702", "critical", "public", "2022-03-01T00:00:00Z", "institution"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        name: ANY_JSON
        | st.dictionaries(
            st.sampled_from(
                ["kind", "institution_id", "condition", "symptoms", "case_status", "latitude",
                 "longitude", "address", "travel", "phone", "age", "epidemiology"]
            ),
            ANY_JSON,
        )
        for name in Call.model_fields
    },
)  # fmt: skip


def taken(body: dict[str, Any]) -> tuple[Call | None, dict[str, str]]:
    call, found = SALVAGE.call(body, lambda _: "other")
    return call, {each.field: each.reason for each in found}


def test_a_valid_call_comes_through_unchanged_and_without_a_warning() -> None:
    assert taken(VALID) == (Call.model_validate(VALID), {})


@given(PARTS | st.dictionaries(st.text(), ANY_JSON))
def test_no_object_raises_and_what_is_taken_is_a_call_with_a_place(body: dict[str, Any]) -> None:
    call, found = taken(body)
    if call is None:
        assert "location" in found
    else:
        assert Call.model_validate_json(call.model_dump_json()) == call
        assert call.district


@given(st.sampled_from(sorted(Call.model_fields)), ANY_JSON)
def test_one_field_that_is_anything_loses_no_other(name: str, value: Any) -> None:
    call, _ = taken({**VALID, name: value})
    if name not in {"location", "district"}:
        assert call is not None
        assert call.location.latitude == 49.2
    if call is not None and name != "caller":
        assert call.caller.phone == "13904700001"


@pytest.mark.parametrize(
    ("changes", "field", "kept"),
    [
        ({"caller": {"kind": "public", "phone": 13904700001}}, "caller.phone", "13904700001"),
        ({"patient": {"condition": "Critical"}}, "patient.condition", "critical"),
        ({"patient": {"age": "40"}}, "patient.age", 40),
        ({"patient": {"age": "forty"}}, "patient.age", None),
        ({"patient": {"symptoms": ["fever", 7, "cough"]}}, "patient.symptoms", ("fever", "cough")),
        ({"patient": {"symptoms": "fever"}}, "patient.symptoms", ("fever",)),
        ({"patient": {"symptoms": [7]}}, "patient.symptoms", ("unknown",)),
        ({"patient": {"symptoms": ["cough", "烧" * 65]}}, "patient.symptoms", ("cough", "烧" * 64)),
        (
            {"patient": {"symptoms": ["cough", {"code": "fever"}, {}]}},
            "patient.symptoms",
            ("cough", "{'code': 'fever'}"),
        ),
        ({"patient": {"condition": "stable"}}, "patient.symptoms", ("unknown",)),
        ({"patient": {"case_status": "?"}}, "patient.case_status", "none"),
        ({"patient": 7}, "patient.condition", "unknown"),
        ({"chief_complaint": "fell\x00down\ud800"}, "chief_complaint", "fell down?"),
        ({"chief_complaint": "x" * 30_000}, "chief_complaint", "x" * 20_000),
        ({"call_id": " c7 "}, "call_id", "c7"),
        ({"call_id": None}, "call_id", "other"),
        ({"received_at": 1646092800}, "received_at", NOW),
        ({"district": 150781}, "district", "150781"),
        ({"stretcher": "true"}, "stretcher", True),
        ({"location": {}}, "location", None),
        ({"location": {"latitude": 49.2}}, "location", None),
        ({"location": {"latitude": "49.3", "longitude": 119.7}}, "location.latitude", 49.3),
        ({"location": {"longitude": 119.7, "address": "y"}}, "location.address", "y"),
    ],
)
def test_each_field_is_read_as_it_is_meant_or_gets_the_cautious_value(
    changes: dict[str, Any], field: str, kept: Any
) -> None:
    call, found = taken({**VALID, **changes})
    assert call is not None
    assert field in found or field.partition(".")[0] in found
    value: Any = call
    if not (field == "location" and call.location.address == ADDRESS_UNKNOWN):
        for name in field.split("."):
            value = getattr(value, name)
        assert value == kept


def test_an_institution_that_does_not_say_whether_it_can_admit_cannot() -> None:
    call, _ = taken({**VALID, "caller": {"kind": "institution", "institution_id": "clinic"}})
    assert call is not None
    assert call.caller.can_admit_suspected is False


def test_the_graver_of_two_answers_counts() -> None:
    inside = {**VALID["patient"], "epidemiology": {"travel": "yes", "exposure": "no"}}
    call, _ = taken({**VALID, "patient": inside, "epidemiology": {"travel": "no"}})
    assert call is not None
    assert call.answers() == {"travel": "yes", "exposure": "no"}


def test_a_call_is_sent_to_the_nearest_district_or_to_the_one_that_its_address_names() -> None:
    assert nearest(DISTRICTS, Position(49.5, 117.5), None) == "150781"
    assert nearest(DISTRICTS, None, "内蒙古满洲里市一道街") == "150781"
    assert nearest(DISTRICTS, None, None) in DISTRICTS
    call, found = taken({**VALID, "district": None})
    assert call is not None
    assert call.district == "150702"
    assert "district" in found


@pytest.mark.parametrize(
    ("latitude", "longitude", "why"),
    [
        (0.0, 0.0, "0, 0 stands for no position"),
        (55.75, 37.62, "55.7500, 37.6200 is outside the city's bounds"),
    ],
)
def test_a_position_that_cannot_be_does_not_say_where_a_call_is_from(
    latitude: float, longitude: float, why: str
) -> None:
    place = {"latitude": latitude, "longitude": longitude, "address": "满洲里市一道街"}
    call, found = taken({**VALID, "district": None, "location": place})
    assert call is not None
    assert call.location == Location(address="满洲里市一道街")
    assert call.district == "150781"
    assert found["location"] == f"{why}: it was left out"


@pytest.mark.parametrize("datum", ["Xian-80", 80, ["x"], {}])
def test_an_unknown_datum_of_a_call_is_warned_of_and_taken_as_wgs84(datum: Any) -> None:
    call, found = taken({**VALID, "location": {**VALID["location"], "datum": datum}})
    assert call == Call.model_validate(VALID)
    assert found["location.datum"].endswith(": taken as WGS-84")


def test_a_datum_that_stands_elsewhere_counts_all_the_same() -> None:
    plain = {"latitude": 49.2, "longitude": 119.7, "datum": "GCJ-02"}
    shifted = Location.model_validate(plain)
    assert shifted.latitude != 49.2
    for body in (
        {**VALID, "location": {"lat": 49.2, "lng": 119.7, "coordType": "x", "坐标系": "gcj02"}},
        {**VALID, "location": {"latitude": 49.2, "longitude": 119.7}, "datum": "gcj02"},
    ):
        call, _ = taken(body)
        assert call is not None
        assert call.location == shifted


def test_a_call_of_which_nothing_says_where_it_is_is_not_taken() -> None:
    call, found = taken({**VALID, "district": "999999", "location": {"latitude": 49.2}})
    assert call is None
    assert "location" in found


def test_derived_ids_are_ids_and_follow_from_the_content() -> None:
    assert derived_id("c" * 64, "ab" * 32) == "c" * 47 + ":" + "ab" * 8


@pytest.mark.parametrize(
    ("behind", "fields"),
    [(0, []), (1, ["received_at", "ring_at"]), (3_000_000_000, ["received_at", "ring_at"])],
)
def test_a_time_of_long_ago_is_taken_as_now(behind: int, fields: list[str]) -> None:
    small = SmallCity(unit("u1"))
    tolerance = small.pack.events.past_tolerance_seconds
    at = small.now - timedelta(seconds=tolerance + behind)
    sent = call("c1", received_at=at, ring_at=at, talk_started_at=small.now)
    taken: list[Call] = []
    events = small.do(lambda city: taken.append(take(city, sent, "a")))
    warned = [event for event in events if isinstance(event, CallWarned)]
    assert [each.field for event in warned for each in event.warnings] == fields
    assert all(
        "in the past: taken as now" in each.reason for event in warned for each in event.warnings
    )
    expected = small.now if fields else at
    assert (taken[0].received_at, taken[0].ring_at) == (expected, expected)
    assert taken[0].talk_started_at == small.now
    # It is known again, though now is another time.
    small.pass_time(3_600)
    with pytest.raises(Duplicate):
        small.do(lambda city: take(city, sent, "b" if fields else "a"))
