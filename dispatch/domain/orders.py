"""Orders to crews: issued, amended, withdrawn; a new order goes out before an old one ends."""

from dataclasses import replace
from typing import Any

from dispatch.domain import clocks, disinfection, handover, placements, radio
from dispatch.domain.allocation import DISPATCHER_CHOICE, Choice
from dispatch.domain.city import City
from dispatch.domain.fleet import change_unit
from dispatch.domain.model import Assignment, Incident, Place
from dispatch.policy.rules import Protection
from dispatch.topics.incidents import IncidentAmended, IncidentAssigned, IncidentReleased
from dispatch.topics.orders import Dress, OrderAmended, OrderIssued, OrderWithdrawn, Scene
from dispatch.topics.units import UnitStatus

_NEVER_LOWERED = ("ppe", "destination", "disinfection")


def issue(
    city: City,
    incident: Incident,
    choice: Choice,
    place: Place,
    because: str,
    *,
    refused_hospitals: tuple[str, ...] = (),
) -> Incident:
    """Order a unit to a place of an incident, announce the patient where the rule says so.

    `refused_hospitals` have diverted the patient, or not answered, and are not asked again.
    """
    unit = choice.unit
    assert unit is not None, "only a choice with a unit is ordered"
    decision = _decision(incident)
    policy = city.pack.allocation
    assignment = Assignment(
        assignment_id=f"{incident.incident_id}/A{len(incident.assignments) + 1}",
        incident_id=incident.incident_id,
        unit_id=unit.unit_id,
        crew=unit.crew,
        place=place,
        chosen_by_dispatcher=DISPATCHER_CHOICE in choice.why,
        ordered_at=city.now,
        rule=decision["rule"],
        ppe=decision["ppe"],
        destination=decision["destination"],
        disinfection=decision["disinfection"],
        hospital_id=None,
        patients=tuple(each.patient_id for each in placements.next_patients(city, incident)),
        life_support=decision["life_support"],
        refused_hospitals=refused_hospitals,
    )
    city.put(assignment)
    incident = replace(
        incident,
        status="assigned",
        assignments=(*incident.assignments, assignment.assignment_id),
        waiting_for=None,
        waiting_since=None,
    )
    city.put(incident)
    change_unit(city, unit, status="ordered", assignment_id=assignment.assignment_id, reason=None)
    if handover.is_due(city, assignment):
        assignment = handover.announce(city, assignment)
    why = list(choice.why)
    city.emit(
        IncidentAssigned(
            incident_id=incident.incident_id,
            assignment_id=assignment.assignment_id,
            unit_id=unit.unit_id,
            at=city.now,
            crew=unit.crew,
            rule=assignment.rule,
            ppe=assignment.ppe,
            destination=assignment.destination,
            hospital_id=assignment.hospital_id,
            disinfection=assignment.disinfection,
            travel_seconds=round(choice.travel_seconds, 1),
            received_at=incident.received_at,
            because=because,
            why=why,
            passed_over=choice.passed_over,
        ),
        key=incident.incident_id,
    )
    call = city.calls[incident.incident_id].content
    city.emit(
        OrderIssued(
            assignment_id=assignment.assignment_id,
            unit_id=unit.unit_id,
            incident_id=incident.incident_id,
            at=city.now,
            acknowledge_by=city.in_seconds(policy.order_acknowledgement_seconds),
            received_at=incident.received_at,
            scene=_scene(place),
            condition=incident.condition,
            case_status=incident.case_status,
            complaint=incident.complaint,
            patient_count=incident.patient_count,
            stretcher=call.stretcher,
            special_needs=call.special_needs,
            rule=assignment.rule,
            crew=unit.crew,
            ppe=_dress(city, assignment.ppe),
            life_support=assignment.life_support,
            destination=assignment.destination,
            hospital_id=assignment.hospital_id,
            disinfection=assignment.disinfection,
            why=why,
            policy=decision["policy"],
        ),
        key=unit.unit_id,
    )
    city.set_timer(
        radio.TIMER,
        assignment.assignment_id,
        city.in_seconds(policy.order_acknowledgement_seconds),
    )
    clocks.meet(city, "accepted_to_order", incident.incident_id)
    clocks.start(
        city,
        "order_to_rolling",
        owner=incident.incident_id,
        subject=assignment.assignment_id,
        district=place.district,
    )
    return incident


def end_run(
    city: City,
    assignment: Assignment,
    *,
    outcome: str,
    reason: str,
    patient_owed: bool,
    unit_status: UnitStatus,
    unit_reason: str | None = None,
) -> None:
    """End a run without a handover; a unit that met the patient of a terminal run is blocked.

    The unit comes to `unit_status`; the incident is told, not yet served again, where the patient
    is still owed a unit.
    """
    city.cancel_timer(radio.TIMER, assignment.assignment_id)
    clocks.stop(city, "order_to_rolling", assignment.incident_id, assignment.assignment_id, reason)
    handover.withdraw(city, assignment, reason)
    assignment = city.assignments[assignment.assignment_id]
    ended = replace(
        assignment,
        ended_at=city.now,
        outcome=outcome,
        reason=reason,
        patient_owed=patient_owed,
    )
    city.put(ended)
    unit = change_unit(
        city,
        city.units[assignment.unit_id],
        status=unit_status,
        assignment_id=None,
        reason=unit_reason,
    )
    city.emit(
        IncidentReleased(
            incident_id=ended.incident_id,
            assignment_id=ended.assignment_id,
            unit_id=unit.unit_id,
            at=city.now,
            outcome=outcome,
            reason=reason,
        ),
        key=ended.incident_id,
    )
    if ended.met_patient or ended.contaminated_before:
        near = unit.position or ended.place.position
        disinfection.after_run(city, ended, near=near, receiving=None)


