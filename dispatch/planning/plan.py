"""The answer: trips, who stays behind and why, and how good the plan is.

Times are aware UTC, durations seconds.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from dispatch.planning.problem import Problem

# Why a patient can't be placed: no unit at all; none whose vehicle, or whose crew, may carry the
# patient; no hospital with the capabilities; none with a bed of a kind that does; all such beds
# taken by patients who are as grave or graver; every way longer than one protective set is worn.
Why = Literal["no_unit", "no_vehicle", "no_crew", "no_capability", "no_bed", "no_bed_left", "wear"]


@dataclass(frozen=True)
class Trip:
    """One ride of one unit from the origin to a hospital.

    The unit sets out (`depart_at`) so that it is at the origin when loading begins (`load_at`).
    `free_at` is when it is disinfected; between the handover and that it may wait for a bay.
    `wave` is the number of the unit's trip: the first trips of all units are wave 1, the second
    ones wave 2, and so on.
    """

    number: int
    wave: int
    unit_id: str
    patients: tuple[str, ...]
    hospital_id: str
    beds: Mapping[str, str]
    depart_at: datetime
    load_at: datetime
    leave_at: datetime
    arrive_at: datetime
    handed_over_at: datetime
    free_at: datetime


@dataclass(frozen=True)
class Unplaced:
    """A patient for whom the plan has no trip."""

    patient_id: str
    why: Why


@dataclass(frozen=True)
class Plan:
    """A plan of a batch: trips in the order of their loading, numbered from 1.

    `makespan_seconds` runs from the problem's start to the last handover. No plan that moves the
    same patients can be shorter than `bound_seconds`. `optimal`: nor shorter than this one, as far
    as patients who share a vehicle were not to be grouped in another way.
    """

    batch_id: str
    trips: tuple[Trip, ...]
    unplaced: tuple[Unplaced, ...]
    makespan_seconds: int
    bound_seconds: int
    optimal: bool
    solve_seconds: float

    @property
    def gap(self) -> float:
        """How much longer the plan may be than the shortest one, as a share of the bound."""
        if not self.bound_seconds:
            return 0.0
        return (self.makespan_seconds - self.bound_seconds) / self.bound_seconds


def check_plan(problem: Problem, plan: Plan) -> list[str]:
    """Return every constraint that the plan breaks, in words; nothing when it is sound.

    It shares no code with the solver.
    """
    return [
        *_patients(problem, plan),
        *(broken for trip in plan.trips for broken in _trip(problem, trip)),
        *_units(problem, plan.trips),
        *_beds(problem, plan.trips),
        *_places(problem, plan.trips),
        *_order(problem, plan.trips),
        *_figures(problem, plan),
    ]


def _patients(problem: Problem, plan: Plan) -> Iterator[str]:
    told = Counter(each for trip in plan.trips for each in trip.patients)
    told.update(each.patient_id for each in plan.unplaced)
    wanted = {each.patient_id for each in problem.patients}
    for patient_id in sorted(wanted | set(told)):
        if patient_id not in wanted:
            yield f"patient {patient_id}: is not in the batch"
        elif told[patient_id] != 1:
            yield f"patient {patient_id}: is told of {told[patient_id]} times"


def _trip(problem: Problem, trip: Trip) -> Iterator[str]:
    """What a trip must keep by itself: kinds, capacity, durations, wear."""
    name = f"trip {trip.number}"
    hospital = problem.hospital.get(trip.hospital_id)
    unit = problem.unit.get(trip.unit_id)
    patients = [problem.patient[each] for each in trip.patients if each in problem.patient]
    if hospital is None or unit is None or not patients:
        yield f"{name}: needs a unit, a hospital and patients of the batch"
        return
    rules = problem.rules
    if len(trip.patients) > rules.patients_per_vehicle:
        yield f"{name}: {len(trip.patients)} patients in one vehicle"
    for patient in patients:
        if unit.vehicle not in patient.vehicles:
            yield f"{name}: vehicle {unit.vehicle} may not carry {patient.patient_id}"
        if unit.crew not in patient.crews:
            yield f"{name}: crew {unit.crew} may not carry {patient.patient_id}"
        if missing := patient.capabilities - hospital.capabilities:
            yield f"{name}: {trip.hospital_id} lacks {', '.join(sorted(missing))}"
        if trip.beds.get(patient.patient_id) not in patient.beds:
            yield f"{name}: the bed is of no kind that does for {patient.patient_id}"
        if trip.load_at < max(patient.ready_at, problem.start):
            yield f"{name}: {patient.patient_id} is not ready"
    expected = (
        ("load", trip.leave_at - trip.load_at, sum(each.load_seconds for each in patients)),
        ("ride", trip.arrive_at - trip.leave_at, hospital.seconds_from_origin),
        (
            "handover",
            trip.handed_over_at - trip.arrive_at,
            sum(each.hand_over_seconds for each in patients),
        ),
    )
    for what, is_so, should in expected:
        if is_so != timedelta(seconds=should):
            yield f"{name}: the {what} takes {is_so.total_seconds():g} s, not {should}"
    if trip.free_at < trip.handed_over_at + timedelta(seconds=rules.disinfection_seconds):
        yield f"{name}: the unit is free before it is disinfected"
    if trip.handed_over_at - trip.load_at > timedelta(seconds=rules.wear_seconds):
        yield f"{name}: one protective set is worn for longer than allowed"


def _units(problem: Problem, trips: Iterable[Trip]) -> Iterator[str]:
    """No unit is on two trips, and each has the time to get to the origin."""
    by_unit: dict[str, list[Trip]] = {}
    for trip in trips:
        by_unit.setdefault(trip.unit_id, []).append(trip)
    for unit_id, made in by_unit.items():
        unit = problem.unit.get(unit_id)
        if unit is None:
            continue
        free_at, way = max(unit.free_at, problem.start), unit.seconds_to_origin
        for wave, trip in enumerate(sorted(made, key=lambda each: each.depart_at), 1):
            if trip.depart_at < free_at:
                yield f"trip {trip.number}: {unit_id} is not free"
            if trip.load_at < trip.depart_at + timedelta(seconds=way):
                yield f"trip {trip.number}: {unit_id} can't be at the origin"
            if trip.wave != wave:
                yield f"trip {trip.number}: wave {trip.wave} is {unit_id}'s trip {wave}"
            free_at = trip.free_at
            if trip.hospital_id in problem.hospital:
                way = problem.hospital[trip.hospital_id].seconds_from_origin


def _beds(problem: Problem, trips: Iterable[Trip]) -> Iterator[str]:
    taken = Counter((trip.hospital_id, kind) for trip in trips for kind in trip.beds.values())
    for (hospital_id, kind), count in taken.items():
        hospital = problem.hospital.get(hospital_id)
        free = hospital.beds.get(kind, 0) if hospital else 0
        if count > free:
            yield f"{hospital_id}: {count} patients for {free} beds of the kind {kind}"


def _places(problem: Problem, trips: Iterable[Trip]) -> Iterator[str]:
    """No more vehicles are loaded, or disinfected, at once than there are places."""
    disinfection = timedelta(seconds=problem.rules.disinfection_seconds)
    loading = [(trip.load_at, trip.leave_at) for trip in trips]
    in_bays = [(trip.free_at - disinfection, trip.free_at) for trip in trips]
    for resource, held, places in (
        ("loading", loading, problem.rules.loading_places),
        ("bay", in_bays, problem.rules.bays),
    ):
        others = [(each.start, each.end) for each in problem.busy if each.resource == resource]
        for moment in sorted({begin for begin, _ in (*held, *others)}):
            own = sum(begin <= moment < end for begin, end in held)
            used = own + sum(begin <= moment < end for begin, end in others)
            if places is not None and own and used > places:
                yield f"{resource}: {used} at once from {moment.isoformat()}, places: {places}"


def _order(problem: Problem, trips: Iterable[Trip]) -> Iterator[str]:
    """Nobody starts loading before a graver patient who is ready, where the rules say so."""
    if not problem.rules.gravest_first:
        return
    loaded = {
        problem.patient[each]: trip.load_at
        for trip in trips
        for each in trip.patients
        if each in problem.patient
    }
    for graver, later in loaded.items():
        for other, earlier in loaded.items():
            if graver.rank < other.rank and graver.ready_at <= earlier < later:
                yield f"patient {other.patient_id}: loaded before graver {graver.patient_id}"


def _figures(problem: Problem, plan: Plan) -> Iterator[str]:
    last = max((trip.handed_over_at for trip in plan.trips), default=problem.start)
    if last - problem.start != timedelta(seconds=plan.makespan_seconds):
        yield f"the last handover is not {plan.makespan_seconds} s after the start"
    if plan.makespan_seconds < plan.bound_seconds:
        yield f"the makespan is below its bound of {plan.bound_seconds} s"
    if [trip.number for trip in plan.trips] != list(range(1, len(plan.trips) + 1)):
        yield "trips are not numbered from 1"
    if any(one.load_at > next_one.load_at for one, next_one in pairwise(plan.trips)):
        yield "trips are not in the order of loading"
