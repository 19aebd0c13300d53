"""The beds of a batch: those its plan wants are kept, asked for or let go of.

Source: 120 plan §5 (the institutions talk before the patient moves); domain, transfers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from dispatch.domain import beds, hospitals, moving, offers
from dispatch.domain.city import City
from dispatch.domain.model import Batch, Hospital, Offer, PlannedTrip, Reservation
from dispatch.topics.codes import Destination

_PLANNED_ANEW = "the batch is planned anew"


def standing(city: City, batch: Batch) -> list[Reservation]:
    """Return the beds held or kept for patients of a batch who have not started."""
    return [
        entity
        for entity in city.owned(batch.batch_id)
        if isinstance(entity, Reservation)
        and entity.ended_at is None
        and entity.patient_id not in batch.started
    ]


def may_take(batch: Batch, hospital: Hospital, destination: Destination | None) -> bool:
    """Return whether a hospital is open to a batch: in service for such patients, and allowed.

    An institution moves nobody to itself.
    """
    assert destination is not None, "a transfer is dispatched"
    if hospital.status == "closed" or hospital.hospital_id == batch.institution_id:
        return False
    if batch.hospitals is not None and hospital.hospital_id not in batch.hospitals:
        return False
    return hospitals.takes(hospital, destination)


def short(city: City, batch: Batch, hospital: Hospital) -> bool:
    """Return whether a hospital has not the beds any more that are kept there for a batch."""
    return any(
        city.promised(hospital.hospital_id, room) > hospital.rooms.get(room, 0)
        for room in {each.room for each in _kept_at(city, batch, hospital.hospital_id)}
    )


def expects(city: City, batch: Batch, hospital_id: str) -> bool:
    """Return whether a hospital keeps or is asked for beds for patients who have not started."""
    return bool(_kept_at(city, batch, hospital_id))


def secure(city: City, batch: Batch, trips: Iterable[PlannedTrip]) -> str | None:
    """Keep, reserve and offer the beds of a plan; return the hospital where some are gone.

    A bed that the plan still wants stays reserved; a hospital that has accepted enough beds of each
    kind is not asked again.
    """
    wanted: dict[str, dict[str, str]] = {}
    for trip in trips:
        wanted.setdefault(trip.hospital_id, {}).update(trip.beds)
    kept: dict[str, set[str]] = {}
    stale = []
    for each in standing(city, batch):
        if wanted.get(each.hospital_id, {}).get(each.patient_id) == each.room:
            kept.setdefault(each.hospital_id, set()).add(each.patient_id)
        else:
            stale.append(each)
    _release(city, stale, _PLANNED_ANEW)
    for offer in _offers(city, batch):
        rooms = wanted.get(offer.hospital_id)
        if rooms is None or not _covers(city, batch, offer, rooms):
            _drop(city, batch, offer, _PLANNED_ANEW)
            kept.pop(offer.hospital_id, None)
    for hospital_id, rooms in wanted.items():
        missing = {
            patient_id: (room,)
            for patient_id, room in rooms.items()
            if patient_id not in kept.get(hospital_id, ())
        }
        if missing and not _ask(city, batch, hospital_id, missing):
            return hospital_id
        if short(city, batch, city.hospitals[hospital_id]):
            let_go_at(city, batch, hospital_id, "the beds are gone")
            return hospital_id
    return None


def let_go(city: City, batch: Batch, reason: str) -> None:
    """Let the beds go of all who have not started; hospitals need not expect them."""
    for offer in _offers(city, batch):
        _drop(city, batch, offer, reason)
    _release(city, standing(city, batch), reason)


def let_go_at(city: City, batch: Batch, hospital_id: str, reason: str) -> None:
    """Let the beds go that one hospital keeps or is asked for; its word does not hold any more."""
    for offer in _offers(city, batch):
        if offer.hospital_id == hospital_id:
            _drop(city, batch, offer, reason)
    _release(city, _kept_at(city, batch, hospital_id), reason)


def _kept_at(city: City, batch: Batch, hospital_id: str) -> list[Reservation]:
    return [each for each in standing(city, batch) if each.hospital_id == hospital_id]


def _offers(city: City, batch: Batch) -> list[Offer]:
    """Return the offers of a batch that stand: asked, or accepted and not used up."""
    return [
        entity
        for entity in city.owned(batch.batch_id)
        if isinstance(entity, Offer) and entity.status in ("open", "accepted") and entity.rooms
    ]


def _ask(
    city: City, batch: Batch, hospital_id: str, missing: Mapping[str, tuple[str, ...]]
) -> bool:
    """Reserve beds under the offer that covers them, else under a new one."""
    hospital = city.hospitals[hospital_id]
    standing_offer = next(
        (each for each in _offers(city, batch) if each.hospital_id == hospital_id), None
    )
    if standing_offer is None:
        decision = moving.decide_for(city, batch.kind, batch.batch_id, batch.requested_at)
        assert decision.ppe is not None, "a transfer is dispatched"
        made = offers.make(city, batch.batch_id, hospital, missing, ppe=decision.ppe)
        return made is not None
    accepted = standing_offer.status == "accepted"
    until = standing_offer.answer_by
    if accepted:
        until = city.now + timedelta(hours=city.pack.transfers.kept_hours)
    held = beds.reserve(
        city, batch.batch_id, standing_offer.offer_id, hospital, missing, expires_at=until
    )
    if held is not None and accepted:
        beds.confirm(city, held, until)
    return held is not None


def _covers(city: City, batch: Batch, offer: Offer, rooms: Mapping[str, str]) -> bool:
    """Return whether an offer has beds enough of each kind, beside those of who has started."""
    used = Counter(each.room for each in _under(city, batch, offer))
    needed = Counter(rooms.values())
    return all(used[room] + needed[room] <= offer.rooms.get(room, 0) for room in needed)


def _drop(city: City, batch: Batch, offer: Offer, reason: str) -> None:
    """Let an offer go, or what nobody has started for of it."""
    if not _under(city, batch, offer):
        offers.withdraw(city, offer, reason)
        return
    unused = [each for each in standing(city, batch) if each.offer_id == offer.offer_id]
    _release(city, unused, reason)
    city.put(replace(offer, rooms={}))


def _under(city: City, batch: Batch, offer: Offer) -> list[Reservation]:
    """Return the beds of an offer whose patients have started."""
    return [
        entity
        for entity in city.owned(batch.batch_id)
        if isinstance(entity, Reservation)
        and entity.offer_id == offer.offer_id
        and entity.patient_id in batch.started
        and entity.status in ("confirmed", "taken")
    ]


def _release(city: City, reservations: Iterable[Reservation], reason: str) -> None:
    for reservation in reservations:
        beds.release(city, reservation, "released", reason)