def withdraw(
    city: City,
    assignment: Assignment,
    *,
    outcome: str,
    reason: str,
    unit_status: UnitStatus = "returning",
) -> None:
    """Stop a unit's run and tell its crew; the unit comes to `unit_status`."""
    city.emit(
        OrderWithdrawn(
            assignment_id=assignment.assignment_id,
            unit_id=assignment.unit_id,
            incident_id=assignment.incident_id,
            at=city.now,
            reason=reason,
        ),
        key=assignment.unit_id,
    )
    end_run(
        city,
        assignment,
        outcome=outcome,
        reason=reason,
        patient_owed=True,
        unit_status=unit_status,
        unit_reason=reason if unit_status == "out_of_service" else None,
    )


def amend(city: City, assignment: Assignment, because: str) -> Assignment:
    """Bring a run to the decision in force and tell crew, console and hospital what changed.

    Nothing is lowered once the crew has met the patient (120 plan §4; domain, the decision).
    """
    incident = city.incidents[assignment.incident_id]
    decision = _decision(incident)
    wanted = {name: decision[name] for name in _NEVER_LOWERED}
    if assignment.met_patient:
        ranks = city.pack.ranks
        for name in _NEVER_LOWERED:
            rank: dict[str, int] = getattr(ranks, name)
            if rank[wanted[name]] < rank[getattr(assignment, name)]:
                wanted[name] = getattr(assignment, name)
    wanted["life_support"] = decision["life_support"] or (
        assignment.met_patient and assignment.life_support
    )
    if assignment.contaminated_before:
        wanted["disinfection"] = assignment.disinfection
    changed = {name: v for name, v in wanted.items() if v != getattr(assignment, name)}
    if not changed and decision["rule"] == assignment.rule:
        handover.update(city, assignment, because)
        return assignment
    before = assignment
    assignment = replace(assignment, rule=decision["rule"], **changed)
    city.put(assignment)
    assignment = _take_elsewhere_if_needed(city, before, assignment, because)
    announced = handover.current(city, assignment)
    if announced is not None and announced.signed_by_crew is not None:
        disinfection.owe(city, assignment, city.hospitals[announced.hospital_id])
    if assignment.hospital_id != before.hospital_id:
        changed["hospital_id"] = assignment.hospital_id
    tell_amended(city, assignment, changed, because)
    return assignment


def tell_amended(city: City, assignment: Assignment, changed: dict[str, Any], because: str) -> None:
    """Tell crew and console what changed for a run."""
    city.emit(
        OrderAmended(
            assignment_id=assignment.assignment_id,
            unit_id=assignment.unit_id,
            incident_id=assignment.incident_id,
            at=city.now,
            because=because,
            changed=changed,
            ppe=_dress(city, assignment.ppe),
            destination=assignment.destination,
            hospital_id=assignment.hospital_id,
            disinfection=assignment.disinfection,
        ),
        key=assignment.unit_id,
    )
    city.emit(
        IncidentAmended(
            incident_id=assignment.incident_id,
            assignment_id=assignment.assignment_id,
            unit_id=assignment.unit_id,
            at=city.now,
            because=because,
            changed=changed,
        ),
        key=assignment.incident_id,
    )


def _take_elsewhere_if_needed(
    city: City, before: Assignment, assignment: Assignment, because: str
) -> Assignment:
    """Withdraw and announce anew when the destination changed, else tell the hospital the news."""
    unit = city.units[assignment.unit_id]
    announced = handover.current(city, before)
    if unit.status == "at_hospital":
        handover.update(city, assignment, because)
        return assignment
    if announced is not None and assignment.destination != before.destination:
        handover.withdraw(city, before, because)
        assignment = replace(assignment, hospital_id=None, handover_id=None, refused_hospitals=())
        city.put(assignment)
        return handover.announce(city, assignment)
    if announced is None and handover.is_due(city, assignment):
        return handover.announce(city, assignment)
    handover.update(city, assignment, because)
    return assignment


def _decision(incident: Incident) -> dict[str, Any]:
    assert incident.decision is not None, "a unit is ordered on a decision only"
    return incident.decision


def _scene(place: Place) -> Scene:
    return Scene(
        latitude=place.position.latitude,
        longitude=place.position.longitude,
        source=place.source,
        address=place.address,
        district=place.district,
    )


def _dress(city: City, level: Protection) -> Dress:
    protection = city.pack.protection
    worn = protection.levels[level]
    return Dress(
        level=level,
        crew=list(worn.crew),
        driver=list(worn.driver),
        max_wear_minutes=protection.max_wear_minutes,
    )
