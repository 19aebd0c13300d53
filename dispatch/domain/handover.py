"""Handover: announced before arrival, acknowledged or diverted, signed on arrival (120 plan §5)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from dispatch.domain import (
    choosing,
    observations,
    offers,
    placements,
    symptoms,
    tiers,
)
from dispatch.domain.arrivals import BEFORE_ARRIVAL, must_be_told
from dispatch.domain.city import City, Crossed, Duplicate, Rejected
from dispatch.domain.escalation import escalate
from dispatch.domain.model import (
    HANDED_OVER,
    Assignment,
    Handover,
    Hospital,
    Incident,
    Position,
)
from dispatch.domain.references import handover_of
from dispatch.domain.roster import where
from dispatch.topics.codes import History
from dispatch.topics.handovers import (
    HandoverAnnounced,
    HandoverReminded,
    HandoverUpdated,
    HandoverWithdrawn,
)
from dispatch.topics.hospitals import (
    HandoverAcknowledged,
    HandoverDiverted,
)
from dispatch.topics.incidents import HandoverProgressed, HandoverStep

_SECONDS_PER_MINUTE = 60.0


def announce(city: City, assignment: Assignment) -> Assignment:
    """Choose the hospital, promise a room and tell it who comes; returns the assignment with both.

    Nothing is announced when no hospital is open: that escalates, the crew keeps its destination
    kind, and it is tried again after as long as a hospital has to answer.
    """
    incident = city.incidents[assignment.incident_id]
    choice = next_hospital(city, assignment, assignment.refused_hospitals)
    if choice is None:
        escalate(
            city,
            "no_hospital",
            incident.incident_id,
            assignment.assignment_id,
            f"no open hospital takes {assignment.destination}",
        )
        again = city.in_seconds(city.pack.handover.next_hospital_seconds)
        city.set_timer("hospital_search", assignment.assignment_id, again)
        return assignment
    beds_kept = placements.keep_for(city, assignment, choice.hospital)
    room = beds_kept[0].room if beds_kept else choice.room
    place = None if beds_kept else choice.place
    if not beds_kept and place is None:
        escalate(
            city,
            "no_room",
            incident.incident_id,
            choice.hospital.hospital_id,
            f"no {choice.room} room is free in any open hospital for {assignment.destination}",
        )
    policy = city.pack.handover
    number = assignment.handovers + 1
    handover = Handover(
        handover_id=f"{assignment.assignment_id}/H{number}",
        assignment_id=assignment.assignment_id,
        incident_id=incident.incident_id,
        unit_id=assignment.unit_id,
        hospital_id=choice.hospital.hospital_id,
        room=room,
        place=place,
        reservations=tuple(each.reservation_id for each in beds_kept),
        announced_at=city.now,
        expected_at=expected_arrival(city, assignment, choice.hospital),
        needs=choice.needs,
        lacking=choice.lacking,
        instead_of=None if choice.nearest is None else choice.nearest.hospital_id,
    )
    city.put(handover)
    city.emit(
        HandoverAnnounced(
            handover_id=handover.handover_id,
            hospital_id=handover.hospital_id,
            assignment_id=assignment.assignment_id,
            incident_id=incident.incident_id,
            unit_id=assignment.unit_id,
            at=city.now,
            expected_at=handover.expected_at,
            patient=_patient(city, incident, assignment),
            condition=incident.condition,
            case_status=incident.case_status,
            history=_history(incident),
            rule=assignment.rule,
            crew=assignment.crew,
            destination=assignment.destination,
            reserve=room,
            place=place,
            beds=[
                {"patient_id": each.patient_id, "room": each.room, "place": each.place}
                for each in beds_kept
            ],
            staff_ppe=list(city.pack.protection.levels[assignment.ppe].receiving_staff),
            tests=_tests(city, assignment),
            acknowledge_by=city.in_seconds(policy.next_hospital_seconds),
            needs=list(handover.needs),
            lacking=list(handover.lacking),
        ),
        key=handover.hospital_id,
    )
    choosing.tell(city, handover, assignment.destination, choice)
    city.set_timer("handover_remind", handover.handover_id, city.in_seconds(policy.remind_seconds))
    changed = replace(
        assignment,
        hospital_id=handover.hospital_id,
        handover_id=handover.handover_id,
        handovers=number,
    )
    city.put(changed)
    observations.send_along(city, changed, handover)
    tiers.step(city)
    return changed


def withdraw(city: City, assignment: Assignment, reason: str, *, status: str = "withdrawn") -> None:
    """Take back the announcement of an assignment, if one is out; the room is free again."""
    handover = current(city, assignment)
    if handover is None:
        return
    end(city, handover, status)
    city.emit(
        HandoverWithdrawn(
            handover_id=handover.handover_id,
            hospital_id=handover.hospital_id,
            at=city.now,
            reason=reason,
        ),
        key=handover.hospital_id,
    )


def current(city: City, assignment: Assignment) -> Handover | None:
    """Return the announcement of an assignment that still stands."""
    if assignment.handover_id is None:
        return None
    handover = city.handovers[assignment.handover_id]
    return handover if handover.ended_at is None else None


def can_be_announced(city: City, assignment: Assignment) -> bool:
    """Return whether a hospital is open that takes the patient."""
    return next_hospital(city, assignment, assignment.refused_hospitals) is not None


def is_due(city: City, assignment: Assignment) -> bool:
    """Return whether the receiving hospital must have been told by now, and can still be."""
    return must_be_told(city.pack, assignment.rule, city.units[assignment.unit_id].status)


def update(city: City, assignment: Assignment, reason: str) -> None:
    """Push a new time of arrival or risk to the hospital (120 plan §5)."""
    handover = current(city, assignment)
    if handover is None:
        return
    incident = city.incidents[assignment.incident_id]
    hospital = city.hospitals[handover.hospital_id]
    expected_at = expected_arrival(city, assignment, hospital)
    city.put(replace(handover, expected_at=expected_at))
    needs = choosing.needs_of(city, incident)
    city.emit(
        HandoverUpdated(
            handover_id=handover.handover_id,
            hospital_id=handover.hospital_id,
            at=city.now,
            expected_at=expected_at,
            condition=incident.condition,
            case_status=incident.case_status,
            history=_history(incident),
            rule=assignment.rule,
            staff_ppe=list(city.pack.protection.levels[assignment.ppe].receiving_staff),
            reason=reason,
            needs=list(needs),
            lacking=list(choosing.lacking(needs, hospital)),
        ),
        key=handover.hospital_id,
    )


def push_arrival(city: City, assignment: Assignment) -> None:
    """Tell the hospital when the patient is now expected much earlier or later than it knows."""
    handover = current(city, assignment)
    if handover is None or city.units[assignment.unit_id].status not in BEFORE_ARRIVAL:
        return
    expected_at = expected_arrival(city, assignment, city.hospitals[handover.hospital_id])
    change = abs((expected_at - handover.expected_at).total_seconds())
    if change >= city.pack.handover.arrival_change_seconds:
        update(city, assignment, "the expected time of arrival has changed")


def acknowledge(city: City, event: HandoverAcknowledged) -> None:
    """The hospital is getting ready.

    Raises:
        Unknown: the handover is.
        Duplicate: the patient is there already.
        Crossed: it is withdrawn.
        Rejected: it is another hospital's.
    """
    handover = handover_of(city, event.handover_id, event.hospital_id)
    if handover.status in HANDED_OVER:
        raise Duplicate
    must_be_open(handover)
    city.put(replace(handover, status="acknowledged"))
    tell_progress(city, handover, "acknowledged", event.by)
    for kind in ("handover_remind", "handover_next", "handover_unanswered"):
        city.cancel_timer(kind, handover.handover_id)


def to_divert(city: City, event: HandoverDiverted) -> Handover:
    """Return the announcement that a hospital diverts: it cannot take the patient.

    It may do so on arrival too, as long as the crew has not signed.

    Raises:
        Unknown: the handover is.
        Crossed: it is over.
        Rejected: it is another hospital's, or the crew has signed.
    """
    handover = handover_of(city, event.handover_id, event.hospital_id)
    must_be_open(handover)
    if handover.signed_by_crew is not None:
        reason = "cannot be diverted: the crew has signed; ask for a transfer of the patient"
        raise Rejected("handover_id", reason)
    return handover


def move_on(
    city: City, handover: Handover, reason: str, *, status: str, refused: bool
) -> Assignment:
    """Withdraw an announcement and make the next one; a hospital that refused is not asked again.

    Returns the assignment with its new hospital.
    """
    assignment = city.assignments[handover.assignment_id]
    end(city, handover, status)
    city.emit(
        HandoverWithdrawn(
            handover_id=handover.handover_id,
            hospital_id=handover.hospital_id,
            at=city.now,
            reason=reason,
        ),
        key=handover.hospital_id,
    )
    assignment = replace(
        assignment,
        refused_hospitals=(
            *assignment.refused_hospitals,
            *((handover.hospital_id,) if refused else ()),
        ),
        hospital_id=None,
        handover_id=None,
    )
    city.put(assignment)
    return announce(city, assignment)


def remind(city: City, handover_id: str) -> None:
    """No answer yet: the hospital is told again, and gets until the next limit."""
    handover = _unanswered(city, handover_id)
    if handover is None:
        return
    policy = city.pack.handover
    city.emit(
        HandoverReminded(
            handover_id=handover_id,
            hospital_id=handover.hospital_id,
            at=city.now,
            expected_at=handover.expected_at,
        ),
        key=handover.hospital_id,
    )
    left = policy.next_hospital_seconds - policy.remind_seconds
    city.set_timer("handover_next", handover_id, city.in_seconds(left))


def give_up(city: City, handover_id: str) -> Assignment | None:
    """Still no answer: the next suitable hospital, or an escalation when there is none.

    One without room, or that lacks what the patient needs and this one has, does not suit. Returns
    the assignment when its hospital changed.
    """
    handover = _unanswered(city, handover_id)
    if handover is None:
        return None
    assignment = city.assignments[handover.assignment_id]
    refused = (*assignment.refused_hospitals, handover.hospital_id)
    following = next_hospital(city, assignment, refused)
    # A hospital that has agreed to a transfer keeps its beds: somebody must ring it up.
    stays = bool(handover.reservations) or following is None or following.place is None
    if following is not None and following.lacking:
        here = city.hospitals[handover.hospital_id]
        stays = stays or choosing.lacking(following.lacking, here) != following.lacking
    if stays or city.units[handover.unit_id].status not in BEFORE_ARRIVAL:
        left = city.pack.handover.escalate_seconds - city.pack.handover.next_hospital_seconds
        city.set_timer("handover_unanswered", handover_id, city.in_seconds(left))
        return None
    return move_on(city, handover, offers.NO_ANSWER, status="withdrawn", refused=True)


def unanswered(city: City, handover_id: str) -> None:
    """The hospital has not answered, and the patient goes to no other: somebody must look."""
    handover = _unanswered(city, handover_id)
    if handover is None:
        return
    escalate(
        city,
        "handover_unanswered",
        handover.incident_id,
        handover_id,
        f"hospital {handover.hospital_id} has not answered, and the patient stays announced to it",
    )


def scene(city: City, assignment: Assignment) -> Position:
    """Return where the patient is: on board once the unit has left the scene."""
    unit = city.units[assignment.unit_id]
    if unit.status == "transporting" and unit.position is not None:
        return unit.position
    return assignment.place.position


def expected_arrival(city: City, assignment: Assignment, hospital: Hospital) -> datetime:
    """Return when the patient is expected: the way to the scene, the work there, the way on."""
    if "at_hospital" in assignment.reached:
        return assignment.reached["at_hospital"]
    allocation = city.pack.allocation
    travel = city.travel
    unit = city.units[assignment.unit_id]
    origin = scene(city, assignment)
    seconds = travel.seconds(origin, hospital.position)
    work = city.pack.handover.on_scene_minutes * _SECONDS_PER_MINUTE
    if unit.status in ("ordered", "rolling"):
        position, _ = where(unit, city.now, allocation.position_fresh_seconds)
        seconds += travel.seconds(position, origin) + work
    elif unit.status == "on_scene":
        worked = (city.now - assignment.reached["on_scene"]).total_seconds()
        seconds += max(0.0, work - worked)
    return city.now + timedelta(seconds=seconds)


def next_hospital(
    city: City, assignment: Assignment, refused: tuple[str, ...]
) -> choosing.HospitalChoice | None:
    """Return the hospital that a run's patient would be announced to now, but for the refused."""
    return choosing.choose_hospital(
        city,
        city.incidents[assignment.incident_id],
        assignment.destination,
        origin=scene(city, assignment),
        refused=refused,
    )


