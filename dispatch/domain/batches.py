"""Batches: many patients of one institution, moved in waves by a plan that is kept up to date.

The plan is made elsewhere (dispatch.planning) from what `batch_problems.problem` describes; `adopt`
takes it over unless something has changed since. Each trip is a transfer of its own once its time
has come and its unit is free. What has started is kept when the rest is planned anew.

Source: domain, transfers and hospitals (Jinzhou 2022); 120 plan §5.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from dispatch.domain import beds, moving, offers, transfers
from dispatch.domain.allocation import DISPATCHABLE
from dispatch.domain.batch_progress import (
    OVER,
    TIMER,
    await_plan,
    end_if_done,
    needs_plan,
    offers_of,
    plan_anew,
    standing,
    tell,
)
from dispatch.domain.city import City, Duplicate, Early, Rejected
from dispatch.domain.escalation import escalate
from dispatch.domain.model import Batch, Offer, PlannedTrip, Reservation
from dispatch.planning.plan import Plan
from dispatch.topics.placements import BatchPlanned
from dispatch.topics.transfers import (
    TransferBatchAmended,
    TransferBatchCancelled,
    TransferBatchRequested,
)


def request(city: City, event: TransferBatchRequested) -> None:
    """Take a batch on; it is planned next.

    Raises:
        Duplicate: this batch is known already.
        Rejected: its id is taken, or its kind, district, needs or hospitals are unknown, or
            `complete_by` has passed.
    """
    known = city.batches.get(event.batch_id)
    if known is not None and known.patients == event.patients and known.kind == event.kind:
        raise Duplicate
    if known is not None or event.batch_id in city.incidents:
        raise Rejected("batch_id", "is taken already")
    moving.check(city, event)
    for index, hospital_id in enumerate(event.hospitals or ()):
        if hospital_id not in city.hospitals:
            raise Rejected(f"hospitals.{index}", "is not a hospital of this city")
    if event.complete_by is not None and event.complete_by <= city.now:
        raise Rejected("complete_by", "has passed")
    place = moving.place_of(city, event)
    batch = Batch(
        batch_id=event.batch_id,
        institution_id=event.institution_id,
        requested_at=city.now,
        district=event.district,
        position=place.position,
        address=place.address,
        kind=event.kind,
        patients=event.patients,
        loading_places=event.loading_places or city.pack.transfers.batches.loading_places,
        complete_by=event.complete_by,
        hospitals=event.hospitals,
        status="planning",
    )
    city.put(batch)
    tell(city, batch, batch.because)
    await_plan(city, batch)


def amend(city: City, event: TransferBatchAmended) -> None:
    """Patients are new, known otherwise, or stay; what has started goes on.

    Raises:
        Early: the batch has not come yet.
        Rejected: it is over, or one of the patients is not in it or on the way already.
    """
    batch = _open(city, event.batch_id)
    moving.check_needs(city, event.patients)
    patients = {patient.patient_id: patient for patient in batch.patients}
    for index, patient_id in enumerate(event.withdrawn):
        where = f"withdrawn.{index}"
        if patient_id not in patients or patient_id in batch.withdrawn:
            raise Rejected(where, "is not a patient of this batch")
        if patient_id in batch.started:
            raise Rejected(where, "is on the way, or has arrived")
    for index, patient in enumerate(event.patients):
        where = f"patients.{index}.patient_id"
        if patient.patient_id in batch.started:
            raise Rejected(where, "is on the way, or has arrived")
        if patient.patient_id in event.withdrawn:
            raise Rejected(where, "is withdrawn as well")
    patients |= {patient.patient_id: patient for patient in event.patients}
    back = {patient.patient_id for patient in event.patients}
    withdrawn = tuple(each for each in (*batch.withdrawn, *event.withdrawn) if each not in back)
    batch = replace(batch, patients=tuple(patients.values()), withdrawn=withdrawn)
    city.put(batch)
    plan_anew(city, batch, f"the institution: {event.reason}")
    end_if_done(city, batch.batch_id, event.reason)


def cancel(city: City, event: TransferBatchCancelled) -> None:
    """Call off what has not started; trips under way are completed.

    Raises:
        Early: the batch has not come yet.
        Rejected: it is over.
    """
    batch = _open(city, event.batch_id)
    _release(city, standing(city, batch), event.reason)
    for offer in offers_of(city, batch):
        if not _under(city, batch, offer):
            offers.withdraw(city, offer, event.reason)
    staying = [p.patient_id for p in batch.patients if p.patient_id not in batch.started]
    city.put(
        replace(
            batch,
            status="cancelled",
            because=event.reason,
            withdrawn=tuple(staying),
            trips=_begun(batch),
            unplaced=(),
        )
    )
    city.cancel_timer(TIMER, batch.batch_id)
    end_if_done(city, batch.batch_id, event.reason)


def adopt(city: City, batch_id: str, revision: int, plan: Plan) -> None:
    """Take a plan over: reserve its beds, ask its hospitals, start what is due.

    A plan for an earlier revision is left alone: a newer one is being made. One whose beds are
    gone meanwhile is made anew.
    """
    batch = city.batches.get(batch_id)
    if batch is None or not needs_plan(batch) or batch.revision != revision:
        return
    made = [
        PlannedTrip(
            number=batch.numbered + trip.number,
            wave=trip.wave,
            unit_id=trip.unit_id,
            hospital_id=trip.hospital_id,
            beds=dict(trip.beds),
            depart_at=trip.depart_at,
            load_at=trip.load_at,
            leave_at=trip.leave_at,
            arrive_at=trip.arrive_at,
            handed_over_at=trip.handed_over_at,
            free_at=trip.free_at,
        )
        for trip in plan.trips
    ]
    batch = replace(
        batch,
        status="planned",
        planned_revision=revision,
        trips=(*_begun(batch), *made),
        unplaced=tuple((each.patient_id, each.why) for each in plan.unplaced),
        numbered=batch.numbered + len(made),
    )
    city.put(batch)
    short = _secure_beds(city, batch, made)
    if short is not None:
        plan_anew(city, batch, f"beds of {short} are gone meanwhile")
        return
    _announce(city, batch, plan)
    advance(city, batch_id)


def advance(city: City, batch_id: str) -> None:
    """Start the trips whose time has come and whose units are free; see to those that are late."""
    batch = city.batches.get(batch_id)
    if batch is None or batch.status in OVER:
        return
    if needs_plan(batch):
        escalate(city, "batch_unplanned", None, batch_id, "the batch still waits for its plan")
        await_plan(city, batch)
        return
    late = timedelta(minutes=city.pack.transfers.batches.late_minutes)
    upcoming: list[datetime] = []
    for trip in _waiting(batch):
        if trip.depart_at > city.now:
            upcoming.append(trip.depart_at)
        elif not _start(city, batch_id, trip):
            if trip.depart_at + late <= city.now:
                because = f"trip {trip.number} with {trip.unit_id} has not started in time"
                plan_anew(city, city.batches[batch_id], because)
                return
            upcoming.append(trip.depart_at + late)
    if upcoming:
        city.set_timer(TIMER, batch_id, min(upcoming))


def unit_changed(city: City, unit_id: str) -> None:
    """A unit is free, or out: start its trips that are due, or plan without it."""
    unit = city.units.get(unit_id)
    if unit is None:
        return
    out = unit.status in ("off_duty", "out_of_service") or not unit.staffed
    for batch in _current(city):
        if not any(trip.unit_id == unit_id for trip in _waiting(batch)):
            continue
        if out:
            plan_anew(city, batch, f"unit {unit_id} drops out")
        elif unit.status in DISPATCHABLE:
            advance(city, batch.batch_id)


def hospital_changed(city: City, hospital_id: str) -> None:
    """A hospital has reported or freed beds: plan without what is gone, or with what is there."""
    hospital = city.hospitals.get(hospital_id)
    if hospital is None:
        return
    for batch in _current(city):
        kept = [each for each in standing(city, batch) if each.hospital_id == hospital_id]
        short = any(
            city.promised(hospital_id, room) > hospital.rooms.get(room, 0)
            for room in {each.room for each in kept}
        )
        if kept and (hospital.status == "closed" or short):
            _release(city, kept, "the beds are gone")
            plan_anew(city, batch, f"beds of {hospital_id} have dropped out")
        elif batch.unplaced:
            # Who has refused may have room by now.
            refused = tuple(each for each in batch.refused if each != hospital_id)
            plan_anew(city, replace(batch, refused=refused), f"{hospital_id} has reported")


def offer_settled(city: City, offer: Offer) -> None:
    """A hospital has accepted its share of a batch, cannot take it, or has not answered in time."""
    batch = city.batches.get(offer.owner)
    if batch is None or batch.status in OVER:
        return
    if offer.status == "accepted":
        tell(city, batch, f"{offer.hospital_id} has accepted")
        if not needs_plan(batch):
            advance(city, batch.batch_id)
        return
    batch = replace(batch, refused=(*batch.refused, offer.hospital_id))
    why = "has not answered in time" if offer.status == "expired" else "cannot take the patients"
    plan_anew(city, batch, f"{offer.hospital_id} {why}")


def bed_lost(city: City, reservation: Reservation) -> None:
    """The time of a bed is over before its patient has started: the rest is planned anew."""
    batch = city.batches.get(reservation.owner)
    confirmed = reservation.status == "confirmed"
    if confirmed and batch is not None and batch.status not in OVER:
        plan_anew(city, batch, f"the bed for {reservation.patient_id} was kept too long")


# -- beds and offers


def _secure_beds(city: City, batch: Batch, trips: Iterable[PlannedTrip]) -> str | None:
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
    _release(city, stale, "the batch is planned anew")
    for offer in offers_of(city, batch):
        rooms = wanted.get(offer.hospital_id)
        if rooms is None or not _covers(city, batch, offer, rooms):
            _drop(city, batch, offer)
            kept.pop(offer.hospital_id, None)
    for hospital_id, rooms in wanted.items():
        missing = {
            patient_id: (room,)
            for patient_id, room in rooms.items()
            if patient_id not in kept.get(hospital_id, ())
        }
        if missing and not _ask(city, batch, hospital_id, missing):
            return hospital_id
    return None


def _ask(
    city: City, batch: Batch, hospital_id: str, missing: Mapping[str, tuple[str, ...]]
) -> bool:
    """Reserve beds under the offer that covers them, else under a new one."""
    hospital = city.hospitals[hospital_id]
    standing_offer = next(
        (each for each in offers_of(city, batch) if each.hospital_id == hospital_id), None
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


def _drop(city: City, batch: Batch, offer: Offer) -> None:
    """Let an offer go, or what nobody has started for of it."""
    if not _under(city, batch, offer):
        offers.withdraw(city, offer, "the batch is planned anew")
        return
    unused = [each for each in standing(city, batch) if each.offer_id == offer.offer_id]
    _release(city, unused, "the batch is planned anew")
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


# -- trips


def _start(city: City, batch_id: str, trip: PlannedTrip) -> bool:
    """Order a trip's unit; return whether unit and hospital were ready for it."""
    batch = city.batches[batch_id]
    unit = city.units[trip.unit_id]
    ready = unit.status in DISPATCHABLE and unit.staffed
    if not ready or unit.assignment_id is not None or unit.job_id is not None:
        return False
    patients = tuple(each for each in batch.patients if each.patient_id in trip.beds)
    kept = [each for each in standing(city, batch) if each.patient_id in trip.beds]
    if len(kept) < len(patients) or any(each.status != "confirmed" for each in kept):
        return False
    city.put(
        replace(
            batch,
            started=(*batch.started, *(each.patient_id for each in patients)),
            trips=tuple(
                replace(each, status="started") if each.number == trip.number else each
                for each in batch.trips
            ),
        )
    )
    transfers.start_trip(city, city.batches[batch_id], trip, patients)
    return True


