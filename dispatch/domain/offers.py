"""Offers: a hospital is asked to take patients before anybody moves (120 plan §5).

An offer belongs to a transfer or a batch (`owner`). While it is open a bed is held for every
patient of it; the hospital accepts, diverts, or the limit for an answer (clock
`transfer_answered`) runs out.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from dispatch.domain import beds, clocks
from dispatch.domain.city import City, Crossed, Rejected, Unknown
from dispatch.domain.model import Hospital, Offer, Reservation
from dispatch.topics.codes import Protection
from dispatch.topics.handovers import OfferWithdrawn, TransferOffered
from dispatch.topics.hospitals import TransferAccepted, TransferDiverted
from dispatch.topics.transfers import TransferPatient

TIMER: Final = "offer"
# Why an offer or announcement is withdrawn that a hospital has not answered within the limit.
NO_ANSWER: Final = "no answer in time"


def make(
    city: City, owner: str, hospital: Hospital, wanted: beds.Wanted, *, ppe: Protection
) -> Offer | None:
    """Ask a hospital to take patients of a transfer or batch, and hold a bed for each of them.

    `wanted` names by patient_id the bed kinds that do, the best first; `ppe` is what the receiving
    staff is to wear. None means that the hospital has not room for all: then nothing has changed.
    """
    number = 1 + sum(isinstance(entity, Offer) for entity in city.owned(owner))
    offer_id = f"{owner}/O{number}"
    answer_by = city.in_seconds(city.pack.clocks["transfer_answered"].limit_seconds)
    held = beds.reserve(city, owner, offer_id, hospital, wanted, expires_at=answer_by)
    if held is None:
        return None
    offer = Offer(
        offer_id=offer_id,
        owner=owner,
        hospital_id=hospital.hospital_id,
        rooms=dict(Counter(each.room for each in held)),
        made_at=city.now,
        answer_by=answer_by,
    )
    city.put(offer)
    clocks.start(
        city, "transfer_answered", owner=owner, subject=offer_id, district=hospital.district
    )
    city.set_timer(TIMER, offer_id, answer_by)
    asking = city.transfers.get(owner) or city.batches[owner]
    city.emit(
        TransferOffered(
            offer_id=offer_id,
            transfer_id=owner,
            hospital_id=offer.hospital_id,
            at=city.now,
            answer_by=answer_by,
            kind=asking.kind,
            institution_id=asking.institution_id,
            patients=described(
                patient for patient in asking.patients if patient.patient_id in wanted
            ),
            rooms=offer.rooms,
            staff_ppe=list(city.pack.protection.levels[ppe].receiving_staff),
        ),
        key=offer.hospital_id,
    )
    return offer


def described(patients: Iterable[TransferPatient]) -> list[dict[str, Any]]:
    """Return patients as hospitals are told of them: their identity as far as it is known."""
    return [patient.model_dump(mode="json", exclude_none=True) for patient in patients]


def accept(city: City, event: TransferAccepted) -> Offer:
    """The hospital takes the patients: their beds are kept for the pack's hours.

    Raises:
        Unknown: the offer is.
        Crossed: it is not open any more.
        Rejected: it is another hospital's.
    """
    offer = _open(city, event.offer_id, event.hospital_id, event.at)
    _answered(city, offer)
    kept_until = city.now + timedelta(hours=city.pack.transfers.kept_hours)
    beds.confirm(city, reservations(city, offer), kept_until)
    return _end(city, offer, "accepted")


def divert(city: City, event: TransferDiverted) -> Offer:
    """The hospital cannot take the patients: the beds held are free again.

    Raises:
        Rejected: as for an acceptance; the hospital proposed is not of this city.
    """
    offer = _open(city, event.offer_id, event.hospital_id, event.at)
    if event.proposal is not None and event.proposal not in city.hospitals:
        raise Rejected("proposal", "is not a hospital of this city")
    _answered(city, offer)
    _let_go(city, offer, "released", f"diverted: {event.reason}")
    return _end(city, offer, "diverted")


def expire(city: City, offer_id: str) -> Offer | None:
    """The limit for an answer has run out; return the offer, None where it is not open."""
    offer = city.offers.get(offer_id)
    if offer is None or offer.status != "open":
        return None
    clocks.run_out(city, f"{offer.owner}/transfer_answered/{offer_id}")
    clocks.stop(city, "transfer_answered", offer.owner, offer_id, NO_ANSWER)
    _let_go(city, offer, "expired", NO_ANSWER)
    offer = _end(city, offer, "expired")
    _tell_withdrawn(city, offer, NO_ANSWER)
    return offer


def withdraw(city: City, offer: Offer, reason: str) -> None:
    """Tell a hospital that it need not keep beds for an offer that is open or was accepted.

    A bed that is taken stays so.
    """
    clocks.stop(city, "transfer_answered", offer.owner, offer.offer_id, reason)
    _let_go(city, offer, "released", reason)
    _tell_withdrawn(city, _end(city, offer, "withdrawn"), reason)


def reservations(city: City, offer: Offer) -> Sequence[Reservation]:
    """Return the beds held or kept under an offer that nobody has taken or let go."""
    return [
        entity
        for entity in city.owned(offer.owner)
        if isinstance(entity, Reservation)
        and entity.offer_id == offer.offer_id
        and entity.ended_at is None
    ]


def _open(city: City, offer_id: str, hospital_id: str, at: datetime) -> Offer:
    """Return an offer that stands still, by the time (aware UTC) of its answer."""
    offer = city.offers.get(offer_id)
    if offer is None:
        raise Unknown("offer_id", "is not an offer of this centre")
    if offer.hospital_id != hospital_id:
        raise Rejected("offer_id", "was made to another hospital")
    if offer.status == "expired" or (offer.status == "open" and at > offer.answer_by):
        raise Crossed("offer_id", f"is answered too late: it stood until {offer.answer_by}")
    if offer.status != "open":
        raise Crossed("offer_id", f"is {offer.status}")
    return offer


def _answered(city: City, offer: Offer) -> None:
    clocks.meet(city, "transfer_answered", offer.owner, offer.offer_id)


def _let_go(city: City, offer: Offer, outcome: Literal["released", "expired"], reason: str) -> None:
    for reservation in reservations(city, offer):
        beds.release(city, reservation, outcome, reason)


def _tell_withdrawn(city: City, offer: Offer, reason: str) -> None:
    city.emit(
        OfferWithdrawn(
            offer_id=offer.offer_id,
            transfer_id=offer.owner,
            hospital_id=offer.hospital_id,
            at=city.now,
            reason=reason,
        ),
        key=offer.hospital_id,
    )


def _end(
    city: City, offer: Offer, status: Literal["accepted", "diverted", "expired", "withdrawn"]
) -> Offer:
    city.cancel_timer(TIMER, offer.offer_id)
    ended = replace(offer, status=status, ended_at=city.now)
    city.put(ended)
    return ended
