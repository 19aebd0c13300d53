"""A set of protection lasts so long: what a run takes in it, there and back.

It is worn on the way to the scene, there, on the way to the hospital and, where the vehicle is
disinfected there, until that is done (120 plan §3, §6; the pack's `max_wear_minutes`).
"""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from dispatch.domain import choosing, handover
from dispatch.domain.allocation import Need
from dispatch.domain.arrivals import BEFORE_ARRIVAL
from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.domain.model import Assignment, Incident

TIMER: Final = "wear_time"
_SECONDS_PER_MINUTE = 60.0


def bounded(city: City, incident: Incident, need: Need) -> Need:
    """Return a need with how long the way to it may take, for the run to be done in one set."""
    decision = incident.decision
    if decision is None or decision["ppe"] not in city.pack.protection.timed_levels:
        return need
    hospital = choosing.choose_hospital(
        city, incident, decision["destination"], origin=need.place.position
    )
    afterwards = city.pack.handover.on_scene_minutes * _SECONDS_PER_MINUTE
    afterwards += _disinfecting(city, decision["disinfection"])
    afterwards += 0.0 if hospital is None else hospital.travel_seconds
    return replace(need, within_seconds=_longest(city) - afterwards)


def watch(city: City, run: Assignment) -> Assignment:
    """Escalate, once, that a run can't be done in the set that its crew wears.

    The crew is taken to have put it on when it rolled. A run that takes longer than was expected is
    looked at again when the set must be changed, with the disinfection that is still to come.
    """
    timed = city.pack.protection.timed_levels
    if run.wear_told or run.ended_at is not None or run.ppe not in timed:
        return run
    rolled_at = run.reached.get("rolling", city.now)
    disinfecting = _disinfecting(city, run.disinfection)
    seconds = (city.now - rolled_at).total_seconds() + disinfecting
    if run.hospital_id is not None and city.units[run.unit_id].status in BEFORE_ARRIVAL:
        arrives_at = handover.expected_arrival(city, run, city.hospitals[run.hospital_id])
        seconds += (arrives_at - city.now).total_seconds()
    if seconds < _longest(city):
        due_at = rolled_at + timedelta(seconds=_longest(city) - disinfecting)
        city.set_timer(TIMER, run.assignment_id, due_at)
        return run
    run = replace(run, wear_told=True)
    city.put(run)
    escalate(
        city,
        "wear_time_exceeded",
        run.incident_id,
        run.unit_id,
        f"the run of unit {run.unit_id} takes {math.ceil(seconds / _SECONDS_PER_MINUTE)} min with "
        f"scene, hospital and disinfection; a set of protection lasts "
        f"{city.pack.protection.max_wear_minutes:.0f} min: relieve the crew, or let it change",
    )
    return run


def time_is_up(city: City, assignment_id: str) -> None:
    """The set that the crew of a run wears must be changed by now, if it is still worn."""
    run = city.assignments.get(assignment_id)
    if run is not None:
        watch(city, run)


def _longest(city: City) -> float:
    return city.pack.protection.max_wear_minutes * _SECONDS_PER_MINUTE


def _disinfecting(city: City, level: Any) -> float:
    """Return for how long protection is worn to disinfect the vehicle: at the hospital, if there.

    At its base the vehicle is disinfected by those who are there.
    """
    policy = city.pack.disinfection
    if level != "terminal" or policy.where != "receiving_hospital":
        return 0.0
    return policy.minimums[policy.required_agent].min_minutes * _SECONDS_PER_MINUTE
