"""The record of a handover: signed by crew and hospital on arrival, it closes it (120 plan §5).

From the crew's signature on the vehicle's disinfection is owed. A hospital that does not sign keeps
no vehicle for ever: a dispatcher's word lets it go, and is recorded.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from dispatch.domain import (
    aftercare,
    beds,
    disinfection,
    handover,
    incidents,
    setting_out,
    wearing,
)
from dispatch.domain.city import City, Crossed, Early, Rejected
from dispatch.domain.escalation import escalate
from dispatch.domain.fleet import change_unit
from dispatch.domain.model import Handover
from dispatch.domain.references import handover_of
from dispatch.topics.calls import SignatureWaived
from dispatch.topics.handovers import HandoverClosed, HandoverReleased
from dispatch.topics.hospitals import HandoverSignedByHospital
from dispatch.topics.units import HandoverSignedByCrew


def sign_by_crew(city: City, event: HandoverSignedByCrew) -> None:
    """The crew signs on arrival.

    Raises:
        Unknown: the handover is.
        Early: the unit is not at the hospital (yet).
        Crossed: the crew has signed already, or the handover is over.
        Rejected: it is another unit's.
    """
    record = handover_of(city, event.handover_id)
    if record.unit_id != event.unit_id:
        raise Rejected("handover_id", "is another unit's handover")
    handover.must_be_open(record)
    if city.units[event.unit_id].status != "at_hospital":
        raise Early("handover_id", "is signed on arrival: the unit is not at the hospital")
    if record.signed_by_crew is not None:
        raise Crossed("handover_id", "is signed by the crew already")
    handover.tell_progress(city, record, "signed_by_crew", event.by)
    # By the clock that will tell of the disinfection, too, however slow.
    signed_at = min(event.at, city.now)
    _sign(city, replace(record, signed_by_crew=event.by), since=signed_at)
    run = city.assignments[record.assignment_id]
    if run.ended_at is None:
        disinfection.owe(city, run, city.hospitals[record.hospital_id], since=signed_at)


def sign_by_hospital(city: City, event: HandoverSignedByHospital) -> None:
    """The hospital signs on arrival (it may press the button a moment before the crew does).

    It may sign still when the vehicle was let go without its signature.

    Raises:
        Unknown: the handover is.
        Early: the patient is not on board (yet).
        Crossed: the hospital has signed already, or the handover is over.
        Rejected: it is another hospital's.
    """
    record = handover_of(city, event.handover_id, event.hospital_id)
    if record.status == "released" and record.signed_by_hospital is None:
        handover.tell_progress(city, record, "signed_by_hospital", event.by)
        city.put(replace(record, signed_by_hospital=event.by))
        return
    handover.must_be_open(record)
    if city.units[record.unit_id].status not in ("transporting", "at_hospital"):
        raise Early("handover_id", "is signed on arrival: the patient is not on board yet")
    if record.signed_by_hospital is not None:
        raise Crossed("handover_id", "is signed by the hospital already")
    handover.tell_progress(city, record, "signed_by_hospital", event.by)
    _sign(city, replace(record, signed_by_hospital=event.by))


def close_if_signed(city: City, record: Handover, since: datetime | None = None) -> None:
    """Close the record once both have signed and the unit is there; see to the vehicle.

    `since` (aware UTC) is when the crew signed, where it is the last to do so.
    """
    unit = city.units[record.unit_id]
    if (
        record.signed_by_crew is not None
        and record.signed_by_hospital is not None
        and unit.status == "at_hospital"
    ):
        _hand_over(city, record, since=since)


def waive(city: City, event: SignatureWaived) -> str:
    """A dispatcher lets a vehicle go whose crew has signed, and the hospital has not.

    Returns the id of the handover.

    Raises:
        Unknown: the call has not come yet.
        Early: no vehicle of it (or not this one) waits at a hospital, or its crew has not signed.
        Rejected: it is cancelled, its incident is closed, or several wait and none is named.
    """
    incident = incidents.of_call(city, event.call_id, event.at)
    arrived = [
        city.handovers[run.handover_id]
        for run in incidents.active_assignments(city, incident)
        if run.handover_id is not None
        and city.units[run.unit_id].status == "at_hospital"
        and event.unit_id in (None, run.unit_id)
    ]
    waiting = [record for record in arrived if record.signed_by_crew is not None]
    if not waiting:
        field = "call_id" if event.unit_id is None else "unit_id"
        units = ", ".join(record.unit_id for record in arrived)
        why = f"the crew of {units} has not signed" if arrived else "no vehicle is at a hospital"
        raise Early(field, f"{why}: there is no signature to wait for")
    if len(waiting) > 1:
        units = ", ".join(record.unit_id for record in waiting)
        raise Rejected("unit_id", f"is required: {units} wait for a signature")
    (record,) = waiting
    _hand_over(city, replace(record, released_by=event.by), event)
    return record.handover_id


def _hand_over(
    city: City,
    record: Handover,
    waived: SignatureWaived | None = None,
    since: datetime | None = None,
) -> None:
    """End the run: the bed is taken, the record told, the vehicle goes on to be disinfected."""
    unit = city.units[record.unit_id]
    assignment = city.assignments[record.assignment_id]
    hospital = city.hospitals[record.hospital_id]
    incident = city.incidents[assignment.incident_id]
    for reservation_id in record.reservations:
        beds.take(city, city.reservations[reservation_id], incident)
    beds.occupy(city, record, record.handover_id, incident)
    handover.end(city, record, "closed" if record.released_by is None else "released")
    about: dict[str, Any] = {
        "handover_id": record.handover_id,
        "hospital_id": record.hospital_id,
        "assignment_id": assignment.assignment_id,
        "incident_id": assignment.incident_id,
        "unit_id": unit.unit_id,
        "at": city.now,
        "arrived_at": assignment.reached["at_hospital"],
        "signed_by_crew": record.signed_by_crew,
        "disinfection": assignment.disinfection,
        "keeps_cases": hospital.service == "cases",
    }
    told: HandoverClosed | HandoverReleased
    if waived is None:
        told = HandoverClosed.model_validate(
            about | {"signed_by_hospital": record.signed_by_hospital}
        )
    else:
        told = HandoverReleased(**about, by=waived.by, reason=waived.reason)
    city.emit(told, key=record.hospital_id)
    ended = replace(assignment, ended_at=city.now, outcome="completed")
    city.put(ended)
    city.cancel_timer(wearing.TIMER, ended.assignment_id)
    incidents.tell_progress(city, ended, "handed_over", city.now)
    change_unit(city, unit, status="handed_over", assignment_id=None)
    disinfection.after_run(city, ended, near=hospital.position, receiving=hospital, since=since)
    setting_out.await_report(city, unit.unit_id)
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


def _sign(city: City, signed: Handover, since: datetime | None = None) -> None:
    city.put(signed)
    close_if_signed(city, signed, since)