def _begun(batch: Batch) -> tuple[PlannedTrip, ...]:
    return tuple(trip for trip in batch.trips if trip.status != "waiting")


def _waiting(batch: Batch) -> list[PlannedTrip]:
    return [trip for trip in batch.trips if trip.status == "waiting"]


def _announce(city: City, batch: Batch, plan: Plan) -> None:
    finish = max((trip.handed_over_at for trip in plan.trips), default=None)
    in_time = None
    if batch.complete_by is not None:
        in_time = not batch.unplaced and (finish is None or finish <= batch.complete_by)
    city.emit(
        BatchPlanned(
            batch_id=batch.batch_id,
            at=city.now,
            revision=batch.revision,
            because=batch.because,
            trips=[asdict(trip) for trip in batch.trips if trip.status != "ended"],
            unplaced=[{"patient_id": who, "why": why} for who, why in batch.unplaced],
            makespan_seconds=plan.makespan_seconds,
            bound_seconds=plan.bound_seconds,
            complete_by=batch.complete_by,
            in_time=in_time,
        ),
        key=batch.batch_id,
    )
    if batch.unplaced:
        names = ", ".join(f"{who} ({why.replace('_', ' ')})" for who, why in batch.unplaced)
        escalate(city, "batch_unplaced", None, batch.batch_id, f"without a place: {names}")
    elif in_time is False:
        last = f"the last patient arrives at {finish}"
        escalate(city, "batch_late", None, batch.batch_id, last)
    tell(city, batch, batch.because)


def _current(city: City) -> list[Batch]:
    """Return the batches whose plan is in force."""
    return [
        batch
        for batch in city.batches.values()
        if batch.status not in OVER and not needs_plan(batch)
    ]


def _open(city: City, batch_id: str) -> Batch:
    batch = city.batches.get(batch_id)
    if batch is None:
        raise Early(batch_id)
    if batch.status in OVER:
        raise Rejected("batch_id", f"is {batch.status}")
    return batch
