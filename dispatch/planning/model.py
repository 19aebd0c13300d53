"""The constraint model of a batch: loads as optional intervals on units, loading places and bays.

Units of a vehicle and crew kind are interchangeable once they have reached the origin, so that they
are one resource with as many places, each held until its unit has arrived. Which unit makes which
trip follows from the times (`schedule`). Times are whole seconds after the problem's start.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from ortools.sat.python import cp_model

from dispatch.planning.placing import Place, places_for
from dispatch.planning.problem import PatientNeed, Problem, Resource
from dispatch.planning.schedule import Load, Schedule, Times

# What a second until the handover weighs, the gravest first.
WEIGHTS: Final = (1000, 100, 10, 1)
# A kind of bed that is one further down the list of those that do weighs like so many seconds.
BED_SECONDS: Final = 60

_Kind = tuple[str, str]


@dataclass(frozen=True)
class _Way:
    """A hospital and a kind of unit that a load could take."""

    hospital_id: str
    kind: _Kind


@dataclass
class _Ride:
    """The variables of one load."""

    load: Load
    start: cp_model.IntVar
    bay: cp_model.IntVar | None
    handed_over: cp_model.LinearExprT
    ways: Mapping[_Way, cp_model.IntVar]
    beds: Mapping[tuple[str, Place], cp_model.IntVar]


class Model:
    """The model of a problem whose loads and a first plan are given.

    Its plans are none worse than that one, and their makespan none below the bound.
    """

    def __init__(self, problem: Problem, first: Schedule, bound_seconds: int) -> None:
        self._problem = problem
        self._model = cp_model.CpModel()
        self._end = first.makespan
        self._kinds = Counter((unit.vehicle, unit.crew) for unit in problem.units)
        self._makespan = self._model.new_int_var(bound_seconds, self._end, "makespan")
        # Loads alike stand side by side, so that their order can be fixed.
        times = sorted(first.times, key=lambda each: (_likeness(each.load), each.load_at))
        self._rides = [self._ride(each.load) for each in times]
        self._share_loading()
        self._share_bays()
        self._share_units()
        self._share_beds()
        self._fix_order_of_alike()
        if problem.rules.gravest_first:
            self._gravest_first()
        self._hint(times)

    def minimise_makespan(self) -> None:
        """Ask for the earliest last handover."""
        self._model.minimize(self._makespan)

    def minimise_waiting(self, makespan_seconds: int) -> None:
        """Ask for early handovers, of the graver above all, within this makespan."""
        self._model.add(self._makespan <= makespan_seconds)
        terms: list[cp_model.LinearExprT] = []
        for ride in self._rides:
            terms.append(ride.handed_over * WEIGHTS[ride.load.rank] * len(ride.load.patients))
            for (patient_id, where), taken in ride.beds.items():
                worse = self._problem.patient[patient_id].beds.index(where.bed)
                terms.append(taken * worse * BED_SECONDS)
        self._model.minimize(cp_model.LinearExpr.sum(terms))

    def solve(self, solver: cp_model.CpSolver) -> tuple[bool, list[tuple[Load, int, int]] | None]:
        """Return whether nothing better exists, and each load with its time and that of its bay.

        None stands for no plan found within the solver's limits.
        """
        status = solver.solve(self._model)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return status == cp_model.INFEASIBLE, None
        return status == cp_model.OPTIMAL, [self._chosen(solver, ride) for ride in self._rides]

    def _ride(self, load: Load) -> _Ride:
        problem, model, name = self._problem, self._model, load.patients[0].patient_id
        suitable = {each.patient_id: places_for(problem, each) for each in load.patients}
        hospitals = [
            each.hospital_id
            for each in problem.hospitals
            if all(
                any(where.hospital_id == each.hospital_id for where in places)
                for places in suitable.values()
            )
            and load.load_seconds + each.seconds_from_origin + load.hand_over_seconds
            <= problem.rules.wear_seconds
        ]
        kinds = {
            (unit.vehicle, unit.crew)
            for unit in problem.units
            if all(unit.may_carry(each) for each in load.patients)
        }
        ways = {
            _Way(hospital_id, kind): model.new_bool_var(f"{name}:{hospital_id}:{kind}")
            for hospital_id in hospitals
            for kind in sorted(kinds)
        }
        model.add_exactly_one(ways.values())
        ready = max(problem.ready(each) for each in load.patients)
        start = model.new_int_var(ready, max(ready, self._end), f"{name}:start")
        ride = cp_model.LinearExpr.sum(
            [
                var * problem.hospital[way.hospital_id].seconds_from_origin
                for way, var in ways.items()
            ]
        )
        handed_over = start + ride + load.load_seconds + load.hand_over_seconds
        model.add(handed_over <= self._makespan)
        bay = None
        if problem.rules.bays is not None:
            bay = model.new_int_var(0, self._latest_bay, f"{name}:bay")
            model.add(bay >= handed_over)
        beds = {}
        for patient_id, places in suitable.items():
            for hospital_id in hospitals:
                there = [where for where in places if where.hospital_id == hospital_id]
                for where in there:
                    beds[patient_id, where] = model.new_bool_var(f"{patient_id}:{where}")
                model.add(
                    cp_model.LinearExpr.sum([beds[patient_id, where] for where in there])
                    == _sum(var for way, var in ways.items() if way.hospital_id == hospital_id)
                )
        return _Ride(load, start, bay, handed_over, ways, beds)

    @property
    def _latest_bay(self) -> int:
        """A time by which everybody can have been disinfected, one after the other."""
        busy = max((end for _, end in self._problem.held("bay")), default=0)
        return max(self._end, busy) + (
            len(self._problem.patients) * self._problem.rules.disinfection_seconds
        )

    def _share_loading(self) -> None:
        intervals = [
            self._model.new_fixed_size_interval_var(ride.start, ride.load.load_seconds, "loading")
            for ride in self._rides
        ]
        intervals += self._held("loading")
        self._model.add_cumulative(
            intervals, [1] * len(intervals), self._problem.rules.loading_places
        )

    def _share_bays(self) -> None:
        rules = self._problem.rules
        if rules.bays is None:
            return
        intervals = [
            self._model.new_fixed_size_interval_var(ride.bay, rules.disinfection_seconds, "bay")
            for ride in self._rides
            if ride.bay is not None
        ]
        intervals += self._held("bay")
        self._model.add_cumulative(intervals, [1] * len(intervals), rules.bays)

    def _held(self, resource: Resource) -> list[cp_model.IntervalVar]:
        return [
            self._model.new_fixed_size_interval_var(begin, end - begin, "held")
            for begin, end in self._problem.held(resource)
        ]

    def _share_units(self) -> None:
        problem, model = self._problem, self._model
        disinfection = problem.rules.disinfection_seconds
        for kind, count in self._kinds.items():
            intervals = [
                model.new_fixed_size_interval_var(0, problem.arrival(unit), unit.unit_id)
                for unit in problem.units
                if (unit.vehicle, unit.crew) == kind
            ]
            for ride in self._rides:
                for way, taken in ride.ways.items():
                    if way.kind != kind:
                        continue
                    away = problem.hospital[way.hospital_id].seconds_from_origin
                    if ride.bay is None:
                        load = ride.load
                        seconds = load.load_seconds + load.hand_over_seconds + 2 * away
                        intervals.append(
                            model.new_optional_fixed_size_interval_var(
                                ride.start, seconds + disinfection, taken, "trip"
                            )
                        )
                    else:
                        back = ride.bay + (disinfection + away)
                        size = model.new_int_var(0, 2 * self._latest_bay + 2 * away, "")
                        intervals.append(
                            model.new_optional_interval_var(ride.start, size, back, taken, "trip")
                        )
            model.add_cumulative(intervals, [1] * len(intervals), count)

    def _share_beds(self) -> None:
        for hospital in self._problem.hospitals:
            for kind, free in hospital.beds.items():
                where = Place(hospital.hospital_id, kind)
                taken = [
                    var
                    for ride in self._rides
                    for (_, each), var in ride.beds.items()
                    if each == where
                ]
                if len(taken) > free:
                    self._model.add(_sum(taken) <= free)

    def _fix_order_of_alike(self) -> None:
        for one, other in pairwise(self._rides):
            if _likeness(one.load) == _likeness(other.load):
                self._model.add(one.start <= other.start)

    def _gravest_first(self) -> None:
        """Let nobody start before a graver one who is ready."""
        problem, model = self._problem, self._model
        ready = {id(ride): max(map(problem.ready, ride.load.patients)) for ride in self._rides}
        # The latest loading of each severity that is ready from the start on; most batches are.
        latest: dict[int, cp_model.IntVar] = {}
        for rank in range(len(WEIGHTS) - 1):
            at_once = [r for r in self._rides if r.load.rank == rank and ready[id(r)] == 0]
            if at_once:
                latest[rank] = model.new_int_var(0, self._end, f"latest:{rank}")
                for ride in at_once:
                    model.add(latest[rank] >= ride.start)
        for ride in self._rides:
            for rank, start in latest.items():
                if rank < ride.load.rank:
                    model.add(ride.start >= start)
        for ride in self._rides:
            for graver in self._rides:
                comes = ready[id(graver)]
                if graver.load.rank >= ride.load.rank or comes == 0:
                    continue
                if ready[id(ride)] >= comes:
                    model.add(ride.start >= graver.start)
                    continue
                before = model.new_bool_var("")
                model.add(ride.start < comes).only_enforce_if(before)
                model.add(ride.start >= graver.start).only_enforce_if(~before)

    def _hint(self, times: Sequence[Times]) -> None:
        model = self._model
        for ride, each in zip(self._rides, times, strict=True):
            kind = (each.unit.vehicle, each.unit.crew)
            chosen = _Way(each.load.hospital_id, kind)
            model.add_hint(ride.start, each.load_at)
            if ride.bay is not None:
                model.add_hint(ride.bay, each.bay_at)
            for way, var in ride.ways.items():
                model.add_hint(var, way == chosen)
            for (patient_id, where), var in ride.beds.items():
                bed = each.load.beds.get(patient_id)
                model.add_hint(var, where == Place(each.load.hospital_id, bed or ""))
        model.add_hint(self._makespan, max(each.handed_over_at for each in times))

    def _chosen(self, solver: cp_model.CpSolver, ride: _Ride) -> tuple[Load, int, int]:
        way = next(way for way, var in ride.ways.items() if solver.boolean_value(var))
        beds = {
            patient_id: where.bed
            for (patient_id, where), var in ride.beds.items()
            if solver.boolean_value(var)
        }
        load = replace(ride.load, hospital_id=way.hospital_id, beds=beds, kind=way.kind)
        bay = solver.value(ride.handed_over) if ride.bay is None else solver.value(ride.bay)
        return load, solver.value(ride.start), bay


def _likeness(load: Load) -> tuple[object, ...]:
    """Return what loads share that can be exchanged for one another; it sorts."""
    return (load.rank, *sorted(map(_needs, load.patients)))


def _needs(patient: PatientNeed) -> tuple[object, ...]:
    return (
        patient.beds,
        sorted(patient.vehicles),
        sorted(patient.crews),
        sorted(patient.capabilities),
        patient.ready_at,
        patient.load_seconds,
        patient.hand_over_seconds,
    )


def _sum(terms: Iterable[cp_model.LinearExprT]) -> cp_model.LinearExprT:
    return cp_model.LinearExpr.sum(list(terms))
