"""The dispatcher's last word: another unit, crew kind or hospital (120 plan §3)."""

from dataclasses import replace

from dispatch.domain import at_the_door, dispatching, handover, incidents
from dispatch.domain.allocation import DISPATCHER_CHOICE, Choice
from dispatch.domain.city import City, Early, Rejected
from dispatch.domain.fleet import fleet_of
from dispatch.domain.model import Assignment, Incident
from dispatch.domain.roster import DISPATCHABLE, stands_in, where
from dispatch.topics.calls import CallOverridden
from dispatch.topics.fields import CrewKind
from dispatch.topics.incidents import IncidentOverridden


def override(city: City, event: CallOverridden) -> None:
    """The dispatcher chooses another unit, crew kind or hospital; it stays chosen.

    Raises:
        Unknown: the call has not come yet.
        Early: the unit is disinfecting, assigned or otherwise not to be forced (yet), or the
            hospital is closed (still).
        Crossed: it has waited, and a unit has been ordered since, or a run has ended; but for a
            unit that goes to a patient to whom none does.
        Crossed, Rejected: the incident is closed.
        Rejected: it is still only asked about, or a unit or hospital is unknown.
    """
    incident = incidents.of_call(city, event.call_id, event.at)
    if event.unit_id is None or not incidents.units_needed(city, incident):
        incidents.refuse_overtaken(city, incident, event.at)
    if event.hospital_id is not None:
        hospital = city.hospitals.get(event.hospital_id)
        if hospital is None:
            raise Rejected("hospital_id", "is not a hospital of this city")
        if hospital.status == "closed":
            raise Early("hospital_id", "is closed")
    city.emit(
        IncidentOverridden(
            incident_id=incident.incident_id,
            at=city.now,
            by=event.by,
            reason=event.reason,
            unit_id=event.unit_id,
            crew=event.crew,
            hospital_id=event.hospital_id,
        ),
        key=incident.incident_id,
    )
    because = f"dispatcher: {event.reason}"
    incident = replace(
        incident,
        wanted_crew=event.crew or incident.wanted_crew,
        wanted_hospital=event.hospital_id or incident.wanted_hospital,
    )
    city.put(incident)
    if event.unit_id is not None:
        _force_unit(city, incident, event.unit_id, because)
    elif event.crew is not None:
        _change_crew(city, incident, event.crew, because)
    if event.hospital_id is not None:
        _change_hospital(city, incident.incident_id, event.hospital_id, because)


def _force_unit(city: City, incident: Incident, unit_id: str, because: str) -> None:
    unit = city.units.get(unit_id)
    if unit is None:
        raise Rejected("unit_id", "is not a unit of this city")
    if unit.job_id is not None:
        raise Early("unit_id", "cannot be forced: it is not disinfected")
    if unit.assignment_id is not None:
        raise Early("unit_id", "cannot be forced: it is assigned already")
    if unit.status not in DISPATCHABLE or not unit.staffed:
        state = unit.status if unit.staffed else "unstaffed"
        raise Early("unit_id", f"cannot be forced: it is {state}")
    if incidents.wanted_crew(incident) is None:
        raise Rejected("unit_id", "cannot be ordered before a decision: the history is being asked")
    if incident.status == "arranging":
        raise Rejected("unit_id", "cannot be ordered before a hospital has accepted the transfer")
    if incident.status == "held":
        raise Rejected("call_id", "is held: resume it first")
    fleet = fleet_of(city)
    origin, _ = where(unit, city.now, fleet.policy.position_fresh_seconds)
    scene = incidents.next_place(incident).position
    why = (DISPATCHER_CHOICE, *stands_in(unit, city.now, fleet.policy.position_fresh_seconds))
    choice = Choice(unit, fleet.travel.seconds(origin, scene), why, {})
    if incidents.units_needed(city, incident):
        dispatching.order_chosen(city, incident, choice, because)
    else:
        on_the_way = [
            assignment
            for assignment in incidents.active_assignments(city, incident)
            if not assignment.met_patient
        ]
        if not on_the_way:
            raise Rejected("unit_id", "cannot replace a crew that has met the patient")
        dispatching.swap(city, on_the_way[0], choice, because)
    dispatching.serve(city, incident.incident_id, because)


def _change_crew(city: City, incident: Incident, crew: CrewKind, because: str) -> None:
    if incident.decision is None or incident.status == "held":
        return
    others = [a for a in incidents.active_assignments(city, incident) if a.crew != crew]
    on_the_way = [a for a in others if not a.met_patient]
    if others and not on_the_way:
        raise Rejected("crew", "cannot be changed: the crew has met the patient")
    for assignment in on_the_way:
        choice = dispatching.choose_instead(city, assignment, crew)
        if choice.unit is None:
            raise Rejected("crew", f"no {crew} crew is free to take over")
        dispatching.swap(city, assignment, choice, because)
    dispatching.serve(city, incident.incident_id, because)


def _change_hospital(city: City, incident_id: str, hospital_id: str, because: str) -> None:
    active = incidents.active_assignments(city, city.incidents[incident_id])
    under_way = [a for a in active if not _is_handed_over(city, a)]
    if active and not under_way:
        raise Rejected("hospital_id", "cannot be changed: the crew has signed the handover")
    for assignment in under_way:
        # The dispatcher has asked a hospital that refused before.
        asked_again = tuple(h for h in assignment.refused_hospitals if h != hospital_id)
        city.put(before := replace(assignment, refused_hospitals=asked_again))
        announced = handover.current(city, before)
        if announced is None and handover.is_due(city, before):
            after = handover.announce(city, before)
            dispatching.hospital_changed(city, assignment, after, because)
        elif announced is not None and announced.hospital_id != hospital_id:
            at_the_door.go_on(city, announced, because, status="withdrawn", refused=False)


def _is_handed_over(city: City, run: Assignment) -> bool:
    """Return whether the crew of a run has signed that its patient is the hospital's."""
    announced = handover.current(city, run)
    return announced is not None and announced.signed_by_crew is not None
