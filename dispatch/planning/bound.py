"""How short a plan could be at best: no plan that moves the same patients is shorter.

Each of these must fit before the last handover, so that the longest of them is a bound:

- one patient's own trip;
- the loading of everybody, at the places there are, and then somebody's ride and handover;
- the work of the fleet (see `routing`), which the units share from their first loading on, the
  first loadings staggered by the loading places; for all patients, and for those alone whom only
  some of the units may carry;
- the disinfections after which a unit rides again, in the bays there are.
"""

from collections.abc import Iterable, Sequence

from dispatch.planning.placing import Placing, places_for
from dispatch.planning.problem import PatientNeed, Problem, UnitSlot
from dispatch.planning.routing import Routing, route


def lower_bound(problem: Problem, placing: Placing, routing: Routing) -> int:
    """Return seconds after the start before which the last of the placed can't be handed over.

    `routing` is that of all placed patients.
    """
    patients = [each for each in problem.patients if each.patient_id in placing.places]
    if not patients:
        return 0
    return max(
        *(_head(problem, each) + each.load_seconds + _tail(problem, each) for each in patients),
        _loading(problem, patients),
        _fleet(problem, patients, routing.work_seconds),
        *(
            _fleet(problem, some, route(problem, placing, set(some).__contains__).work_seconds)
            for some in _bound_to_some_units(problem, patients)
        ),
        _bays(problem, patients),
    )


def _head(problem: Problem, patient: PatientNeed) -> int:
    """Return when a patient can be loaded at the earliest."""
    arrivals = (problem.arrival(unit) for unit in problem.units if unit.may_carry(patient))
    return max(problem.ready(patient), min(arrivals))


def _ride(problem: Problem, patient: PatientNeed) -> int:
    places = places_for(problem, patient)
    return min(problem.hospital[where.hospital_id].seconds_from_origin for where in places)


def _tail(problem: Problem, patient: PatientNeed) -> int:
    """Return what is left after a patient's loading: the ride and the handover."""
    return _ride(problem, patient) + patient.hand_over_seconds


def _loading(problem: Problem, patients: Sequence[PatientNeed]) -> int:
    """Bound by the loading places, for the patients who come from some moment on."""
    held = problem.held("loading")
    heads = {each: _head(problem, each) for each in patients}
    longest = 0
    for moment in set(heads.values()):
        late = [each for each in patients if heads[each] >= moment]
        work = sum(each.load_seconds for each in late)
        done = _done(moment, work, problem.rules.loading_places, held)
        longest = max(longest, done + min(_tail(problem, each) for each in late))
    return longest


def _fleet(problem: Problem, patients: Sequence[PatientNeed], work_seconds: int) -> int:
    """Bound by the units that may carry these patients, and the work that these are."""
    units = _carriers(problem, patients)
    starts = [
        max(arrival, first)
        for arrival, first in zip(
            sorted(problem.arrival(unit) for unit in units),
            _first_loadings(problem, patients, len(units)),
            strict=True,
        )
    ]
    starts.sort()
    done = 0
    for sharing in range(1, len(starts) + 1):
        done = -(-(work_seconds + sum(starts[:sharing])) // sharing)
        if sharing == len(starts) or done <= starts[sharing]:
            break
    return done


def _first_loadings(problem: Problem, patients: Sequence[PatientNeed], count: int) -> list[int]:
    """Return, for the first so many loadings, when each can begin at the earliest.

    When one begins, all before it have begun and all but the number of places are done; the short
    ones at best. Where the gravest go first, one by one, and all are ready at once, it is known who
    went before.
    """
    ready = min(problem.ready(each) for each in patients)
    together = max(problem.ready(each) for each in patients) == ready
    alone = problem.rules.patients_per_vehicle == 1
    ranked = problem.rules.gravest_first and together and alone
    order = sorted(patients, key=lambda each: (each.rank if ranked else 0, each.load_seconds))
    loads = [each.load_seconds for each in order]
    places = problem.rules.loading_places
    starts = []
    for number in range(count):
        begun = loads[:number]
        done = sorted(begun)[: max(0, number - places + 1)]
        by_work = -(-sum(done) // places)
        by_turns = number // places * min(loads)
        starts.append(ready + max(by_work, by_turns))
    return starts


def _bays(problem: Problem, patients: Sequence[PatientNeed]) -> int:
    """Bound by the bays: each trip but a unit's last is disinfected before another begins."""
    rules = problem.rules
    trips = -(-len(patients) // rules.patients_per_vehicle)
    followed = trips - len(_carriers(problem, patients))
    if rules.bays is None or followed <= 0:
        return 0
    own = [each.load_seconds + _tail(problem, each) for each in patients]
    first = min(_head(problem, each) + mine for each, mine in zip(patients, own, strict=True))
    work = followed * rules.disinfection_seconds
    done = _done(first, work, rules.bays, problem.held("bay"))
    return done + min(_ride(problem, each) for each in patients) + min(own)


def _carriers(problem: Problem, patients: Iterable[PatientNeed]) -> list[UnitSlot]:
    needs = {(each.vehicles, each.crews) for each in patients}
    return [
        unit
        for unit in problem.units
        if any(unit.vehicle in vehicles and unit.crew in crews for vehicles, crews in needs)
    ]


def _bound_to_some_units(
    problem: Problem, patients: Sequence[PatientNeed]
) -> list[list[PatientNeed]]:
    """Return, for each set of units that is not all, the patients whom no others may carry."""
    everyone = len(_carriers(problem, patients))
    may = {
        each: frozenset(unit.unit_id for unit in problem.units if unit.may_carry(each))
        for each in patients
    }
    return [
        [each for each in patients if may[each] <= units]
        for units in sorted(set(may.values()), key=sorted)
        if len(units) < everyone
    ]


def _done(begin: int, work: int, places: int, held: Sequence[tuple[int, int]]) -> int:
    """Return when so much work is done at the earliest, from `begin` on, by what others leave."""
    moments = sorted({begin, *(each for pair in held for each in pair if each > begin)})
    for moment, until in zip(moments, [*moments[1:], None], strict=True):
        free = places - sum(start <= moment < end for start, end in held)
        if until is None or work <= free * (until - moment):
            if work <= 0:
                return moment
            return moment + -(-work // free)
        work -= max(0, free) * (until - moment)
    raise AssertionError("what others hold ends")  # pragma: no cover
