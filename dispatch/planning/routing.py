"""Which hospital and bed each patient goes to so that the fleet has the least work.

Both the beginning of a plan and a part of its bound: no plan can give the fleet less to do.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ortools.sat.python import cp_model

from dispatch.planning.placing import Place, Placing, places_for
from dispatch.planning.problem import PatientNeed, Problem

# Far more than these small programs need; what is left open then still is a bound.
_SECONDS = 5.0


@dataclass(frozen=True)
class Routing:
    """Where everybody goes, and the seconds of unit time that the counted patients need.

    A trip's work runs from the start of its loading to its return to the origin. The returns, with
    the disinfection before them, of each unit's last trip are not counted.
    """

    places: Mapping[str, Place]
    work_seconds: int


def route(
    problem: Problem,
    placing: Placing,
    counts: Callable[[PatientNeed], bool] = lambda _: True,
    *,
    seed: int = 0,
) -> Routing:
    """Find the places that need the least work for the patients who count.

    All who are placed keep a place. Of equal routings the one that takes graver patients nearer,
    and each into the best kind of bed, is chosen.
    """
    groups = _alike(problem, placing, counts)
    model = cp_model.CpModel()
    goes: dict[tuple[int, Place], cp_model.IntVar] = {}
    for number, group in enumerate(groups):
        for where in places_for(problem, group[0]):
            goes[number, where] = model.new_int_var(0, len(group), "")
        model.add(_sum(var for (each, _), var in goes.items() if each == number) == len(group))
    for hospital in problem.hospitals:
        for kind, free in hospital.beds.items():
            where = Place(hospital.hospital_id, kind)
            model.add(_sum(var for (_, each), var in goes.items() if each == where) <= free)
    work = _work(problem, model, goes, groups, counts)
    model.minimize(work)
    solver = _solve(model, seed)
    # The search ends with a whole number that it proved, or below the true one.
    least = -int(-(solver.best_objective_bound - 1e-6) // 1)
    first = {key: solver.value(var) for key, var in goes.items()}
    model.add(work <= round(solver.objective_value))
    model.minimize(
        _sum(
            _distaste(problem, groups[number][0], where) * var
            for (number, where), var in goes.items()
        )
    )
    for key, var in goes.items():
        model.add_hint(var, first[key])
    solver = _solve(model, seed)
    places = {}
    for number, group in enumerate(groups):
        left = list(group)
        for (each, where), var in goes.items():
            if each == number:
                for _ in range(solver.value(var)):
                    places[left.pop(0).patient_id] = where
    return Routing(places, least)


def _alike(
    problem: Problem, placing: Placing, counts: Callable[[PatientNeed], bool]
) -> list[list[PatientNeed]]:
    """Return the placed patients in groups whose members differ in nothing that matters here."""
    groups: dict[tuple[object, ...], list[PatientNeed]] = {}
    for patient in problem.patients:
        if patient.patient_id in placing.places:
            key = (places_for(problem, patient), patient.load_seconds, patient.hand_over_seconds)
            groups.setdefault((*key, patient.rank, counts(patient)), []).append(patient)
    return list(groups.values())


def _work(
    problem: Problem,
    model: cp_model.CpModel,
    goes: Mapping[tuple[int, Place], cp_model.IntVar],
    groups: list[list[PatientNeed]],
    counts: Callable[[PatientNeed], bool],
) -> cp_model.LinearExprT:
    """Return the work as an expression over who goes where."""
    counted = [number for number, group in enumerate(groups) if counts(group[0])]
    size = sum(len(groups[number]) for number in counted)
    units = sum(
        any(unit.may_carry(patient) for number in counted for patient in groups[number])
        for unit in problem.units
    )
    terms: list[cp_model.LinearExprT] = [
        sum(each.load_seconds + each.hand_over_seconds for each in groups[number])
        for number in counted
    ]
    lasts = []
    for hospital in problem.hospitals:
        back = problem.rules.disinfection_seconds + hospital.seconds_from_origin
        riders = _sum(
            var
            for (number, where), var in goes.items()
            if number in counted and where.hospital_id == hospital.hospital_id
        )
        trips = model.new_int_var(0, size, "")
        last = model.new_int_var(0, size, "")
        model.add(trips * problem.rules.patients_per_vehicle >= riders)
        model.add(trips <= riders)
        model.add(last <= trips)
        lasts.append(last)
        terms += [trips * (hospital.seconds_from_origin + back), last * -back]
    model.add(_sum(lasts) <= units)
    return _sum(terms)


def _distaste(problem: Problem, patient: PatientNeed, where: Place) -> int:
    """Weigh a place: the ride, more for graver patients, then how far down the list the bed is."""
    ride = problem.hospital[where.hospital_id].seconds_from_origin
    return ride * (4 - patient.rank) + 60 * patient.beds.index(where.bed)


def _solve(model: cp_model.CpModel, seed: int) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    solver.parameters.max_time_in_seconds = _SECONDS
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise AssertionError(f"everybody placed has a place: {solver.status_name(status)}")
    return solver


def _sum(terms: Iterable[cp_model.LinearExprT]) -> cp_model.LinearExprT:
    return cp_model.LinearExpr.sum(list(terms))
