"""A better order and better destinations for large batches, by simulated annealing.

A search that proves is slow on hundreds of trips, and this is not. Loads are taken in their order
in a simplified way (first come, first served; what others hold later is left out); only what is
better on the true schedule is kept. The number of steps is fixed, so that, unless time runs out,
problem and seed alone decide. Times are whole seconds after the problem's start.
"""

import math
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from heapq import heapify, heapreplace
from typing import Final

from dispatch.planning.placing import Place, places_for
from dispatch.planning.problem import Problem
from dispatch.planning.schedule import Load, Schedule, in_order

_STEPS_PER_LOAD: Final = 250
# A step may make the plan longer by about this share at first, in the end hardly at all.
_HEAT: Final = 0.003
# The steps between two looks at the clock.
_LOOK: Final = 100


def anneal(problem: Problem, first: Schedule, until: float, seed: int) -> Schedule:
    """Return the first plan or a shorter one; stop at a moment of the monotonic clock."""
    rnd = random.Random(seed)  # noqa: S311 - a search, no secret
    course = _Course(problem)
    order = [each.load for each in sorted(first.times, key=lambda each: each.load_at)]
    numbers = [course.number(each) for each in order]
    cost = least = course.cost(numbers)
    heat = _HEAT * cost
    best = list(order)
    steps = _STEPS_PER_LOAD * len(order)
    for step in range(steps):
        if step % _LOOK == 0 and time.monotonic() > until:
            break
        one, other = rnd.randrange(len(order)), rnd.randrange(len(order))
        swapped = course.swapped(order[one], order[other], destinations=rnd.choice((True, False)))
        if swapped is None:
            continue
        before = order[one], order[other], numbers[one], numbers[other]
        order[one], order[other] = swapped
        numbers[one], numbers[other] = map(course.number, swapped)
        changed = course.cost(numbers)
        left = heat * (1 - step / steps) + 1e-9
        if changed <= cost or rnd.random() < math.exp((cost - changed) / left):
            cost = changed
            if cost < least:
                least, best = cost, list(order)
        else:
            order[one], order[other], numbers[one], numbers[other] = before
    found = in_order(problem, [(load, at, 0) for at, load in enumerate(best)], early=True)
    return min(first, found, key=lambda each: each.makespan)


# What the simplified course needs to know of a load: ready, loading, ride, handover, unit kinds.
_Numbers = tuple[int, int, int, int, tuple[int, ...]]


class _Course:
    """How long an order of loads takes, simplified."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        rules = problem.rules
        kinds = sorted({(unit.vehicle, unit.crew) for unit in problem.units})
        self._kinds = {kind: number for number, kind in enumerate(kinds)}
        self._arrivals: list[list[int]] = [[] for _ in kinds]
        for unit in problem.units:
            number = self._kinds[unit.vehicle, unit.crew]
            self._arrivals[number].append(problem.arrival(unit))
        self._places = self._first_free(problem.held("loading"), rules.loading_places)
        self._bays = self._first_free(problem.held("bay"), rules.bays or 0)
        self._suitable = {
            each.patient_id: frozenset(places_for(problem, each)) for each in problem.patients
        }
        self._known: dict[tuple[str, tuple[str, ...]], _Numbers] = {}

    @staticmethod
    def _first_free(held: Sequence[tuple[int, int]], places: int) -> list[int]:
        running = [end for begin, end in held if begin == 0][:places]
        free = running + [0] * (places - len(running))
        heapify(free)
        return free

    def number(self, load: Load) -> _Numbers:
        """Return what the course needs to know of a load."""
        key = (load.hospital_id, tuple(each.patient_id for each in load.patients))
        if key not in self._known:
            units = {
                self._kinds[unit.vehicle, unit.crew]
                for unit in self._problem.units
                if load.may_ride(unit)
            }
            self._known[key] = (
                max(self._problem.ready(each) for each in load.patients),
                load.load_seconds,
                self._problem.hospital[load.hospital_id].seconds_from_origin,
                load.hand_over_seconds,
                tuple(sorted(units)),
            )
        return self._known[key]

    def cost(self, order: Sequence[_Numbers]) -> float:
        """Return the makespan of an order, and what units waited: that makes room for later."""
        units = [sorted(each) for each in self._arrivals]
        places, bays = list(self._places), list(self._bays)
        disinfection = self._problem.rules.disinfection_seconds
        last = waited = 0
        for ready, load, ride, hand_over, kinds in order:
            queue = units[kinds[0]]
            for kind in kinds[1:]:
                if units[kind][0] < queue[0]:
                    queue = units[kind]
            start = max(queue[0], places[0], ready)
            waited += start - queue[0]
            heapreplace(places, start + load)
            done = start + load + ride + hand_over
            last = max(last, done)
            if bays:
                begin = max(done, bays[0])
                heapreplace(bays, begin + disinfection)
                done = begin
            heapreplace(queue, done + disinfection + ride)
        return last + 0.5 * waited / len(self._problem.units)

    def swapped(self, one: Load, other: Load, *, destinations: bool) -> tuple[Load, Load] | None:
        """Return what stands in their places when two loads change places, or destinations.

        None when nothing would change, or the change isn't allowed.
        """
        if destinations:
            first, second = self._moved(one, other), self._moved(other, one)
            if one.hospital_id == other.hospital_id or first is None or second is None:
                return None
            return first, second
        rules = self._problem.rules
        if one is other or (rules.gravest_first and one.rank != other.rank):
            return None
        return other, one

    def _moved(self, load: Load, goal: Load) -> Load | None:
        """Return a load with the beds of another; None where they don't suit."""
        if len(load.patients) != len(goal.patients):
            return None
        beds = {}
        for patient, bed in zip(load.patients, goal.beds.values(), strict=True):
            if Place(goal.hospital_id, bed) not in self._suitable[patient.patient_id]:
                return None
            beds[patient.patient_id] = bed
        ride = self._problem.hospital[goal.hospital_id].seconds_from_origin
        if load.load_seconds + ride + load.hand_over_seconds > self._problem.rules.wear_seconds:
            return None
        return replace(load, hospital_id=goal.hospital_id, beds=beds)
