"""Orders to crews: issued, amended, ended; a new order goes out before an old one is withdrawn."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dispatch.domain import (
    choosing,
    clocks,
    disinfection,
    handover,
    incidents,
    placements,
    radio,
    wearing,
)
from dispatch.domain.allocation import DISPATCHER_CHOICE, Choice
from dispatch.domain.briefing import brief
from dispatch.domain.city import City
from dispatch.domain.fleet import change_unit
from dispatch.domain.model import Assignment, Incident, Place
from dispatch.topics.codes import Protection, RunOutcome
from dispatch.topics.incidents import IncidentAmended, IncidentAssigned, IncidentReleased
from dispatch.topics.orders import (
    Dress,
    OrderAmended,
    OrderEnded,
    OrderIssued,
    OrderWithdrawn,
    changed_for_everybody,
)
from dispatch.topics.units import UnitStatus

_NEVER_LOWERED = ("ppe", "destination", "disinfection")


@dataclass(frozen=True, slots=True)
class Replaced:
    """A run that another takes over, and in how many seconds its crew would be there."""

    assignment_id: str
    still_to_go: float


def issue(
    city: City,
    incident: Incident,
    choice: Choice,
    place: Place,
    because: str,
    *,
    refused_hospitals: tuple[str, ...] = (),
    takes_over: Replaced | None = None,
) -> Incident:
    """Order a unit to a place of an incident, announce the patient where the rule says so.

    `refused_hospitals` have diverted the patient, or not answered, and are not asked again;
    `takes_over` is the run that this one is ordered in the place of.
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
    told = brief(city, incident, assignment)
    city.put(replace(assignment, told=told))
    why = [*choice.why, *choosing.codes_of(handover.current(city, assignment))]
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
            instead_of=None if takes_over is None else takes_over.assignment_id,
            later_seconds=(
                None
                if takes_over is None
                else round(choice.travel_seconds - takes_over.still_to_go, 1)
            ),
        ),
        key=incident.incident_id,
    )
    city.emit(
        OrderIssued(
            assignment_id=assignment.assignment_id,
            unit_id=unit.unit_id,
            incident_id=incident.incident_id,
            at=city.now,
            acknowledge_by=city.in_seconds(policy.order_acknowledgement_seconds),
            received_at=incident.received_at,
            crew=unit.crew,
            why=why,
            policy=decision["policy"],
            handover_id=assignment.handover_id,
            **{**told, "ppe": _dress(city, assignment.ppe)},
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
    outcome: RunOutcome,
    reason: str,
    patient_owed: bool,
    unit_status: UnitStatus,
    unit_reason: str | None = None,
    since: datetime | None = None,
) -> None:
    """End a run without a handover; a unit that met the patient of a terminal run is blocked.

    The unit comes to `unit_status`; the incident is told, not yet served again, where the patient
    is still owed a unit. `since` (aware UTC) is when its crew ended it, where that was before now.
    """
    for kind in (radio.TIMER, wearing.TIMER):
        city.cancel_timer(kind, assignment.assignment_id)
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
        unheard_at=None if "rolling" in ended.reached else city.now,
        unmet=None if ended.met_patient else ended.assignment_id,
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
        disinfection.after_run(city, ended, near=near, receiving=None, since=since)


def withdraw(
    city: City,
    assignment: Assignment,
    *,
    outcome: RunOutcome,
    reason: str,
    unit_status: UnitStatus = "returning",
    since: datetime | None = None,
) -> None:
    """Stop a unit's run and tell its crew; the unit comes to `unit_status`.

    `since` (aware UTC) is when its crew ended it, where that was before now.
    """
    city.put(replace(city.assignments[assignment.assignment_id], told={}))
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
        since=since,
    )
    city.put(replace(city.units[assignment.unit_id], withdrawn_at=city.now))


