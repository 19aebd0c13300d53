"""A unit that is free takes over the run of a crew that would be there much later.

Source: 120 plan §4 (就近派遣); what is gained by it: docs/dispatch-quality.md.
"""

from collections.abc import Iterator
from dataclasses import replace
from heapq import nsmallest
from typing import Final

from dispatch.domain import incidents, swapping
from dispatch.domain.allocation import Choice, choose
from dispatch.domain.city import City
from dispatch.domain.fleet import fleet_of
from dispatch.domain.model import Assignment, Position, Unit
from dispatch.domain.needs import need_of
from dispatch.domain.roster import Roster, objection, where

NEARER_UNIT_FREE: Final = "nearer_unit_free"
# Of the runs that a unit is nearer to, so many are looked at closely, the greatest gain first.
_LOOKED_AT: Final = 8


def where_nearer(city: City, unit: Unit) -> tuple[Assignment, Choice, str] | None:
    """Return the run that a unit takes over if it is free, its choice, and why; else None.

    It is the run with the most gained, at least `take_over_seconds` of the pack, among those where
    the rules prefer this unit to the crew on its way; a unit of another crew kind than is wanted
    takes none. A crew that has not acknowledged its order yet keeps it, for its silence must be
    noticed. What the dispatcher has chosen stays, and so do the trips of a transfer. Whose position
    is not known takes part in nothing, and no unit comes back to an incident that it has been on.
    """
    if city.pack.allocation.take_over_seconds is None or objection(unit) is not None:
        return None
    gains = nsmallest(_LOOKED_AT, _gains(city, unit, city.pack.allocation.take_over_seconds))
    for gained, assignment_id in gains:
        assignment = city.assignments[assignment_id]
        choice = _choice_between(city, assignment, unit)
        if choice is not None:
            return assignment, choice, f"unit {unit.unit_id} is free and {-gained:.0f} s nearer"
    return None


def _gains(city: City, unit: Unit, least: float) -> Iterator[tuple[float, str]]:
    """Yield the runs that a unit may take over, with the seconds gained, negative."""
    here, known = where(unit, city.now, city.pack.allocation.position_fresh_seconds)
    if not known:
        return

    def still(assignment_id: str) -> tuple[Position, float]:
        run = city.assignments[assignment_id]
        busy, scene = city.units[run.unit_id], run.place.position
        return scene, city.travel.seconds(busy.position or busy.station, scene)

    for gained, assignment_id in city.on_the_way.farther(here, least, city.travel, still):
        run = city.assignments[assignment_id]
        left = gained - swapping.driven_since(city, run)
        if left >= least and _may_be_relieved(city, run) and _may_go(city, unit, run):
            yield -left, assignment_id


def _may_be_relieved(city: City, run: Assignment) -> bool:
    if run.acknowledged_at is None or run.chosen_by_dispatcher:
        return False
    return city.incidents[run.incident_id].transfer_kind is None


def _may_go(city: City, unit: Unit, run: Assignment) -> bool:
    """Return whether a unit is of the crew kind for a run, and has not been on its incident."""
    incident = city.incidents[run.incident_id]
    wanted = incidents.wanted_crew(incident)
    pooled = city.mode == "routine" and incident.wanted_crew is None and wanted == "regular"
    if unit.crew != wanted and not pooled:
        return False
    return all(city.assignments[key].unit_id != unit.unit_id for key in incident.assignments)


def _choice_between(city: City, assignment: Assignment, unit: Unit) -> Choice | None:
    """Return the choice of a free unit where the rules prefer it to the one on its way."""
    incident = city.incidents[assignment.incident_id]
    busy = city.units[assignment.unit_id]
    # One that is ordered and has never said where it is stands at its station.
    standing = busy.status == "ordered" and busy.position is None
    other = replace(busy, status="available" if standing else "returning", assignment_id=None)
    fleet = fleet_of(city)
    if not where(other, city.now, fleet.policy.position_fresh_seconds)[1]:
        return None
    both = replace(fleet, units=Roster((unit, other)))
    choice = choose(need_of(city, incident, assignment.place), both)
    if choice.unit is not unit:
        return None
    return replace(choice, why=(*choice.why, NEARER_UNIT_FREE))
