"""A call's parts in other shapes than agreed: nothing that they plainly say is lost."""

from typing import Any

import pytest

from dispatch.domain.other_shapes import degrees_of
from dispatch.topics.calls import Call
from tests.unit.domain.test_lenient_calls import VALID, taken

HERE = (49.2, 119.7)
FLAT = {name: each for name, each in VALID.items() if name not in ("location", "caller")}
POINT = {"type": "Point", "coordinates": [119.7, 49.2]}


def changed(**changes: Any) -> Call:
    call, found = taken({**VALID, **changes})
    assert call is not None
    assert found
    return call


@pytest.mark.parametrize(
    "location",
    [
        [49.2, 119.7],
        [119.7, 49.2],
        "49.2, 119.7",
        [{"latitude": 49.2, "longitude": 119.7}],
        '{"latitude": 49.2, "longitude": 119.7}',
        POINT,
        {"type": "Feature", "geometry": POINT},
        {"coordinates": {"lat": 49.2, "lng": 119.7}},
        {"Latitude": 49.2, "longitude ": 119.7},
        {"lat": "49.2N", "lon": "东经119.7°"},
        {"latitude": "49°12'N", "longitude": "119°42'E"},
        {"latitude": 119.7, "longitude": 49.2},
        {"latitude": "119.7E", "longitude": "49.2N"},
    ],
)
def test_a_position_is_taken_in_whatever_shape_it_is(location: Any) -> None:
    place = changed(location=location).location
    assert (place.latitude, place.longitude) == pytest.approx(HERE)


@pytest.mark.parametrize("name", ["location", "location ", "Location"])
@pytest.mark.parametrize("location", ["胜利大街5号", ["胜利大街5号"], {"Address": "胜利大街5号"}])
def test_a_place_that_is_a_text_is_an_address(name: str, location: Any) -> None:
    call, _ = taken({**FLAT, name: location})
    assert call is not None
    assert call.location.address == "胜利大街5号"


@pytest.mark.parametrize(
    "caller",
    [
        "13904700001",
        13904700001,
        ["13904700001"],
        [{"kind": "public", "phone": "13904700001"}],
        {"kind": "public", "phone": ["13904700001"]},
        {"kind": "public", "Phone": 13904700001},
        {"kind": "public", "tel": "13904700001"},
        '{"kind": "public", "phone": "13904700001"}',
    ],
)
def test_a_telephone_is_taken_in_whatever_shape_it_is(caller: Any) -> None:
    assert changed(caller=caller).caller.phone == "13904700001"


def test_keys_that_stand_alone_go_where_they_belong() -> None:
    alone = {"latitude": 49.2, "Longitude": 119.7, "address": "x", "phone": "13904700001"}
    call, found = taken(FLAT | alone | {"patient": None, "condition": "critical"})
    assert call is not None
    assert call.location.model_dump(exclude_none=True) == {
        "latitude": 49.2,
        "longitude": 119.7,
        "address": "x",
    }
    assert call.caller.phone == "13904700001"
    assert call.patient.condition == "critical"
    assert found["phone"] == "stands alone: read as caller.phone"


def test_a_position_that_is_nowhere_near_is_not_exchanged() -> None:
    call = changed(location={"latitude": 149, "longitude": 1, "address": "x"})
    assert call.location.latitude is None


@pytest.mark.parametrize(
    ("said", "degrees"),
    [("33.9S", -33.9), ("-33.9", -33.9), ("西经 70.5", -70.5), ("x", None), (True, None)],
)
def test_degrees_are_read_with_their_unit(said: Any, degrees: float | None) -> None:
    assert degrees_of(said) == degrees
