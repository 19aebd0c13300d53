"""Which unit goes, and why it and not the others."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.allocation import Choice, Fleet, Need, choose, suits
from dispatch.domain.model import Place, Unit
from dispatch.domain.roster import Roster
from dispatch.domain.travel import GreatCircleTravel, metres_between
from dispatch.policy.pack import load_pack
from dispatch.topics.city import CityMode
from tests.unit.domain.city_builder import (
    DISTRICTS,
    EAST,
    MIDDLE,
    START,
    WEST,
    at,
    transfer_unit,
    unit,
)

POLICY = load_pack("covid-19").allocation
TRAVEL = GreatCircleTravel(road_factor=1.35, speed_kmh=40.0)


def need(crew: Any = "regular", *, critical: bool = False, **changes: Any) -> Need:
    scene = Place(position=at(111.60), source="caller", district=WEST)
    return replace(Need(place=scene, crew=crew, critical=critical), **changes)


def fleet(*units: Unit, mode: CityMode = "epidemic") -> Fleet:
    return Fleet(Roster(units), DISTRICTS, mode, START, TRAVEL, POLICY)


def goes(choice: Choice) -> str | None:
    return choice.unit.unit_id if choice.unit else None


def test_travel_time_is_distance_by_road_at_the_packs_speed() -> None:
    assert metres_between(at(111.6), at(111.7)) == pytest.approx(8_417, rel=0.001)
    assert TRAVEL.seconds(at(111.6), at(111.7)) == pytest.approx(
        8_417 * 1.35 / (40 / 3.6), rel=0.001
    )


def test_the_nearest_free_crew_of_the_kind_goes_and_the_others_are_accounted_for() -> None:
    choice = choose(
        need(),
        fleet(
            unit("near", station=at(111.605)),
            unit("far", station=at(111.62)),
            unit("busy", status="rolling", assignment_id="c/A1"),
            unit("dirty", status="disinfecting", job_id="c/A2/D"),
            unit("empty", staffed=False),
            unit("broken", status="out_of_service"),
            transfer_unit("T1"),
        ),
    )
    assert goes(choice) == "near"
    assert choice.why == ("nearest_by_travel_time", "own_district")
    assert choice.passed_over == {
        "farther": 1, "assigned": 1, "disinfecting": 1, "unstaffed": 1, "out_of_service": 1,
        "kept_for_transfers": 1,
    }  # fmt: skip


def test_the_own_district_comes_first_then_neighbours_then_the_city() -> None:
    neighbour = unit("neighbour", district=MIDDLE, station=at(111.61))
    east = unit("east", district=EAST, station=at(111.605))
    own = unit("own", station=at(111.64))
    assert goes(choose(need(), fleet(neighbour, own, east))) == "own"
    assert goes(choose(need(), fleet(neighbour, east))) == "neighbour"
    assert choose(need(), fleet(east)).why == ("only_one_left", "anywhere_in_city")


def test_a_critical_patient_gets_whoever_is_nearest() -> None:
    own = unit("own", station=at(111.64))
    east = unit("east", district=EAST, station=at(111.605))
    assert goes(choose(need(critical=True), fleet(own, east))) == "east"


def test_a_stale_position_is_replaced_by_the_station_and_said_so() -> None:
    fresh = unit("fresh", status="returning", position=at(111.63), position_at=START)
    stale = replace(fresh, unit_id="stale", position_at=START.replace(hour=7))
    assert goes(choose(need(), fleet(fresh))) == "fresh"
    choice = choose(need(), fleet(stale))
    assert "position_stale_station_used" in choice.why
    assert choice.travel_seconds == 0
    assert (
        "position_stale_station_used" in choose(need(), fleet(replace(stale, position_at=None))).why
    )
    assert "position_stale_station_used" not in choose(need(), fleet(unit("home"))).why


@pytest.mark.parametrize("mode", ["epidemic", "routine"])
def test_transfer_crews_are_in_the_daily_pool_in_routine_mode_alone(mode: CityMode) -> None:
    choice = choose(need(), fleet(transfer_unit("T1"), mode=mode))
    assert goes(choice) == ("T1" if mode == "routine" else None)


def test_a_critical_patient_out_of_every_regular_crews_reach_gets_a_transfer_crew() -> None:
    far = unit("far", station=at(111.9))
    choice = choose(
        need(critical=True), fleet(far, unit("off", status="off_duty"), transfer_unit("T1"))
    )
    assert (goes(choice), choice.fallback) == ("T1", "transfer_as_last_resort")
    assert choice.passed_over == {"out_of_reach": 1, "off_duty": 1}
    assert goes(choose(need(), fleet(far, transfer_unit("T1")))) == "far"
    near = unit("near", station=at(111.65))
    assert goes(choose(need(critical=True), fleet(near, transfer_unit("T1")))) == "near"


def test_a_stable_case_waits_for_a_transfer_crew_that_is_free_soon() -> None:
    soon = transfer_unit("T1", status="disinfecting", job_id="c/A1/D")
    late = transfer_unit("T2", status="rolling", assignment_id="c/A2")
    regular = unit("U1")
    assert choose(need("transfer"), fleet(soon, late, regular)).wait_for_transfer
    assert goes(choose(need("transfer"), fleet(late, regular))) == "U1"
    assert goes(choose(need("transfer", transfer_wait_over=True), fleet(soon, regular))) == "U1"
    assert goes(choose(need("transfer", critical=True), fleet(soon, regular))) == "U1"
    unstaffed = replace(soon, staffed=False)
    assert goes(choose(need("transfer"), fleet(unstaffed, regular))) == "U1"


def test_without_a_transfer_crew_a_negative_pressure_vehicle_goes_first() -> None:
    sealed = unit("sealed", vehicle="negative_pressure", station=at(111.64))
    late = transfer_unit("T1", status="rolling", assignment_id="c/A1")
    choice = choose(need("transfer"), fleet(unit("near"), sealed, late))
    assert (goes(choice), choice.fallback) == ("sealed", "regular_instead_of_transfer")
    assert "negative_pressure_first" in choice.why
    assert choice.why[0] == "own_district"
    assert choice.passed_over == {"not_negative_pressure": 1, "assigned": 1}


def test_no_unit_says_what_emptied_the_list_for_every_crew_that_could_have_gone() -> None:
    dirty = transfer_unit("T1", status="rolling", assignment_id="c/A1")
    choice = choose(need("transfer"), fleet(dirty, unit("U1", staffed=False)))
    assert goes(choice) is None
    assert choice.passed_over == {"assigned": 1, "unstaffed": 1}
    critical = choose(need(critical=True), fleet(dirty, unit("U1", staffed=False)))
    assert critical.passed_over == {"assigned": 1, "unstaffed": 1}
    stable = choose(need(), fleet(dirty, unit("U1", staffed=False)))
    assert stable.passed_over == {"kept_for_transfers": 1, "unstaffed": 1}
    assert choose(need(), fleet()).passed_over == {}


UNITS = st.builds(
    unit,
    st.uuids().map(str),
    status=st.sampled_from(["available", "returning", "rolling", "disinfecting", "off_duty"]),
    crew=st.sampled_from(["regular", "transfer"]),
    vehicle=st.sampled_from(["negative_pressure", "basic"]),
    staffed=st.booleans(),
    job_id=st.sampled_from([None, None, "c/A1/D"]),
    assignment_id=st.sampled_from([None, None, "c/A1"]),
    station=st.floats(111.5, 111.9).map(at),
    district=st.sampled_from([WEST, MIDDLE, EAST]),
)


@given(
    st.lists(UNITS, max_size=6),
    st.builds(
        need, st.sampled_from(["regular", "transfer"]), critical=st.booleans(),
        transfer_wait_over=st.booleans(),
    ),
    st.sampled_from(["epidemic", "routine"]),
)  # fmt: skip
def test_only_a_free_unit_goes_and_every_other_is_accounted_for(
    units: list[Unit], asked: Need, mode: CityMode
) -> None:
    whole = fleet(*units, mode=mode)
    choice = choose(asked, whole)
    if choice.unit is not None:
        chosen = choice.unit
        assert chosen.status in ("available", "returning")
        assert chosen.staffed
        assert chosen.job_id is None
        assert chosen.assignment_id is None
        assert suits(chosen, asked, whole)
    elif not choice.wait_for_transfer:
        assert not any(suits(each, asked, whole) for each in units)
    if choice.fallback is None:
        assert sum(choice.passed_over.values()) == len(units) - (choice.unit is not None)
