"""Who gets a bed at all: the gravest first, and for everybody else the reason why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from dispatch.planning.plan import Unplaced, Why
from dispatch.planning.problem import BedSupply, PatientNeed, Problem


class Place(NamedTuple):
    """A kind of bed in a hospital."""

    hospital_id: str
    bed: str


@dataclass(frozen=True)
class Placing:
    """Who rides, each with a place that is certainly theirs, and who doesn't."""

    places: Mapping[str, Place]
    unplaced: tuple[Unplaced, ...]


def places_for(problem: Problem, patient: PatientNeed) -> tuple[Place, ...]:
    """Return the places that suit a patient, best kind of bed first, then the nearest.

    A patient whom no unit may carry, or whose ride would outlast a protective set, has none.
    """
    if not any(unit.may_carry(patient) for unit in problem.units):
        return ()
    near = sorted(problem.hospitals, key=lambda each: each.seconds_from_origin)
    return tuple(
        Place(hospital.hospital_id, kind)
        for kind in dict.fromkeys(patient.beds)
        for hospital in near
        if hospital.beds.get(kind, 0) > 0
        and patient.capabilities <= hospital.capabilities
        and _wear(patient, hospital) <= problem.rules.wear_seconds
    )


def place(problem: Problem) -> Placing:
    """Decide who gets a bed: as many as possible of the gravest, then of the next, and so on.

    Within a severity who was ready earlier comes first, then the order of the ids decides.
    """
    suitable: dict[str, tuple[Place, ...]] = {}
    room = {
        Place(hospital.hospital_id, kind): count
        for hospital in problem.hospitals
        for kind, count in hospital.beds.items()
    }
    taken: dict[Place, list[str]] = {each: [] for each in room}
    unplaced = []
    order = sorted(problem.patients, key=lambda each: (each.rank, each.ready_at, each.patient_id))
    for patient in order:
        suitable[patient.patient_id] = places_for(problem, patient)
        if not _settle(patient.patient_id, suitable, room, taken):
            unplaced.append(Unplaced(patient.patient_id, _why(problem, patient)))
    places = {patient_id: where for where, ids in taken.items() for patient_id in ids}
    return Placing(places, tuple(unplaced))


def _settle(
    patient_id: str,
    suitable: Mapping[str, tuple[Place, ...]],
    room: Mapping[Place, int],
    taken: dict[Place, list[str]],
) -> bool:
    """Give a patient a place, moving others to places that suit them too; nobody loses theirs.

    Beds that sets of patients can fill form a matroid, so that taking patients in their order and
    keeping whoever fits yields the best set.
    """
    came_from: dict[Place, tuple[str, Place | None]] = {}
    waiting: list[tuple[str, Place | None]] = [(patient_id, None)]
    for mover, origin in waiting:
        for goal in suitable[mover]:
            if goal in came_from:
                continue
            came_from[goal] = (mover, origin)
            if len(taken[goal]) < room[goal]:
                _shift(goal, came_from, taken)
                return True
            waiting += [(each, goal) for each in taken[goal]]
    return False


def _shift(
    goal: Place,
    came_from: Mapping[Place, tuple[str, Place | None]],
    taken: dict[Place, list[str]],
) -> None:
    """Move everybody along the chain that ends in a free bed."""
    step: Place | None = goal
    while step is not None:
        mover, origin = came_from[step]
        taken[step].append(mover)
        if origin is not None:
            taken[origin].remove(mover)
        step = origin


def _why(problem: Problem, patient: PatientNeed) -> Why:
    """Return the first reason that leaves no place."""
    able = [each for each in problem.hospitals if patient.capabilities <= each.capabilities]
    with_bed = [each for each in able if any(each.beds.get(kind, 0) for kind in patient.beds)]
    steps: tuple[tuple[bool, Why], ...] = (
        (bool(problem.units), "no_unit"),
        (any(unit.vehicle in patient.vehicles for unit in problem.units), "no_vehicle"),
        (any(unit.may_carry(patient) for unit in problem.units), "no_crew"),
        (bool(able), "no_capability"),
        (bool(with_bed), "no_bed"),
        (any(_wear(patient, each) <= problem.rules.wear_seconds for each in with_bed), "wear"),
    )
    return next((why for holds, why in steps if not holds), "no_bed_left")


def _wear(patient: PatientNeed, hospital: BedSupply) -> int:
    """Return how long a crew wears its protective set when it takes this patient there alone."""
    return patient.load_seconds + hospital.seconds_from_origin + patient.hand_over_seconds
