"""The choice by place comes to what a look at every unit comes to, whatever happens to units."""

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf, log2
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.allocation import CountingRoster
from dispatch.domain import allocation
from dispatch.domain.allocation import Need, choose, choose_of_kind
from dispatch.domain.city import City
from dispatch.domain.fleet import fleet_of
from dispatch.domain.model import Place, Position, Unit
from dispatch.domain.roster import Roster
from dispatch.domain.travel import GreatCircleTravel, Travel
from dispatch.policy.pack import load_pack
from tests.unit.domain import linear_allocation
from tests.unit.domain.city_builder import DISTRICTS, EAST, MIDDLE, START, WEST, at, unit
from tests.unit.domain.linear_allocation import Everybody

PACK = load_pack("covid-19")

# Few values each, so that units tie; the longitudes reach beyond every limit of the pack.
longitudes = st.one_of(st.sampled_from([111.5, 111.6, 111.6000001, 111.7]), st.floats(111.4, 112.9))
minutes = st.integers(-4, 4)
ids = st.sampled_from([f"U{number}" for number in range(12)])
vehicles = st.sampled_from(["negative_pressure", "monitoring", "basic"])
units = st.builds(
    lambda unit_id, reported, **fields: unit(
        unit_id, **fields, position_at=None if reported is None else START + reported
    ),
    ids,
    st.none() | minutes.map(lambda count: timedelta(minutes=count)),
    status=st.sampled_from(
        ["available", "available", "returning", "rolling", "disinfecting", "off_duty"]
    ),
    crew=st.sampled_from(["regular", "transfer"]),
    vehicle=vehicles,
    staffed=st.sampled_from([True, True, True, False]),
    job_id=st.sampled_from([None, None, None, "c/A1/D"]),
    assignment_id=st.sampled_from([None, None, None, "c/A1"]),
    station=longitudes.map(at),
    position=st.none() | longitudes.map(at),
    district=st.sampled_from([WEST, MIDDLE, EAST]),
)
needs = st.builds(
    lambda longitude, district, **fields: Need(
        place=Place(position=at(longitude), source="caller", district=district), **fields
    ),
    longitudes,
    st.sampled_from([WEST, MIDDLE, EAST, "150199"]),
    crew=st.sampled_from(["regular", "transfer"]),
    critical=st.booleans(),
    transfer_wait_over=st.booleans(),
    vehicles=st.frozensets(vehicles, max_size=2),
    within_seconds=st.one_of(st.just(inf), st.sampled_from([-60.0, 0.0, 600.0, 3_000.0])),
)
# What a batch of inputs does to units: each is changed, taken back to the mark, or made final.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), units),
        st.tuples(st.sampled_from(["mark", "roll back", "settle", "abandon"]), st.none()),
        st.tuples(st.just("load"), st.lists(units, max_size=4)),
        st.tuples(st.just("clock"), minutes),
        st.tuples(st.just("choose"), needs),
    ),
    max_size=60,
)


@given(steps, st.sampled_from(["epidemic", "routine"]), needs)
def test_a_unit_is_chosen_as_by_a_look_at_every_unit(
    steps: list[tuple[str, Any]], mode: Any, last: Need
) -> None:
    city = City(pack=PACK, districts=DISTRICTS, mode=mode)
    city.begin(now=START, cause="x")
    mark = city.mark()
    for what, argument in [*steps, ("choose", last)]:
        match what:
            case "put":
                city.put(argument)
            case "mark":
                mark = city.mark()
            case "roll back":
                city.roll_back(mark)
            case "settle":
                city.settle()
                mark = city.mark()
            case "abandon":
                city.abandon()
                mark = city.mark()
            case "load":
                city.settle()
                mark = city.mark()
                city.load(argument)
            case "clock":
                city.begin(now=START + timedelta(minutes=argument), cause="x")
            case _:
                _compare(city, argument)


def _compare(city: City, need: Need) -> None:
    by_place = fleet_of(city)
    everybody = Everybody(
        list(city.units.values()), city.districts, city.mode, city.now, city.travel, by_place.policy
    )
    assert choose(need, by_place) == linear_allocation.choose(need, everybody)
    for latest in (inf, 300.0):
        assert choose_of_kind(need, by_place, need.crew, latest) == (
            linear_allocation.choose_of_kind(need, everybody, need.crew, latest)
        )


@dataclass
class _Counting:
    """Travel times as usual, and how often one was asked for."""

    usual: Travel
    asked: int = 0

    def seconds(self, origin: Position, destination: Position) -> float:
        self.asked += 1
        return self.usual.seconds(origin, destination)

    def at_least(self, metres: float) -> float:
        return self.usual.at_least(metres)


@pytest.mark.thorough
def test_the_units_looked_at_grow_no_faster_than_the_logarithm_of_their_number() -> None:
    rng = random.Random(3)
    policy = PACK.allocation
    travel = _Counting(GreatCircleTravel(policy.road_factor, policy.speed_kmh))
    roster, known = CountingRoster(), 0

    def somewhere() -> Position:
        return Position(40.6 + 0.4 * rng.random(), 111.5 + 0.4 * rng.random())

    for size in (100, 1_000, 10_000, 100_000):
        for number in range(known, size):
            crew: Any = rng.choice(["regular", "regular", "transfer"])
            roster.replace(None, _some_unit(f"U{number}", crew, rng, somewhere()))
        known, roster.looked_at, travel.asked = size, 0, 0
        for turn in range(100):
            place = Place(
                position=somewhere(), source="caller", district=rng.choice([WEST, MIDDLE, EAST])
            )
            need = Need(place=place, crew="regular", critical=turn % 2 == 0)
            fleet = allocation.Fleet(roster, DISTRICTS, "epidemic", START, travel, policy)
            chosen = choose(need, fleet).unit
            assert chosen is not None
            roster.replace(chosen, replace(chosen, assignment_id="c/A1"))
            roster.replace(replace(chosen, assignment_id="c/A1"), chosen)
        assert roster.looked_at / 100 <= 1.5 * log2(size), size
        assert travel.asked <= roster.looked_at


def _some_unit(unit_id: str, crew: Any, rng: random.Random, position: Position) -> Unit:
    return unit(
        unit_id,
        crew=crew,
        vehicle=rng.choice(["negative_pressure", "monitoring", "basic"]),
        district=rng.choice([WEST, MIDDLE, EAST]),
        position=position,
        position_at=START,
        status="returning",
        staffed=rng.random() < 0.95,
    )


def test_many_units_at_one_station_are_one_point_to_look_at() -> None:
    roster = CountingRoster(unit(f"U{number:04}") for number in range(1_000))
    travel = GreatCircleTravel(PACK.allocation.road_factor, PACK.allocation.speed_kmh)
    place = Place(position=at(111.61), source="caller", district=WEST)
    fleet = allocation.Fleet(roster, DISTRICTS, "epidemic", START, travel, PACK.allocation)
    chosen = choose(Need(place=place, crew="regular", critical=False), fleet).unit
    assert chosen is not None
    assert chosen.unit_id == "U0000"
    assert roster.looked_at == 1


def test_reports_of_free_units_are_not_kept_when_later_ones_replace_them() -> None:
    roster = Roster()
    known = None
    for second in range(10_000):
        at_last = unit("U1", position=at(111.6), position_at=START + timedelta(seconds=second))
        roster.replace(known, at_last)
        known = at_last
    assert len(roster._reports) < 100
