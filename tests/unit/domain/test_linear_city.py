"""The life of a city comes out as if every rule looked at everything: no index changes a choice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.domain import dispatching, handover, relief
from dispatch.domain.city import City, Duplicate, Rejected
from dispatch.domain.model import Incident, Position
from dispatch.domain.needs import next_need
from dispatch.domain.on_the_way import OnTheWay
from dispatch.domain.travel import Travel
from dispatch.domain.waiting import lane_of
from tests.unit.domain import linear_allocation
from tests.unit.domain.city_builder import (
    MIDDLE,
    RUN,
    UNDETERMINED,
    SmallCity,
    at,
    call,
    febrile,
    transfer_unit,
    unit,
    wanted,
)
from tests.unit.domain.linear_allocation import Everybody
from tests.unit.domain.test_city_life import CityLife


def _everybody(city: City) -> Everybody:
    policy = city.pack.allocation
    return Everybody(city.units.values(), city.districts, city.mode, city.now, city.travel, policy)


def _every_waiting_one(city: City, heads: list[Any], *, each: bool = True) -> Iterator[Incident]:
    """Yield all who wait; without `each` none behind one for whom a transfer crew is awaited."""
    lanes = {lane for _, lane in heads}
    not_helped = set()
    for incident in [city.incidents[key] for key in city.waiting]:
        lane, vehicles = lane_of(incident), next_need(city, incident).vehicles
        if lane not in lanes or (lane, vehicles) in not_helped:
            continue
        yield incident
        helped = city.incidents[incident.incident_id] is not incident
        if not each and not helped and lane.waiting_for == "transfer_crew":
            not_helped.add((lane, vehicles))


def _every_unit_under_way(city: City, hospital_id: str) -> None:
    closed = city.hospitals[hospital_id].status == "closed"
    runs = [
        city.assignments[unit.assignment_id]
        for unit in city.units.values()
        if unit.assignment_id is not None
    ]
    for before in runs:
        if not handover.is_due(city, before):
            continue
        announced = handover.current(city, before)
        if closed and announced is not None and announced.hospital_id == hospital_id:
            because = "the hospital has closed"
            after = handover.move_on(city, announced, because, status="withdrawn", refused=False)
            dispatching.hospital_changed(city, before, after, because)
        elif not closed and announced is None and handover.can_be_announced(city, before):
            after = handover.announce(city, before)
            dispatching.hospital_changed(city, before, after, "a hospital is open")


def _every_run_on_its_way(
    runs: OnTheWay,
    here: Position,
    by: float,
    travel: Travel,
    estimate: Callable[[str], tuple[Position, float]],
) -> Iterator[tuple[float, str]]:
    for assignment_id in runs._unknown | runs._seconds.keys():
        scene, seconds = estimate(assignment_id)
        sooner = seconds - travel.seconds(here, scene)
        if sooner >= by:
            yield sooner, assignment_id


@contextmanager
def looking_at_everything() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dispatching, "fleet_of", _everybody)
        patched.setattr(dispatching, "choose", linear_allocation.choose)
        patched.setattr(dispatching, "choose_of_kind", linear_allocation.choose_of_kind)
        patched.setattr(dispatching, "suits", linear_allocation.suits)
        patched.setattr(relief, "fleet_of", _everybody)
        patched.setattr(relief, "Roster", tuple)
        patched.setattr(relief, "choose", linear_allocation.choose)
        patched.setattr(OnTheWay, "farther", _every_run_on_its_way)
        patched.setattr(dispatching, "_in_turn", _every_waiting_one)
        patched.setattr(dispatching, "hospital_reported", _every_unit_under_way)
        yield


class LifeWithATwin(CityLife):
    """A city whose life is lived again by one that looks at everything."""

    def __init__(self) -> None:
        super().__init__()
        self.twin = deepcopy(self.city)
        self.lived: list[tuple[str, tuple[Any, ...]]] = []
        self._inside = False
        for name in ("say", "do", "fire", "pass_time"):
            setattr(self.city, name, self._noting(name))

    def _noting(self, name: str) -> Any:
        act = getattr(self.city, name)

        def noted(*arguments: Any) -> Any:
            if self._inside:
                return act(*arguments)
            self.lived.append((name, arguments))
            self._inside = True
            try:
                return act(*arguments)
            finally:
                self._inside = False

        return noted

    def teardown(self) -> None:
        super().teardown()
        with looking_at_everything():
            for name, arguments in self.lived:
                try:
                    getattr(self.twin, name)(*arguments)
                except (Rejected, Duplicate):
                    continue
        _assert_alike(self.city, self.twin)


def _assert_alike(city: SmallCity, twin: SmallCity) -> None:
    for mine, its in zip(city.history, twin.history, strict=True):
        assert (mine.event_id, mine.key, mine.event) == (its.event_id, its.key, its.event)
    assert city.snapshot() == twin.snapshot()


TestLifeWithATwin = LifeWithATwin.TestCase
TestLifeWithATwin.settings = settings(
    max_examples=30,
    stateful_step_count=45,
    suppress_health_check=list(HealthCheck),
)


# More wait than units are there, for every kind of crew and vehicle.
FLEET = {
    "R1": unit("R1"),
    "R2": unit("R2", vehicle="monitoring", district=MIDDLE, station=at(111.7)),
    "T1": transfer_unit("T1"),
    "T2": transfer_unit("T2", vehicle="basic", station=at(111.7)),
    "T3": transfer_unit("T3", vehicle="monitoring"),
}
steps = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.sampled_from(["plain", "critical", "two", "case", "fever"])),
        st.tuples(st.just("transfer"), st.sampled_from([(), ("oxygen",)])),
        st.tuples(
            st.just("unit"),
            st.sampled_from(sorted(FLEET)),
            st.sampled_from(["off_duty", "available", "out_of_service", "returning", *RUN]),
        ),
        st.tuples(st.just("staffed"), st.sampled_from(sorted(FLEET)), st.booleans()),
        st.tuples(st.just("clock"), st.sampled_from([1, 90, 1200])),
        st.tuples(st.just("mode"), st.sampled_from(["routine", "epidemic"])),
    ),
    min_size=10,
    max_size=50,
)


@settings(suppress_health_check=list(HealthCheck))
@given(steps, st.sets(st.sampled_from(sorted(FLEET))))
def test_a_queue_of_many_is_served_as_if_each_were_asked(
    steps: list[tuple[Any, ...]], on_duty: set[str]
) -> None:
    city = SmallCity(
        *(
            each if unit_id in on_duty else replace(each, status="off_duty")
            for unit_id, each in FLEET.items()
        )
    )
    twin = deepcopy(city)
    for number, step in enumerate(steps):
        _take(city, number, step)
        with looking_at_everything():
            _take(twin, number, step)
    _assert_alike(city, twin)


def _take(city: SmallCity, number: int, step: tuple[Any, ...]) -> None:
    location = {"latitude": 40.8, "longitude": 111.5 + number / 100}
    try:
        match step:
            case ("call", "plain"):
                city.say(call(f"c{number}", location=location))
            case ("call", "critical"):
                city.say(call(f"c{number}", location=location, patient={"condition": "critical"}))
            case ("call", "two"):
                city.say(call(f"c{number}", location=location, patient_count=2))
            case ("call", "case"):
                patient = {"case_status": "confirmed"}
                city.say(call(f"c{number}", location=location, patient=patient))
            case ("call", _):
                city.say(febrile(f"c{number}", UNDETERMINED, location=location))
            case ("transfer", needs):
                kind = "in_patient"
                city.say(wanted(f"t{number}", {"needs": needs}, kind=kind, location=location))
                for offer in [each for each in city.city.offers.values() if each.status == "open"]:
                    city.say(city.accepts(offer.offer_id))
            case ("unit", unit_id, status):
                city.report(unit_id, status)
            case ("staffed", unit_id, staffed):
                city.report(unit_id, staffed=staffed)
            case ("clock", seconds):
                city.pass_time(seconds)
            case (_, mode):
                city.switch(mode)
    except (Rejected, Duplicate):
        pass