def must_be_open(handover: Handover) -> None:
    """Refuse a handover that is over, as Crossed."""
    if handover.ended_at is not None:
        raise Crossed("handover_id", f"is {handover.status}")


def _unanswered(city: City, handover_id: str) -> Handover | None:
    handover = city.handovers.get(handover_id)
    return handover if handover is not None and handover.status == "announced" else None


def tell_progress(city: City, handover: Handover, status: HandoverStep, by: str) -> None:
    """Tell the consoles who has acknowledged or signed."""
    city.emit(
        HandoverProgressed(
            incident_id=handover.incident_id,
            handover_id=handover.handover_id,
            hospital_id=handover.hospital_id,
            unit_id=handover.unit_id,
            at=city.now,
            status=status,
            by=by,
        ),
        key=handover.incident_id,
    )


def end(city: City, handover: Handover, status: Any) -> None:
    """End a handover, and what is waited for in it."""
    city.put(replace(handover, status=status, ended_at=city.now))
    for kind in ("handover_remind", "handover_next", "handover_unanswered", "handover_signatures"):
        city.cancel_timer(kind, handover.handover_id)


def _patient(city: City, incident: Incident, run: Assignment) -> dict[str, Any]:
    """Return the patient's identity as far as it is known; of a transfer, of all on the vehicle."""
    call = city.calls[incident.incident_id].content
    transfer = city.transfers.get(incident.incident_id)
    patients = () if transfer is None else transfer.patients
    known: dict[str, Any] = {
        "name": call.patient.name,
        "sex": call.patient.sex,
        "age": call.patient.age,
        "id_number": call.patient.id_number,
        "chief_complaint": call.chief_complaint,
        "special_needs": call.special_needs,
        "stretcher": call.stretcher,
        "symptoms": symptoms.told(city, incident),
        "patients": offers.described(
            patient for patient in patients if patient.patient_id in run.patients
        )
        or None,
    }
    return {key: value for key, value in known.items() if value is not None}


def _tests(city: City, assignment: Assignment) -> list[str]:
    """Return what is tested at once on arrival."""
    return list(city.pack.handover.tests_on_arrival[assignment.ppe])


def _history(incident: Incident) -> History:
    history: History = incident.decision["history"] if incident.decision else "incomplete"
    return history
