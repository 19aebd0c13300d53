"""The life of a city comes out as if every rule looked at everything: no index changes a choice."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from dispatch.domain import dispatching, handover
from dispatch.domain.city import City, Duplicate, Early, Rejected
from dispatch.domain.model import Incident
from dispatch.domain.waiting import lane_of
from tests.unit.domain import linear_allocation
from tests.unit.domain.linear_allocation import Everybody
from tests.unit.domain.test_city_life import CityLife


def _everybody(city: City) -> Everybody:
    policy = city.pack.allocation
    return Everybody(city.units.values(), city.districts, city.mode, city.now, city.travel, policy)


def _every_waiting_one(city: City, heads: list[Any]) -> Iterator[Incident]:
    lanes = {lane for _, lane in heads}
    waiting = [city.incidents[key] for key in city.waiting]
    return (incident for incident in waiting if lane_of(incident) in lanes)


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
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(dispatching, "fleet_of", _everybody)
            patched.setattr(dispatching, "choose", linear_allocation.choose)
            patched.setattr(dispatching, "choose_of_kind", linear_allocation.choose_of_kind)
            patched.setattr(dispatching, "suits", linear_allocation.suits)
            patched.setattr(dispatching, "_in_turn", _every_waiting_one)
            patched.setattr(dispatching, "hospital_reported", _every_unit_under_way)
            for name, arguments in self.lived:
                try:
                    getattr(self.twin, name)(*arguments)
                except (Rejected, Early, Duplicate):
                    continue
        for mine, its in zip(self.city.history, self.twin.history, strict=True):
            assert (mine.event_id, mine.key, mine.event) == (its.event_id, its.key, its.event)
        assert self.city.snapshot() == self.twin.snapshot()


TestLifeWithATwin = LifeWithATwin.TestCase
TestLifeWithATwin.settings = settings(
    max_examples=30,
    stateful_step_count=45,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
