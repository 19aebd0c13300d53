"""A crew that answered its order in time and was heard too late: who keeps the run.

In a dead zone a crew drives on, and another is ordered in its place. When it is heard, the one that
is there sooner goes, and the other is free; a crew that is with the patient stays.

Source: 120 plan §4 (就近派遣).
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from dispatch.domain import dispatching, incidents, radio, swapping, timing
from dispatch.domain.allocation import Choice, suits
from dispatch.domain.city import City, Crossed
from dispatch.domain.fleet import change_unit, fleet_of
from dispatch.domain.model import Assignment, Incident, Place, Unit
from dispatch.domain.needs import need_of
from dispatch.domain.roster import objection, where

# Why such a unit is ordered (again).
ACKNOWLEDGED_IN_TIME: Final = "acknowledged_in_time"


def run_of_silent(city: City, unit: Unit) -> Assignment | None:
    """Return the run that a unit has lost for its silence; None where it is not out for that."""
    if not is_silent(unit):
        return None
    lost = (
        run
        for run in city.assignments.values()
        if run.unit_id == unit.unit_id and run.outcome == "unanswered"
    )
    return max(lost, key=lambda run: run.ordered_at, default=None)


def counts(city: City, run: Assignment, said_at: datetime) -> bool:
    """Return whether a crew has answered an order in time that it has lost for its silence.

    `said_at` (aware UTC) is its own word. Its unit must have nothing else to do.
    """
    unit = city.units[run.unit_id]
    if run.outcome != "unanswered" or not (is_silent(unit) or objection(unit) is None):
        return False
    at = timing.happened_at(said_at, cause=run.ordered_at, now=city.now)
    seconds = city.pack.allocation.order_acknowledgement_seconds
    return timing.not_after(at, run.ordered_at + timedelta(seconds=seconds), city.pack)


def take(city: City, run: Assignment, said_at: datetime) -> Assignment | None:
    """Give a crew that has answered in time its run again, under another id, if it is there sooner.

    Returns that run. Else the unit is free, and None is returned.

    Raises:
        Crossed: it is free already.
    """
    unit = city.units[run.unit_id]
    incident = city.incidents[run.incident_id]
    answered_at = timing.happened_at(said_at, cause=run.ordered_at, now=city.now)
    rivals = _rivals(city, incident, run)
    if incident.status == "waiting" and incidents.units_needed(city, incident):
        place = incidents.next_place(incident)
        if _suits(city, unit, incident, place):
            choice = _choice(city, unit, place, answered_at)
            because = f"unit {unit.unit_id} acknowledged its order in time, and was heard late"
            dispatching.order_chosen(city, incident, choice, because)
            # It may have more patients.
            dispatching.serve(city, incident.incident_id, because)
    elif incident.status == "assigned" and rivals:
        slowest = max(rivals, key=lambda rival: swapping.still_to_go(city, rival))
        choice = _choice(city, unit, slowest.place, answered_at)
        sooner = swapping.still_to_go(city, slowest) - choice.travel_seconds
        if sooner > 0 and _suits(city, unit, incident, slowest.place, slowest):
            because = (
                f"unit {unit.unit_id} acknowledged its order in time, was heard late, and is there "
                f"{sooner:.0f} s sooner"
            )
            dispatching.swap(city, slowest, choice, because)
    again = city.units[unit.unit_id].assignment_id
    if again is None:
        _let_go(city, unit, incident, run)
        return None
    city.put(replace(city.assignments[run.assignment_id], continued_as=again))
    return city.assignments[again]


def _let_go(city: City, unit: Unit, incident: Incident, run: Assignment) -> None:
    if not is_silent(unit):
        raise Crossed("assignment_id", f"has ended ({run.outcome})")
    on_it = ", ".join(each.unit_id for each in incidents.active_assignments(city, incident))
    why = f"unit {on_it} is there sooner" if on_it else "the patient needs no unit any more"
    reason = f"the order was acknowledged in time and heard late: {why}"
    change_unit(city, unit, status="returning", reason=reason)
    dispatching.serve_queue(city, unit.unit_id)


def is_silent(unit: Unit) -> bool:
    """Return whether a unit is out of service for its silence."""
    return (
        unit.status == "out_of_service"
        and unit.reason == radio.NOT_ACKNOWLEDGED
        and unit.assignment_id is None
        and unit.job_id is None
        and unit.staffed
    )


def _rivals(city: City, incident: Incident, run: Assignment) -> list[Assignment]:
    """Return the runs ordered since, whose crews are on their way by no dispatcher's choice."""
    since = incident.assignments[incident.assignments.index(run.assignment_id) + 1 :]
    runs = (city.assignments[key] for key in since)
    return [
        each
        for each in runs
        if each.ended_at is None and not each.met_patient and not each.chosen_by_dispatcher
    ]


def _suits(
    city: City, unit: Unit, incident: Incident, place: Place, rival: Assignment | None = None
) -> bool:
    """Return whether the rules still have a unit go, and another is not of the kind that is asked.

    More may be known of the patient by now than when it was ordered.
    """
    wanted = incidents.wanted_crew(incident)
    if rival is not None and rival.crew == wanted != unit.crew and city.mode != "routine":
        return False
    free = replace(unit, status="returning")
    return suits(free, need_of(city, incident, place), fleet_of(city))


def _choice(city: City, unit: Unit, place: Place, answered_at: datetime) -> Choice:
    """Return the choice of a unit that has been on its way since it answered (aware UTC)."""
    fresh_seconds = city.pack.allocation.position_fresh_seconds
    origin, _ = where(unit, answered_at, fresh_seconds)
    since = max(answered_at, unit.position_at or answered_at)
    driven = max(0.0, (city.now - since).total_seconds())
    seconds = max(0.0, city.travel.seconds(origin, place.position) - driven)
    return Choice(unit, seconds, (ACKNOWLEDGED_IN_TIME,), {})
