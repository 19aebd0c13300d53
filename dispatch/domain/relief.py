"""A unit that is free takes over the run of a crew that would be there much later.

Source: 120 plan §4 (就近派遣); what is gained by it: docs/dispatch-quality.md.
"""

from dataclasses import replace
from typing import Final

from dispatch.domain import incidents
from dispatch.domain.allocation import Choice, choose
from dispatch.domain.city import City
from dispatch.domain.fleet import fleet_of
from dispatch.domain.model import Assignment, Position, Unit
from dispatch.domain.needs import need_of
from dispatch.domain.roster import Roster, where

NEARER_UNIT_FREE: Final = "nearer_unit_free"


def where_nearer(city: City, unit: Unit) -> tuple[Assignment, Choice, str] | None:
    """Return the run that a free unit takes over, its choice, and why; None where it takes none.

    It is the run with the most gained, at least `take_over_seconds` of the pack, among those that
    the rules would give to this unit if its own were free too. What the dispatcher has chosen
    stays, and so do the trips of a transfer. Whose position is not known takes part in nothing.
    """
    for gained, assignment_id in _gains(city, unit):
        assignment = city.assignments[assignment_id]
        choice = _choice_between(city, assignment, unit)
        if choice is not None:
            return assignment, choice, f"unit {unit.unit_id} is free and {gained:.0f} s nearer"
    return None


def _gains(city: City, unit: Unit) -> list[tuple[float, str]]:
    least = city.pack.allocation.take_over_seconds
    if least is None:
        return []
    here, known = where(unit, city.now, city.pack.allocation.position_fresh_seconds)
    if not known:
        return []

    def still(assignment_id: str) -> tuple[Position, float]:
        run = city.assignments[assignment_id]
        busy, scene = city.units[run.unit_id], run.place.position
        return scene, city.travel.seconds(busy.position or busy.station, scene)

    found = city.on_the_way.farther(here, least, city.travel, still)
    return sorted(found, key=lambda each: (-each[0], each[1]))


def _choice_between(city: City, assignment: Assignment, unit: Unit) -> Choice | None:
    """Return the choice of a free unit where the rules prefer it to the one on its way."""
    incident = city.incidents[assignment.incident_id]
    fixed = assignment.chosen_by_dispatcher or incident.transfer_kind is not None
    if fixed or incident.status == "held" or incidents.wanted_crew(incident) is None:
        return None
    busy = city.units[assignment.unit_id]
    # One that is ordered and has never said where it is stands at its station.
    standing = busy.status == "ordered" and busy.position is None
    other = replace(busy, status="available" if standing else "returning", assignment_id=None)
    fleet = fleet_of(city)
    if not where(other, city.now, fleet.policy.position_fresh_seconds)[1]:
        return None
    both = replace(fleet, units=Roster((unit, other)))
    choice = choose(need_of(city, incident, assignment.place), both)
    if choice.unit is not unit or choice.fallback is not None:
        return None
    return replace(choice, why=(*choice.why, NEARER_UNIT_FREE))
