"""What one call costs does not grow with its city: counted in looks at units, runs and calls."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from dispatch.domain import dispatching, handling
from dispatch.domain.allocation import Fleet, Need, suits
from dispatch.domain.model import Position, Unit
from dispatch.topics.fields import Content
from dispatch.topics.hospitals import HospitalReported
from tests.unit.domain.city_builder import (
    SmallCity,
    call,
    febrile,
    transfer_unit,
    unit,
    usual_hospitals,
)


class _Watched(dict[str, Any]):
    """A table that counts how many of its records are handed out."""

    def __init__(self, known: dict[str, Any]) -> None:
        super().__init__(known)
        self.looked_at = 0

    def __getitem__(self, key: str) -> Any:
        self.looked_at += 1
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.looked_at += 1
        return super().get(key, default)

    def values(self) -> Any:
        return self._each(super().values())

    def items(self) -> Any:
        return self._each(super().items())

    def _each(self, records: Any) -> Iterator[Any]:
        for record in records:
            self.looked_at += 1
            yield record


TABLES = ("units", "incidents", "calls", "assignments", "handovers", "jobs", "clocks")


class _Big(SmallCity):
    """A city that is watched, and spared the comparisons that the small ones make."""

    def watch(self) -> None:
        city = self.city
        for name in TABLES:
            watched = _Watched(getattr(city, name))
            kind = next(
                kind for kind, table in city._tables.items() if table is getattr(city, name)
            )
            setattr(city, name, watched)
            city._tables[kind] = watched

    def looks(self, event: Content) -> dict[str, int]:
        """Return how many records of each table an input looks at."""
        for name in TABLES:
            getattr(self.city, name).looked_at = 0
        self.city.begin(now=self.now, cause="counted")
        handling.handle(self.city, event, "counted")
        looked = {name: getattr(self.city, name).looked_at for name in TABLES}
        self._settle()
        return looked

    def take(self, event: Content) -> None:
        self.city.begin(now=self.now, cause=f"input-{len(self.history)}")
        handling.handle(self.city, event, "taken")
        self._settle()


def _place(number: int) -> dict[str, float]:
    return {"latitude": 40.5 + number % 97 / 97, "longitude": 111.0 + number % 89 / 89}


def _busy_city(runs: int) -> _Big:
    """Return a city with that many units on runs, and as many free."""
    city = _Big(
        *(unit(f"U{number:05}", station=Position(**_place(number))) for number in range(2 * runs)),
        hospitals=usual_hospitals(),
    )
    for number in range(runs):
        # R4 is announced to a hospital with the order.
        patient = {"condition": "critical"}
        city.take(febrile(f"c{number}", patient=patient, location=_place(number)))
    # Who is on the way is filed by place when the first unit is free: once, not with each call.
    free = next(unit for unit in city.city.units.values() if unit.assignment_id is None)
    city.take(city.reported(free.unit_id, position=free.station))
    city.watch()
    return city


def _life(city: _Big) -> Counter[str]:
    """Return how many records are looked at from a call to the unit's disinfection."""
    looked: Counter[str] = Counter()

    def say(event: Content) -> None:
        looked.update(city.looks(event))

    patient = {"condition": "critical"}
    say(febrile("x", patient=patient, location={"latitude": 40.8, "longitude": 111.7}))
    unit_id = city.city.assignments["x/A1"].unit_id
    say(city.acknowledged(unit_id))
    for status in ("rolling", "on_scene", "transporting", "at_hospital"):
        say(city.reported(unit_id, status=status))
    handover = city.handover(unit_id)
    say(city.acknowledges(handover))
    say(city.hospital_signs(handover))
    say(city.crew_signs(handover))
    city.now += timedelta(minutes=30)
    say(city.certificate(unit_id))
    say(city.reported(unit_id, status="available"))
    return looked


def test_a_call_looks_at_as_many_records_in_a_large_city_as_in_a_small_one() -> None:
    small, large = _life(_busy_city(20)), _life(_busy_city(400))
    assert small["units"] > 20
    for name in TABLES:
        assert large[name] <= small[name] + 8, name


def test_a_hospitals_report_looks_at_the_runs_that_it_is_about() -> None:
    city = _busy_city(400)
    body = {"hospital_id": "general", "at": city.now, "status": "open"}
    looked = city.looks(HospitalReported.model_validate(body))
    assert looked["units"] + looked["assignments"] + looked["handovers"] < 10


@pytest.mark.parametrize("waiting", [20, 400])
def test_a_unit_that_suits_nobody_asks_none_but_the_first_of_those_that_wait(
    waiting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = _Big(transfer_unit("T1"))
    for number in range(waiting):
        city.take(call(f"c{number}", location=_place(number)))
    asked = []

    def noted(each: Unit, need: Need, fleet: Fleet) -> bool:
        asked.append(need)
        return suits(each, need, fleet)

    monkeypatch.setattr(dispatching, "suits", noted)
    city.watch()
    looked = city.looks(city.reported("T1", position=Position(40.8, 111.6)))
    assert len(city.city.waiting) == waiting
    assert len(asked) == 1
    assert looked["incidents"] < 5


@pytest.mark.parametrize("waiting", [20, 400])
def test_a_transfer_crew_that_is_lost_asks_the_first_of_those_that_wait_for_one(
    waiting: int,
) -> None:
    city = _Big(
        transfer_unit("T1", status="disinfecting", job_id="c/A1/D"),
        transfer_unit("T2", status="off_duty"),
    )
    for number in range(waiting):
        patient = {"case_status": "confirmed"}
        city.take(call(f"c{number}", location=_place(number), patient=patient))
    city.watch()
    looked = city.looks(city.reported("T2", position=Position(40.8, 111.6)))
    assert len(city.city.waiting) == waiting
    assert looked["incidents"] < 10


def _awaiting_a_crew(number: int) -> _Big:
    """Return a city where so many stable cases wait for the one transfer crew that is soon free."""
    city = _Big(
        transfer_unit("T1", status="disinfecting", job_id="j"),
        transfer_unit("T2", status="off_duty"),
        unit("U1"),
    )
    for waiting in range(number):
        location = {"latitude": 40.8 + waiting * 1e-3, "longitude": 111.6}
        city.take(call(f"c{waiting}", location=location, patient={"case_status": "confirmed"}))
    assert len(city.city.waiting) == number
    city.watch()
    return city


@pytest.mark.parametrize("unit_id", ["U1", "T2"], ids=["free and driving", "off duty and driving"])
def test_a_position_is_told_whoever_waits_for_a_transfer_crew(unit_id: str) -> None:
    few, many = _awaiting_a_crew(5), _awaiting_a_crew(50)
    looked = [
        city.looks(city.reported(unit_id, position=Position(40.81, 111.61))) for city in (few, many)
    ]
    assert looked[0] == looked[1]
    assert looked[0]["incidents"] < 10
