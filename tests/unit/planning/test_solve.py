from dataclasses import replace
from itertools import permutations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.planning.bound import lower_bound
from dispatch.planning.following import following
from dispatch.planning.placing import place, places_for
from dispatch.planning.plan import Plan, Trip, check_plan
from dispatch.planning.problem import Busy, Problem
from dispatch.planning.routing import route
from dispatch.planning.scenario import read_scenario
from dispatch.planning.schedule import Load, in_order
from dispatch.planning.solve import solve
from tests.unit.planning.batches import (
    RULES,
    START,
    batch,
    hospital,
    minutes,
    patient,
    some_batch,
    unit,
)


def solved(problem: Problem, seconds: float = 5) -> Plan:
    plan = solve(problem, seconds=seconds)
    assert check_plan(problem, plan) == []
    return plan


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from((0.0, 2.0)))
def test_every_plan_is_sound_and_everybody_in_it_or_told_why_not(seed: int, seconds: float) -> None:
    problem = some_batch(seed)
    plan = solved(problem, seconds)
    placed = {each for trip in plan.trips for each in trip.patients}
    for each in plan.unplaced:
        alone = replace(problem, patients=(problem.patient[each.patient_id],))
        assert each.why == "no_bed_left" or place(alone).unplaced == (each,)
    assert placed == set(place(problem).places)


def shortest(problem: Problem) -> int:
    """Return the shortest makespan, by trying every order, destination and kind of unit."""
    kinds = sorted({(each.vehicle, each.crew) for each in problem.units})
    best = 10**9
    placed = [each for each in problem.patients if each.patient_id in place(problem).places]
    for where in product(*(places_for(problem, each) for each in placed)):
        if any(
            where.count(each) > problem.hospital[each.hospital_id].beds[each.bed] for each in where
        ):
            continue
        for kind in product(kinds, repeat=len(placed)):
            loads = [
                Load((each,), there.hospital_id, {each.patient_id: there.bed}, own)
                for each, there, own in zip(placed, where, kind, strict=True)
            ]
            if not all(any(map(each.may_ride, problem.units)) for each in loads):
                continue
            for order in permutations(loads):
                times = [(load, number, 0) for number, load in enumerate(order)]
                best = min(best, in_order(problem, times, early=True).makespan)
    return best


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_bound_and_proof_hold_against_trying_everything(seed: int) -> None:
    problem = some_batch(seed)
    problem = replace(
        problem,
        patients=problem.patients[:3],
        rules=replace(problem.rules, patients_per_vehicle=1),
    )
    placing = place(problem)
    if not placing.places:
        return
    best = shortest(problem)
    plan = solved(problem)
    assert lower_bound(problem, placing, route(problem, placing)) <= best
    assert plan.bound_seconds <= best
    if plan.optimal:
        assert plan.makespan_seconds <= best


def test_the_gravest_go_first_and_get_the_beds() -> None:
    problem = batch(
        patients=(
            patient("mild", severity="mild"),
            patient("severe", severity="severe"),
            patient("critical", severity="critical", ready_at=START + minutes(5)),
        ),
        hospitals=(hospital(beds={"isolation": 2}),),
    )
    plan = solved(problem)
    assert [trip.patients for trip in plan.trips] == [("severe",), ("critical",)]
    assert [(each.patient_id, each.why) for each in plan.unplaced] == [("mild", "no_bed_left")]


def test_a_less_grave_patient_makes_room_in_a_bed_that_a_graver_one_needs() -> None:
    problem = batch(
        patients=(
            patient("critical", severity="critical", beds=("icu", "isolation")),
            patient("mild", severity="mild", beds=("icu",)),
        ),
        hospitals=(hospital(beds={"icu": 1, "isolation": 1}),),
    )
    plan = solved(problem)
    assert not plan.unplaced
    assert {kind for trip in plan.trips for kind in trip.beds.items()} == {
        ("critical", "isolation"),
        ("mild", "icu"),
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"units": ()}, "no_unit"),
        ({"units": (unit("U1", vehicle="basic"),)}, "no_vehicle"),
        ({"units": (unit("U1", crew="regular"),)}, "no_crew"),
        (
            {"patients": (patient("P1", capabilities=frozenset({"surgery"})),)},
            "no_capability",
        ),
        ({"hospitals": (hospital(beds={"icu": 9, "isolation": 0}),)}, "no_bed"),
        ({"hospitals": ()}, "no_capability"),
        ({"rules": replace(RULES, wear_seconds=2999)}, "wear"),
    ],
)
def test_who_cannot_be_placed_is_told_why(changes: dict[str, Any], why: str) -> None:
    plan = solved(batch(**changes))
    assert not plan.trips
    assert {each.why for each in plan.unplaced} == {why}
    assert (plan.makespan_seconds, plan.bound_seconds, plan.optimal) == (0, 0, True)


def test_patients_share_a_vehicle_where_the_rules_allow() -> None:
    rules = replace(RULES, patients_per_vehicle=2, gravest_first=False)
    assert sorted(len(trip.patients) for trip in solved(batch(rules=rules)).trips) == [1, 2]
    # Two patients would wear one set for 70 minutes.
    rules = replace(rules, wear_seconds=60 * 60)
    assert [len(trip.patients) for trip in solved(batch(rules=rules)).trips] == [1, 1, 1]


def test_a_plan_made_anew_keeps_clear_of_what_runs_already() -> None:
    problem = batch(
        units=(unit("U1", free_at=START + minutes(20), seconds_to_origin=600),),
        busy=(
            Busy("loading", START, START + minutes(45)),
            Busy("bay", START + minutes(90), START + minutes(150)),
        ),
    )
    plan = solved(problem)
    assert plan.trips[0].load_at == START + minutes(45)
    # Handed over after 95 minutes, it waits for the bay.
    assert plan.trips[0].free_at == START + minutes(180)


def test_a_following_batch_gets_what_is_left() -> None:
    first = solved(batch())
    second = following(
        batch(start=START + minutes(60), patients=(patient("P4"), patient("P5"))), first.trips
    )
    assert second.hospitals[0].beds == {"isolation": 6}
    plan = solved(second)
    assert plan.trips[0].load_at == first.trips[-1].free_at + minutes(30)


def test_a_search_that_ends_by_itself_gives_the_same_plan_again() -> None:
    problem = read_scenario("jinzhou-intake").together()
    one, other = (replace(solve(problem, seconds=60), solve_seconds=0) for _ in range(2))
    assert one == other


def test_the_intake_is_planned_batch_by_batch_and_as_one() -> None:
    scenario = read_scenario("jinzhou-intake")
    assert len(scenario.problems()) == 27
    trips: list[Trip] = []
    for each in scenario.problems():
        plan = solved(following(each, trips))
        assert plan.optimal
        assert not plan.unplaced
        trips += plan.trips
    assert len(trips) == 107
    together = solved(scenario.together())
    assert len(together.trips) == 107
    assert together.optimal


@pytest.mark.thorough
def test_a_hospital_is_emptied_close_to_the_bound_and_in_time() -> None:
    problem = read_scenario("jinzhou-emptying").together()
    plan = solved(problem, seconds=25)
    assert len(plan.trips) == 217
    assert plan.gap < 0.10
    assert problem.deadline is not None
    assert all(trip.handed_over_at <= problem.deadline for trip in plan.trips)


def test_there_is_a_plan_at_once() -> None:
    plan = solved(read_scenario("jinzhou-emptying").together(), seconds=0.1)
    assert len(plan.trips) == 217
    assert plan.gap < 0.30
