"""The record of a handover: signed by crew and hospital on arrival, it closes it (120 plan §5)."""

from dataclasses import replace

from dispatch.domain import aftercare, beds, disinfection, handover, incidents
from dispatch.domain.city import City, Rejected
from dispatch.domain.escalation import escalate
from dispatch.domain.fleet import change_unit
from dispatch.domain.model import Handover
from dispatch.topics.handovers import HandoverClosed
from dispatch.topics.hospitals import HandoverSignedByHospital
from dispatch.topics.units import HandoverSignedByCrew


def sign_by_crew(city: City, event: HandoverSignedByCrew) -> None:
    """The crew signs on arrival.

    Raises:
        Rejected: the handover is unknown, another unit's, withdrawn, closed, signed, or too early.
    """
    record = handover.find(city, event.handover_id)
    if record.unit_id != event.unit_id:
        raise Rejected("handover_id", "is another unit's handover")
    handover.must_be_open(record)
    if city.units[event.unit_id].status != "at_hospital":
        raise Rejected("handover_id", "is signed on arrival: the unit is not at the hospital")
    if record.signed_by_crew is not None:
        raise Rejected("handover_id", "is signed by the crew already")
    handover.tell_progress(city, record, "signed_by_crew", event.by)
    _sign(city, replace(record, signed_by_crew=event.by))


def sign_by_hospital(city: City, event: HandoverSignedByHospital) -> None:
    """The hospital signs on arrival (it may press the button a moment before the crew does).

    Raises:
        Rejected: the handover is unknown, another hospital's, withdrawn, closed or signed.
    """
    record = handover.find_open(city, event.handover_id, event.hospital_id)
    if city.units[record.unit_id].status not in ("transporting", "at_hospital"):
        raise Rejected("handover_id", "is signed on arrival: the patient is not on board yet")
    if record.signed_by_hospital is not None:
        raise Rejected("handover_id", "is signed by the hospital already")
    handover.tell_progress(city, record, "signed_by_hospital", event.by)
    _sign(city, replace(record, signed_by_hospital=event.by))


def close_if_signed(city: City, record: Handover) -> None:
    """Close the record once both have signed and the unit is there; see to the vehicle."""
    unit = city.units[record.unit_id]
    if (
        record.signed_by_crew is None
        or record.signed_by_hospital is None
        or unit.status != "at_hospital"
    ):
        return
    assignment = city.assignments[record.assignment_id]
    hospital = city.hospitals[record.hospital_id]
    incident = city.incidents[assignment.incident_id]
    for reservation_id in record.reservations:
        beds.take(city, city.reservations[reservation_id], incident)
    beds.occupy(city, record, record.handover_id, incident)
    handover.end(city, record, "closed")
    city.emit(
        HandoverClosed(
            handover_id=record.handover_id,
            hospital_id=record.hospital_id,
            assignment_id=assignment.assignment_id,
            incident_id=assignment.incident_id,
            unit_id=unit.unit_id,
            at=city.now,
            arrived_at=assignment.reached["at_hospital"],
            signed_by_crew=record.signed_by_crew,
            signed_by_hospital=record.signed_by_hospital,
            disinfection=assignment.disinfection,
            keeps_cases=hospital.service == "cases",
        ),
        key=record.hospital_id,
    )
    ended = replace(assignment, ended_at=city.now, outcome="completed")
    city.put(ended)
    incidents.tell_progress(city, ended, "handed_over", city.now)
    change_unit(city, unit, status="handed_over", assignment_id=None)
    if ended.disinfection == "terminal":
        disinfection.order_job(city, ended, near=hospital.position, receiving=hospital)
    aftercare.begin(city, record, ended)
    incidents.close_if_done(city, ended.incident_id)


def unsigned(city: City, handover_id: str) -> None:
    """The patient arrived and the record is not signed by both: somebody must look."""
    record = city.handovers.get(handover_id)
    if record is None or record.ended_at is not None:
        return
    missing = [
        who
        for who, by in (
            ("crew", record.signed_by_crew),
            ("hospital", record.signed_by_hospital),
        )
        if by is None
    ]
    escalate(
        city,
        "handover_unsigned",
        record.incident_id,
        handover_id,
        f"the handover record is not signed by {' and '.join(missing)}",
    )


def _sign(city: City, signed: Handover) -> None:
    city.put(signed)
    close_if_signed(city, signed)
