"""A batch that is planned while others, planned before it, still run or have filled beds."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from dispatch.planning.plan import Trip
from dispatch.planning.problem import Busy, Problem


def following(problem: Problem, trips: Iterable[Trip]) -> Problem:
    """Return the problem with what these trips leave of beds, units, loading places and bays.

    A unit is free when its last trip is, and stands at the hospital that this trip went to.
    """
    made = sorted(trips, key=lambda each: each.free_at)
    taken = Counter((trip.hospital_id, kind) for trip in made for kind in trip.beds.values())
    last = {trip.unit_id: trip for trip in made}
    disinfection = timedelta(seconds=problem.rules.disinfection_seconds)
    busy = [Busy("loading", trip.load_at, trip.leave_at) for trip in made]
    busy += [Busy("bay", trip.free_at - disinfection, trip.free_at) for trip in made]
    return replace(
        problem,
        hospitals=tuple(
            replace(
                hospital,
                beds={
                    kind: max(0, free - taken[hospital.hospital_id, kind])
                    for kind, free in hospital.beds.items()
                },
            )
            for hospital in problem.hospitals
        ),
        units=tuple(
            replace(
                unit,
                free_at=max(unit.free_at, last[unit.unit_id].free_at),
                seconds_to_origin=problem.hospital[
                    last[unit.unit_id].hospital_id
                ].seconds_from_origin,
            )
            if unit.unit_id in last
            else unit
            for unit in problem.units
        ),
        busy=(*problem.busy, *(each for each in busy if each.end > problem.start)),
    )
