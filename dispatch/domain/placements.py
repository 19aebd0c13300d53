"""Where a transfer stands: its patients, the beds kept for them, and what its institution is told.

Source: 120 plan §5; domain, transfers.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from dispatch.domain import batch_progress, beds, moving, offers
from dispatch.domain.city import City
from dispatch.domain.model import Assignment, Hospital, Incident, Offer, Reservation, Transfer
from dispatch.topics.codes import Destination
from dispatch.topics.fields import CrewKind
from dispatch.topics.placements import TransferProgressed, TransferStatus
from dispatch.topics.transfers import TransferPatient

SEARCH: Final = "transfer_search"


def progress(
    city: City, transfer: Transfer, status: TransferStatus, because: str, **changes: Any
) -> Transfer:
    """Store where a transfer stands now, with other changes to it, and tell its institution."""
    transfer = replace(transfer, status=status, **changes)
    city.put(transfer)
    city.emit(
        TransferProgressed(
            transfer_id=transfer.transfer_id,
            at=city.now,
            status=status,
            kind=transfer.kind,
            patients=len(transfer.patients),
            hospital_id=transfer.hospital_id,
            offer_id=transfer.offer_id,
            because=because,
            institution_id=transfer.institution_id,
        ),
        key=transfer.transfer_id,
    )
    return transfer


def patients_per_vehicle(city: City, incident: Incident, crew: CrewKind) -> int:
    """Return how many patients of an incident a vehicle carries, by its kind for a transfer."""
    if incident.transfer_kind is not None:
        return city.pack.transfers.kinds[incident.transfer_kind].patients_per_vehicle
    return city.pack.allocation.patients_per_vehicle[crew]


def left_to_carry(city: City, incident: Incident) -> list[TransferPatient]:
    """Return the patients of a transfer who are on no vehicle and have not been brought."""
    transfer = city.transfers.get(incident.incident_id)
    if transfer is None:
        return []
    runs = [city.assignments[key] for key in incident.assignments]
    carried = {patient for run in runs if not run.patient_owed for patient in run.patients}
    return [patient for patient in transfer.patients if patient.patient_id not in carried]


def next_patients(city: City, incident: Incident) -> list[TransferPatient]:
    """Return the patients whom the next vehicle of a transfer carries."""
    left = left_to_carry(city, incident)
    if not left:
        return []
    assert incident.transfer_kind is not None, "only transfers name their patients"
    return left[: city.pack.transfers.kinds[incident.transfer_kind].patients_per_vehicle]


def wanted(
    city: City, patients: Iterable[TransferPatient], destination: Destination
) -> dict[str, tuple[str, ...]]:
    """Return the bed kinds that do for each patient at a destination, the best first."""
    return {each.patient_id: moving.beds_at(city, destination, each) for each in patients}


def kept(city: City, transfer: Transfer, patients: Collection[str]) -> list[Reservation]:
    """Return the beds that a hospital has agreed to keep for these patients, by patient_id.

    The beds of a batch's trip belong to the batch, unless the trip was arranged anew.
    """
    owners = [owner for owner in (transfer.transfer_id, transfer.batch_id) if owner is not None]
    return [
        entity
        for owner in owners
        for entity in city.owned(owner)
        if isinstance(entity, Reservation)
        and entity.status == "confirmed"
        and entity.patient_id in patients
    ]


def keep_for(city: City, run: Assignment, hospital: Hospital) -> list[Reservation]:
    """Return the beds kept at a hospital for the patients of a run; those kept elsewhere go.

    A hospital that was not asked before keeps beds for them now, if it has room for all.
    """
    transfer = city.transfers.get(run.incident_id)
    if transfer is None or not run.patients:
        return []
    there: list[Reservation] = []
    for reservation in kept(city, transfer, run.patients):
        if reservation.hospital_id == hospital.hospital_id:
            there.append(reservation)
        else:
            reason = f"the patient goes to {hospital.hospital_id}"
            beds.release(city, reservation, "released", reason)
    if there:
        return there
    patients = [patient for patient in transfer.patients if patient.patient_id in run.patients]
    kept_until = city.now + timedelta(hours=city.pack.transfers.kept_hours)
    held = beds.reserve(
        city,
        transfer.transfer_id,
        None,
        hospital,
        wanted(city, patients, run.destination),
        expires_at=kept_until,
    )
    return [] if held is None else list(beds.confirm(city, held, kept_until))


def agreed_no_more(city: City, incident: Incident) -> Incident:
    """Return the incident without the hospital that has agreed: it did for another destination."""
    transfer = city.transfers.get(incident.incident_id)
    if transfer is None or transfer.hospital_id != incident.wanted_hospital:
        return incident
    return replace(incident, wanted_hospital=None)


def close(city: City, incident_id: str, outcome: str) -> None:
    """End the transfer of an incident that is closed: nothing is kept or asked for any more."""
    transfer = city.transfers.get(incident_id)
    if transfer is None or transfer.ended_at is not None:
        return
    city.cancel_timer(SEARCH, incident_id)
    let_go(city, transfer, f"the transfer is {outcome}")
    completed = outcome == "completed"
    transfer = progress(
        city,
        transfer,
        "completed" if completed else "cancelled",
        "the patients were handed over" if completed else f"the incident is closed: {outcome}",
        ended_at=city.now,
    )
    batch_progress.trip_ended(city, transfer)


def let_go(city: City, transfer: Transfer, because: str) -> None:
    """Withdraw a transfer's offers as far as beds are held or kept for patients not yet brought.

    Beds for patients whom a crew has met stay: they are on their way.
    """
    incident = city.incidents[transfer.transfer_id]
    runs = [city.assignments[key] for key in incident.assignments]
    on_board = {
        patient
        for run in runs
        if run.ended_at is None and run.met_patient
        for patient in run.patients
    }
    asked = [each for each in city.owned(transfer.transfer_id) if isinstance(each, Offer)]
    for offer in asked:
        under_it = offers.reservations(city, offer)
        if offer.status == "open" or (
            under_it and not any(each.patient_id in on_board for each in under_it)
        ):
            offers.withdraw(city, offer, because)
    others = {patient.patient_id for patient in transfer.patients} - on_board
    for reservation in kept(city, transfer, others):
        beds.release(city, reservation, "released", because)