def amend(city: City, assignment: Assignment, because: str) -> Assignment:
    """Bring a run to the decision in force and tell the hospital; the crew is not told here.

    Returns the run. Nothing is lowered once the crew has met the patient (120 plan §4; domain, the
    decision).
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
    else:
        before = assignment
        assignment = replace(assignment, rule=decision["rule"], **changed)
        city.put(assignment)
        _take_elsewhere_if_needed(city, before, assignment, because)
        assignment = city.assignments[assignment.assignment_id]
        announced = handover.current(city, assignment)
        if announced is not None and announced.signed_by_crew is not None:
            disinfection.owe(city, assignment, city.hospitals[announced.hospital_id])
    return city.assignments[assignment.assignment_id]


def tell_amended(city: City, assignment_id: str, because: str) -> Assignment:
    """Tell crew and console what is otherwise in a run's order than the crew was told, if anything.

    A crew that has met the patient knows where that is. Returns the run.
    """
    assignment = city.assignments[assignment_id]
    now = brief(city, city.incidents[assignment.incident_id], assignment)
    told = assignment.told
    changed = {name: value for name, value in now.items() if value != told.get(name)}
    if assignment.met_patient:
        changed.pop("scene", None)
    if not changed:
        return assignment
    assignment = replace(assignment, told=now)
    city.put(assignment)
    city.emit(
        OrderAmended(
            assignment_id=assignment.assignment_id,
            unit_id=assignment.unit_id,
            incident_id=assignment.incident_id,
            at=city.now,
            because=because,
            changed=changed,
            scene=now["scene"],
            ppe=_dress(city, assignment.ppe),
            destination=assignment.destination,
            hospital_id=assignment.hospital_id,
            disinfection=assignment.disinfection,
            handover_id=assignment.handover_id,
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
            changed=changed_for_everybody(changed),
        ),
        key=assignment.incident_id,
    )
    return assignment


def tell_crews(city: City) -> None:
    """See to it that every crew has its order as it is now, whatever an input or timer has changed.

    What is said anew of an incident reaches them here where nothing else has told them; a crew
    whose run has ended without its order being withdrawn is told that too.
    """
    changed = [city.incidents.get(key) for key in city.changed(Incident)]
    for incident in changed:
        if incident is not None and incident.assignments:
            for run in incidents.active_assignments(city, incident):
                tell_amended(city, run.assignment_id, "more is known")
    for key in city.changed(Assignment):
        ended = city.assignments.get(key)
        if ended is None or ended.outcome is None or not ended.told:
            continue
        city.put(replace(ended, told={}))
        city.emit(
            OrderEnded(
                assignment_id=ended.assignment_id,
                unit_id=ended.unit_id,
                incident_id=ended.incident_id,
                at=city.now,
                outcome=ended.outcome,
            ),
            key=ended.unit_id,
        )


def _take_elsewhere_if_needed(
    city: City, before: Assignment, assignment: Assignment, because: str
) -> None:
    """Withdraw and announce anew when the destination changed, else tell the hospital the news."""
    unit = city.units[assignment.unit_id]
    announced = handover.current(city, before)
    if unit.status == "at_hospital":
        handover.update(city, assignment, because)
    elif announced is not None and assignment.destination != before.destination:
        handover.withdraw(city, before, because)
        assignment = replace(assignment, hospital_id=None, handover_id=None, refused_hospitals=())
        city.put(assignment)
        handover.announce(city, assignment)
    elif announced is None and handover.is_due(city, assignment):
        handover.announce(city, assignment)
    else:
        handover.update(city, assignment, because)


def _decision(incident: Incident) -> dict[str, Any]:
    assert incident.decision is not None, "a unit is ordered on a decision only"
    return incident.decision


def _dress(city: City, level: Protection) -> Dress:
    protection = city.pack.protection
    worn = protection.levels[level]
    return Dress(
        level=level,
        crew=list(worn.crew),
        driver=list(worn.driver),
        max_wear_minutes=protection.max_wear_minutes,
    )
