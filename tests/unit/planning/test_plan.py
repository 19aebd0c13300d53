from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dispatch.planning.plan import Plan, Unplaced, check_plan
from dispatch.planning.problem import Busy, Problem
from dispatch.planning.solve import solve
from tests.unit.planning.batches import RULES, START, batch, hospital, minutes, patient, unit

SOUND = batch()
PLAN = solve(SOUND, seconds=5)


def test_a_sound_plan_passes() -> None:
    assert check_plan(SOUND, PLAN) == []
    assert PLAN.trips[0].patients == ("P2",)
    assert [trip.wave for trip in PLAN.trips] == [1, 2, 3]


def with_trip(which: int, **changes: Any) -> Plan:
    return replace(
        PLAN,
        trips=tuple(
            replace(trip, **changes) if trip.number == which else trip for trip in PLAN.trips
        ),
    )


def moved(number: int, by: float) -> Plan:
    trip = PLAN.trips[number - 1]
    times = ("depart_at", "load_at", "leave_at", "arrive_at", "handed_over_at", "free_at")
    return with_trip(number, **{name: getattr(trip, name) + minutes(by) for name in times})


FIRST = PLAN.trips[0]


@pytest.mark.parametrize(
    ("plan", "broken"),
    [
        (replace(PLAN, unplaced=(Unplaced("P1", "no_bed"),)), "P1: is told of 2 times"),
        (replace(PLAN, trips=PLAN.trips[:2]), "is told of 0 times"),
        (with_trip(1, patients=("P9",)), "P9: is not in the batch"),
        (with_trip(1, patients=("P2", "P1")), "2 patients in one vehicle"),
        (with_trip(1, hospital_id="none"), "needs a unit, a hospital and patients"),
        (with_trip(1, beds={"P2": "icu"}), "the bed is of no kind that does for P2"),
        (with_trip(1, leave_at=FIRST.leave_at + minutes(1)), "the load takes 660 s, not 600"),
        (with_trip(1, arrive_at=FIRST.arrive_at + minutes(1)), "the ride takes 1860 s, not 1800"),
        (
            with_trip(1, handed_over_at=FIRST.handed_over_at + minutes(1)),
            "the handover takes 660 s, not 600",
        ),
        (with_trip(1, free_at=FIRST.free_at - minutes(1)), "free before it is disinfected"),
        (moved(1, -1), "is not ready"),
        (moved(2, -10), "U1 is not free"),
        (with_trip(2, depart_at=PLAN.trips[1].depart_at + minutes(1)), "can't be at the origin"),
        (with_trip(2, wave=1), "wave 1 is U1's trip 2"),
        (with_trip(1, number=4), "trips are not numbered from 1"),
        (moved(1, 600), "trips are not in the order of loading"),
        (replace(PLAN, makespan_seconds=5), "the last handover is not 5 s after the start"),
        (replace(PLAN, bound_seconds=10**6), "the makespan is below its bound"),
        (moved(1, 300), "loaded before graver P2"),
    ],
)
def test_a_broken_plan_is_caught(plan: Plan, broken: str) -> None:
    assert any(broken in each for each in check_plan(SOUND, plan))


def need(**changes: Any) -> Callable[[Problem], Problem]:
    return lambda problem: replace(
        problem, patients=tuple(replace(each, **changes) for each in problem.patients)
    )


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (need(vehicles=frozenset({"basic"})), "vehicle negative_pressure may not carry P2"),
        (need(crews=frozenset({"regular"})), "crew transfer may not carry P2"),
        (need(capabilities=frozenset({"surgery"})), "H lacks surgery"),
        (lambda p: replace(p, hospitals=(hospital(beds={"isolation": 2}),)), "3 patients for 2"),
        (lambda p: replace(p, rules=replace(RULES, wear_seconds=60)), "set is worn for longer"),
        (
            lambda p: replace(p, busy=(Busy("loading", START, START + minutes(5)),)),
            "loading: 2 at once",
        ),
        (
            lambda p: replace(p, busy=(Busy("bay", START, START + minutes(600)),)),
            "bay: 2 at once",
        ),
    ],
)
def test_a_plan_of_another_problem_is_caught(
    change: Callable[[Problem], Problem], broken: str
) -> None:
    assert any(broken in each for each in check_plan(change(SOUND), PLAN))


def test_loading_places_and_bays_are_counted_among_trips() -> None:
    problem = batch(
        patients=(patient("P1"), patient("P2")), units=(unit("U1"), unit("U2")), rules=RULES
    )
    first, second = solve(problem, seconds=5).trips
    together = replace(
        first, number=2, unit_id=second.unit_id, patients=second.patients, beds=second.beds
    )
    broken = check_plan(problem, replace(PLAN, trips=(first, together)))
    assert any(each.startswith("loading: 2 at once") for each in broken)
    assert any(each.startswith("bay: 2 at once") for each in broken)
