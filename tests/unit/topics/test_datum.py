"""Positions of China's maps are WGS-84 from where they come in on, and others are left alone."""

from typing import Any

import geocoordinates_ffi as shift
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from dispatch.domain.model import Position
from dispatch.domain.travel import metres_between
from dispatch.topics.calls import Location
from dispatch.topics.datum import Datum, in_china, to_wgs84
from dispatch.topics.transfers import TransferRequested
from dispatch.topics.units import UnitReported

# Within China's box by more than the shift.
latitudes, longitudes = st.floats(3.1, 53.9), st.floats(73.1, 135.9)
DATUM: TypeAdapter[Datum] = TypeAdapter(Datum)


def apart(a: tuple[float, float], b: tuple[float, float]) -> float:
    return metres_between(Position(*a), Position(*b))


# As WGS-84 and GCJ-02: the public tests of eviltransform (googollee/eviltransform).
@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
        ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
        ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
    ],
)
def test_known_points_of_gcj02(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    assert apart(gcj02, wgs84) > 400
    assert apart(to_wgs84(*gcj02, "GCJ-02"), wgs84) < 2


# As BD-09 and GCJ-02: the public tests of wandergis/coordtransform.
@pytest.mark.parametrize(
    ("bd09", "gcj02"),
    [
        ((39.915, 116.404), (39.90865673957631, 116.39762729119315)),
        ((39.92133699351021, 116.41036949371029), (39.915, 116.404)),
    ],
)
def test_known_points_of_bd09(bd09: tuple[float, float], gcj02: tuple[float, float]) -> None:
    assert apart(bd09, gcj02) > 800
    assert apart(to_wgs84(*bd09, "BD-09"), to_wgs84(*gcj02, "GCJ-02")) < 2


@given(latitudes, longitudes)
def test_there_and_back_again(latitude: float, longitude: float) -> None:
    here = (latitude, longitude)
    gcj02 = shift.wgs84_to_gcj02(shift.Wgs84(lat=latitude, lon=longitude))
    assert apart(to_wgs84(gcj02.lat, gcj02.lon, "GCJ-02"), here) < 1
    bd09 = shift.wgs84_to_bd09(shift.Wgs84(lat=latitude, lon=longitude))
    assert apart(to_wgs84(bd09.lat, bd09.lon, "BD-09"), here) < 2


@given(st.floats(-90, 90), st.floats(-180, 180), st.sampled_from(["GCJ-02", "BD-09", "WGS-84"]))
@example(48.85, 2.35, "BD-09")
@example(0.0, 0.0, "GCJ-02")
def test_outside_china_nothing_is_shifted(latitude: float, longitude: float, datum: Any) -> None:
    found = to_wgs84(latitude, longitude, datum)
    if datum == "WGS-84" or not in_china(latitude, longitude):
        assert found == (latitude, longitude)
    else:
        assert apart(found, (latitude, longitude)) < 3_000


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("GCJ-02", "GCJ-02"),
        ("gcj02", "GCJ-02"),
        ("bd_09", "BD-09"),
        ("BD09LL", "BD-09"),
        ("gcj02ll", "GCJ-02"),
        ("wgs84ll", "WGS-84"),
        ("wgs 84", "WGS-84"),
        ("CGCS2000", "WGS-84"),
    ],
)
def test_a_datum_may_be_spelt_as_it_is_elsewhere(said: str, meant: str) -> None:
    assert DATUM.validate_python(said) == meant


@pytest.mark.parametrize("said", ["", "Beijing 54", "GCJ-03", 84, ["GCJ-02"], None])
def test_any_other_is_refused(said: Any) -> None:
    with pytest.raises(ValidationError):
        DATUM.validate_python(said)


GCJ02 = {"latitude": 39.91334545536069, "longitude": 116.38404722455657, "datum": "GCJ-02"}
TRANSFER = {
    "transfer_id": "t1",
    "at": "2022-03-01T00:00:00Z",
    "institution_id": "clinic",
    "district": "110102",
    "kind": "confirmed",
    "patients": [{"patient_id": "p1", "severity": "mild", "mobility": "walking"}],
    "by": "nurse",
}


def test_wherever_a_position_comes_in_it_is_wgs84_then() -> None:
    unit = UnitReported.model_validate(
        {"unit_id": "U1", "at": "2022-03-01T00:00:00Z", "position": GCJ02}
    )
    transfer = TransferRequested.model_validate(TRANSFER | {"location": GCJ02})
    assert unit.position is not None
    for place in (Location.model_validate(GCJ02), unit.position, transfer.location):
        assert place.datum is None
        assert place.latitude == pytest.approx(39.911954, abs=1e-5)
        assert place.longitude == pytest.approx(116.377817, abs=1e-5)
        # What is kept of it is read again as it is.
        assert type(place).model_validate_json(place.model_dump_json()) == place


def test_an_unknown_datum_of_others_than_calls_is_refused() -> None:
    unknown = GCJ02 | {"datum": "Xian-80"}
    with pytest.raises(ValidationError, match="datum"):
        TransferRequested.model_validate(TRANSFER | {"location": unknown})
    with pytest.raises(ValidationError, match="datum"):
        UnitReported.model_validate(
            {"unit_id": "U1", "at": "2022-03-01T00:00:00Z", "position": unknown}
        )


def test_an_address_has_no_datum() -> None:
    place = Location.model_validate({"address": "胜利街 1 号", "datum": "GCJ-02"})
    assert place == Location(address="胜利街 1 号")
