"""Beds: places kept for patients of a transfer, taken on arrival, free again when they leave.

This is the one place where a bed is reserved, let go, occupied or vacated. A room kind's count in
`Hospital.rooms` is of the free ones; what is promised of them is told apart by `City.promised`.
Source: 120 plan §5 (the institutions talk before the patient moves); domain, transfers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from dispatch.domain import tiers
from dispatch.domain.city import City, Crossed, Early, Rejected, Unknown
from dispatch.domain.escalation import escalate
from dispatch.domain.model import HANDED_OVER, Handover, Hospital, Incident, Reservation
from dispatch.topics.beds import BedOccupied, BedReleased, BedReserved, BedVacated
from dispatch.topics.hospitals import BedFreed

# Bed kinds that do for each patient, the best first, by patient_id.
Wanted = Mapping[str, Sequence[str]]


def allot(city: City, hospital: Hospital, wanted: Wanted) -> dict[str, str] | None:
    """Return a bed kind for every patient, or None where the hospital has not room for all.

    Each gets the best kind that has a bed left; one who finds none makes those move on who can do
    with another kind.
    """
    left: dict[str, int] = {}
    for kinds in wanted.values():
        for room in kinds:
            free = hospital.rooms.get(room, 0) - city.promised(hospital.hospital_id, room)
            left[room] = max(0, free)
    given: dict[str, str] = {}

    def place(patient_id: str, tried: set[str]) -> bool:
        for room in wanted[patient_id]:
            if left[room] > 0:
                left[room] -= 1
                given[patient_id] = room
                return True
        for room in wanted[patient_id]:
            if room in tried:
                continue
            tried.add(room)
            for other in [key for key, value in given.items() if value == room]:
                if place(other, tried):
                    given[patient_id] = room
                    return True
        return False

    return given if all(place(patient_id, set()) for patient_id in wanted) else None


def reserve(
    city: City,
    owner: str,
    offer_id: str | None,
    hospital: Hospital,
    wanted: Wanted,
    *,
    expires_at: datetime,
) -> tuple[Reservation, ...] | None:
    """Hold a bed for every patient of a transfer or batch until `expires_at`, or for none.

    None means that the hospital has not room for all; then nothing has changed.
    """
    given = allot(city, hospital, wanted)
    if given is None:
        return None
    known = sum(isinstance(entity, Reservation) for entity in city.owned(owner))
    held = []
    for number, patient_id in enumerate(wanted, start=known + 1):
        room = given[patient_id]
        place = city.free_place(hospital, room)
        assert place is not None, "only beds that are free are allotted"
        reservation = Reservation(
            reservation_id=f"{owner}/B{number}",
            owner=owner,
            offer_id=offer_id,
            hospital_id=hospital.hospital_id,
            room=room,
            place=place,
            patient_id=patient_id,
            made_at=city.now,
            expires_at=expires_at,
        )
        city.put(reservation)
        city.set_timer("reservation", reservation.reservation_id, expires_at)
        city.emit(
            BedReserved(
                reservation_id=reservation.reservation_id,
                hospital_id=reservation.hospital_id,
                transfer_id=owner,
                patient_id=patient_id,
                at=city.now,
                room=room,
                place=place,
                expires_at=expires_at,
            ),
            key=reservation.hospital_id,
        )
        held.append(reservation)
    tiers.step(city)
    return tuple(held)


def confirm(
    city: City, reservations: Sequence[Reservation], expires_at: datetime
) -> tuple[Reservation, ...]:
    """The hospital has accepted: the held beds are kept until `expires_at`."""
    confirmed = tuple(
        replace(each, status="confirmed", expires_at=expires_at) for each in reservations
    )
    for reservation in confirmed:
        city.put(reservation)
        city.set_timer("reservation", reservation.reservation_id, expires_at)
    return confirmed


def release(
    city: City,
    reservation: Reservation,
    outcome: Literal["released", "expired"],
    reason: str,
) -> None:
    """Let a bed go whose patient does not come; one that has ended already stays as it is."""
    if reservation.ended_at is not None:
        return
    city.put(replace(reservation, status=outcome, ended_at=city.now))
    city.cancel_timer("reservation", reservation.reservation_id)
    city.emit(
        BedReleased(
            reservation_id=reservation.reservation_id,
            hospital_id=reservation.hospital_id,
            transfer_id=reservation.owner,
            patient_id=reservation.patient_id,
            at=city.now,
            room=reservation.room,
            place=reservation.place,
            outcome=outcome,
            reason=reason,
        ),
        key=reservation.hospital_id,
    )


def expire(city: City, reservation_id: str) -> Reservation | None:
    """Let a bed go whose time is over; return it as it was, None where nothing was due.

    A bed that was confirmed escalates. That of a patient who has been announced to the hospital is
    kept for as long again: they are on their way.
    """
    reservation = city.reservations.get(reservation_id)
    if reservation is None or reservation.ended_at is not None:
        return None
    announced = any(
        reservation_id in city.handovers[handover_id].reservations
        for handover_id in city.arrivals.at(reservation.hospital_id)
    )
    if announced:
        confirm(city, [reservation], city.now + timedelta(hours=city.pack.transfers.kept_hours))
        return None
    release(city, reservation, "expired", "its time is over")
    if reservation.status == "confirmed":
        escalate(
            city,
            "reservation_expired",
            None,
            reservation.owner,
            f"the {reservation.room} bed of hospital {reservation.hospital_id} was kept under "
            f"{reservation.reservation_id} for a patient who has not come",
        )
    return reservation


def take(city: City, reservation: Reservation, incident: Incident) -> None:
    """The patient has been handed over into the bed that was kept for them."""
    city.put(replace(reservation, status="taken", ended_at=city.now))
    city.cancel_timer("reservation", reservation.reservation_id)
    occupy(city, reservation, reservation.reservation_id, incident)


def occupy(
    city: City, promise: Handover | Reservation, promise_id: str, incident: Incident
) -> None:
    """Count a promised bed as taken; a promise without a place takes none."""
    if promise.place is None:
        return
    hospital = city.hospitals[promise.hospital_id]
    left = max(0, hospital.rooms.get(promise.room, 0) - 1)
    city.put(replace(hospital, rooms={**hospital.rooms, promise.room: left}))
    city.emit(
        BedOccupied(
            promise_id=promise_id,
            hospital_id=promise.hospital_id,
            incident_id=incident.incident_id,
            at=city.now,
            room=promise.room,
            place=promise.place,
            case_status=incident.case_status,
        ),
        key=promise.hospital_id,
    )


def free(city: City, event: BedFreed) -> None:
    """A bed is free again: its patient has left it.

    Raises:
        Rejected: the hospital, the bed kind or the promise is unknown, the promise is another
            hospital's, of another bed kind, has brought nobody, or its bed is free already; or, of
            a patient without a promise, all beds of the kind are free.
    """
    hospital = city.hospitals.get(event.hospital_id)
    if hospital is None:
        raise Rejected("hospital_id", "is not a hospital of this city")
    capacity = hospital.capacity.get(event.room)
    known = hospital.rooms.get(event.room)
    if capacity is None and known is None:
        raise Rejected("room", "is not a kind of bed that this hospital has")
    counted_at = hospital.counted_at.get(event.room)
    # What is heard of late is among the free ones that the hospital has counted since.
    is_counted = known is not None and counted_at is not None and event.at < counted_at
    now_free = (known or 0) + (0 if is_counted else 1)
    if event.promise_id is not None:
        _vacate(city, event, event.promise_id)
        # The hospital's own count may have had it free before.
        now_free = now_free if capacity is None else min(now_free, capacity)
    elif capacity is not None and now_free > capacity:
        raise Early("room", f"all {capacity} are free already")
    city.put(replace(hospital, rooms={**hospital.rooms, event.room: now_free}))
    city.emit(
        BedVacated(
            hospital_id=event.hospital_id,
            promise_id=event.promise_id,
            at=city.now,
            room=event.room,
            free=now_free,
            outcome=event.outcome,
        ),
        key=event.hospital_id,
    )
    tiers.step(city)


def _vacate(city: City, event: BedFreed, promise_id: str) -> None:
    """Note that the patient of a promise has left the bed, once."""
    promise = city.reservations.get(promise_id) or city.handovers.get(promise_id)
    if promise is None:
        raise Unknown("promise_id", "is not a reservation or handover of this centre")
    if promise.hospital_id != event.hospital_id:
        raise Rejected("promise_id", "is of another hospital")
    if promise.status != "taken" and promise.status not in HANDED_OVER:
        raise Early("promise_id", f"is {promise.status}: nobody has taken a bed under it")
    if promise.place is None:
        raise Rejected("promise_id", "took no bed of its own")
    if promise.room != event.room:
        raise Rejected("room", f"is not that of {promise_id}: {promise.room}")
    if promise.freed_at is not None:
        raise Crossed("promise_id", "is free already")
    city.put(replace(promise, freed_at=city.now))
