"""Plan a batch: who gets a bed, a plan at once, and a better one while there is time.

The seconds given are wall time, so that what the search reaches within them depends on the machine.
Where it ends by itself, at the proof, a small gap or a fixed amount of work, the plan depends on
problem, seed and number of workers alone.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ortools.sat.python import cp_model

from dispatch.planning.anneal import anneal
from dispatch.planning.bound import lower_bound
from dispatch.planning.model import BED_SECONDS, WEIGHTS, Model
from dispatch.planning.placing import Place, place
from dispatch.planning.plan import Plan
from dispatch.planning.problem import PatientNeed, Problem
from dispatch.planning.routing import route
from dispatch.planning.schedule import Load, Schedule, in_order, queue_up

# A large batch whose plan may be longer than the shortest by this share is good enough.
GAP: Final = 0.05
# Up to so many trips one worker soon finds the proof, or all that is worth finding.
_SMALL: Final = 12
# Of more trips than these the order is left as it is.
_MANY: Final = 120
# Where the search is left when it has done so much, in the solver's units of work, about seconds.
_WORK: Final = 0.5


def solve(problem: Problem, *, seconds: float, seed: int = 0, workers: int = 2) -> Plan:
    """Plan a batch, the shortest makespan first, then early handovers of the graver.

    There always is a plan, if only of who stays behind. The search takes at most `seconds`; the
    first plan and the bound, which come before it, some tenths of a second for 200 patients.
    """
    begun = time.monotonic()
    placing = place(problem)
    if not placing.places:
        return Plan(problem.batch_id, (), placing.unplaced, 0, 0, True, _since(begun))
    routing = route(problem, placing, seed=seed)
    best = queue_up(problem, _ride_together(problem, routing.places))
    bound = lower_bound(problem, placing, routing)
    search = _Search(problem, bound, begun + seconds, seed, workers)
    best, proven = search.shorten(best)
    best = search.hasten(best)
    return Plan(
        batch_id=problem.batch_id,
        trips=best.trips(),
        unplaced=placing.unplaced,
        makespan_seconds=best.makespan,
        bound_seconds=max(bound, search.bound),
        optimal=proven,
        solve_seconds=_since(begun),
    )


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 3)


def _ride_together(problem: Problem, places: Mapping[str, Place]) -> list[Load]:
    """Fill vehicles with patients of one hospital and time who may ride together.

    They are of one severity where the gravest go first: nobody rides past a graver one.
    """
    rules = problem.rules
    loads: list[list[PatientNeed]] = []
    last: dict[tuple[object, ...], list[PatientNeed]] = {}
    for patient in problem.patients:
        where = places.get(patient.patient_id)
        if where is None:
            continue
        rank = patient.rank if rules.gravest_first else None
        key = (where.hospital_id, rank, problem.ready(patient), patient.vehicles)
        company = last.get((*key, patient.crews))
        if company is not None and len(company) < rules.patients_per_vehicle:
            worn = problem.hospital[where.hospital_id].seconds_from_origin + sum(
                each.load_seconds + each.hand_over_seconds for each in (*company, patient)
            )
            if worn <= rules.wear_seconds:
                company.append(patient)
                continue
        company = last[(*key, patient.crews)] = [patient]
        loads.append(company)
    return [
        Load(
            tuple(company),
            places[company[0].patient_id].hospital_id,
            {each.patient_id: places[each.patient_id].bed for each in company},
        )
        for company in loads
    ]


@dataclass
class _Search:
    """The search for better plans of the same loads, until a moment of the monotonic clock."""

    problem: Problem
    bound: int
    until: float
    seed: int
    workers: int

    def shorten(self, best: Schedule) -> tuple[Schedule, bool]:
        """Look for a shorter makespan; return the best plan and whether it is the shortest."""
        if best.makespan <= self.bound:
            return best, True
        gap = 0.0 if len(best.times) <= _SMALL else GAP
        if gap and best.makespan > self.bound * (1 + gap):
            best = anneal(self.problem, best, self.until, self.seed)
        if best.makespan <= self.bound * (1 + gap):
            return best, best.makespan <= self.bound
        model = Model(self.problem, best, self.bound)
        model.minimise_makespan()
        solver = self._solver(len(best.times))
        solver.parameters.relative_gap_limit = gap
        _, found = model.solve(solver)
        if found is not None:
            best = self._better(best, found)
            if self.problem.rules.patients_per_vehicle == 1:
                proven = -int(-(solver.best_objective_bound - 1e-6) // 1)
                self.bound = max(self.bound, proven)
            return best, best.makespan <= solver.best_objective_bound + 1e-6
        return best, False

    def hasten(self, best: Schedule) -> Schedule:
        """Look for earlier handovers, of the graver above all, within the makespan."""
        if len(best.times) > _MANY:
            return best
        model = Model(self.problem, best, self.bound)
        model.minimise_waiting(best.makespan)
        solver = self._solver(len(best.times))
        solver.parameters.max_deterministic_time = _WORK
        _, found = model.solve(solver)
        return best if found is None else self._better(best, found)

    def _solver(self, trips: int) -> cp_model.CpSolver:
        solver = cp_model.CpSolver()
        parameters = solver.parameters
        parameters.random_seed = self.seed
        parameters.max_time_in_seconds = max(0.0, self.until - time.monotonic())
        parameters.use_dynamic_precedence_in_disjunctive = True
        parameters.use_dynamic_precedence_in_cumulative = True
        parameters.use_strong_propagation_in_disjunctive = True
        if trips <= _SMALL:
            parameters.num_workers = 1
            parameters.max_deterministic_time = _WORK
        else:
            parameters.num_workers = self.workers
            # With several workers a search is reproducible only when they take turns.
            parameters.interleave_search = True
        return solver

    def _better(self, best: Schedule, found: list[tuple[Load, int, int]]) -> Schedule:
        """Return the best of the plan so far, the one found, and that with all gaps closed."""
        candidates = [in_order(self.problem, found, early=early) for early in (True, False)]
        return min([*candidates, best], key=_worth)


def _worth(schedule: Schedule) -> tuple[int, int]:
    """Return what is to be small: the makespan, then the weighted handovers and worse beds."""
    waiting = 0
    for times in schedule.times:
        load = times.load
        waiting += times.handed_over_at * WEIGHTS[load.rank] * len(load.patients)
        for patient in load.patients:
            waiting += BED_SECONDS * patient.beds.index(load.beds[patient.patient_id])
    return schedule.makespan, waiting
