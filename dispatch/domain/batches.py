"""Batches: many patients of one institution, moved in waves by a plan that is kept up to date.

The plan is made elsewhere (dispatch.planning) from what `batch_problems.problem` describes; `adopt`
takes it over unless something has changed since. Each trip is a transfer of its own once its time
has come and its unit is free. What has started is kept when the rest is planned anew.

Source: domain, transfers and hospitals (Jinzhou 2022); 120 plan §5.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Final

from dispatch.domain import batch_beds, batch_problems, moving, places, transfers
from dispatch.domain.batch_progress import (
    DUE,
    OVER,
    SEARCH,
    TIMER,
    TIMERS,
    await_plan,
    batch_of,
    end_if_done,
    needs_plan,
    plan_anew,
    tell,
    unplaced,
)
from dispatch.domain.city import City, Duplicate, Rejected, Unknown
from dispatch.domain.escalation import escalate
from dispatch.domain.model import Batch, Hospital, Offer, PlannedTrip, Reservation, Unit
from dispatch.domain.reserved_ids import is_reserved
from dispatch.planning.plan import Plan
from dispatch.topics.codes import Destination
from dispatch.topics.placements import BatchPlanned
from dispatch.topics.transfers import (
    TransferBatchAmended,
    TransferBatchCancelled,
    TransferBatchRequested,
)

# An id has 64 characters at most; those of the trips add a number to that of the batch.
_LONGEST_ID: Final = 54
# In all that is said of a batch, those who stay included: its plan is one event.
MOST_PATIENTS: Final = 1_000


def request(city: City, event: TransferBatchRequested, digest: str) -> None:
    """Take a batch on; it is planned next.

    Raises:
        Duplicate: this very request has been accepted already.
        Rejected: its id is taken or too long, its kind, district, needs or hospitals are unknown,
            or `complete_by` has passed.
    """
    known = city.batches.get(event.batch_id)
    if known is not None and known.digest == digest:
        raise Duplicate
    if known is not None or event.batch_id in city.incidents or event.batch_id in city.calls:
        raise Rejected("batch_id", "is taken already")
    if is_reserved(event.batch_id):
        raise Rejected("batch_id", "is one that the service gives itself")
    if batch_of(event.batch_id) is not None:
        raise Rejected("batch_id", "must not end like the id of a trip (.T and a number)")
    if len(event.batch_id) > _LONGEST_ID:
        raise Rejected("batch_id", f"is longer than {_LONGEST_ID}: its trips need ids too")
    if any(batch_of(call_id) == event.batch_id for call_id in city.calls):
        raise Rejected("batch_id", "has trips whose ids are taken already")
    moving.check(city, event)
    for index, hospital_id in enumerate(event.hospitals or ()):
        if hospital_id not in city.hospitals:
            raise Rejected(f"hospitals.{index}", "is not a hospital of this city")
    if event.complete_by is not None and event.complete_by <= city.now:
        raise Rejected("complete_by", "has passed")
    batch = _new(city, event, digest)
    city.put(batch)
    tell(city, batch, batch.because)
    await_plan(city, batch)
    if batch.complete_by is not None:
        city.set_timer(DUE, batch.batch_id, batch.complete_by)


def amend(city: City, event: TransferBatchAmended) -> None:
    """Patients are new, known otherwise, or stay; what has started goes on.

    Raises:
        Unknown: the batch has not come yet.
        Rejected: it is over, one of the patients is not in it or on the way already, or they
            become too many.
    """
    batch = _open(city, event.batch_id)
    moving.check_needs(city, event.patients)
    patients = {patient.patient_id: patient for patient in batch.patients}
    for index, patient_id in enumerate(event.withdrawn):
        where = f"withdrawn.{index}"
        if patient_id not in patients or patient_id in batch.withdrawn:
            raise Rejected(where, "is not a patient of this batch")
        if patient_id in event.withdrawn[:index]:
            raise Rejected(where, "is there twice")
        if patient_id in batch.started:
            raise Rejected(where, "is on the way, or has arrived")
    for index, patient in enumerate(event.patients):
        where = f"patients.{index}.patient_id"
        if patient.patient_id in batch.started:
            raise Rejected(where, "is on the way, or has arrived")
        if patient.patient_id in event.withdrawn:
            raise Rejected(where, "is withdrawn as well")
    patients |= {patient.patient_id: patient for patient in event.patients}
    if len(patients) > MOST_PATIENTS:
        raise Rejected("patients", f"are more than {MOST_PATIENTS} with those of the batch")
    back = {patient.patient_id for patient in event.patients}
    withdrawn = tuple(each for each in (*batch.withdrawn, *event.withdrawn) if each not in back)
    batch = replace(batch, patients=tuple(patients.values()), withdrawn=withdrawn)
    city.put(batch)
    plan_anew(city, batch, f"the institution: {event.reason}")
    end_if_done(city, batch.batch_id, event.reason)


def cancel(city: City, event: TransferBatchCancelled) -> None:
    """Call off what has not started; trips under way are completed.

    Raises:
        Unknown: the batch has not come yet.
        Rejected: it is over.
    """
    batch = _open(city, event.batch_id)
    batch_beds.let_go(city, batch, event.reason)
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
    for kind in TIMERS:
        city.cancel_timer(kind, batch.batch_id)
    end_if_done(city, batch.batch_id, event.reason)


def adopt(city: City, batch_id: str, revision: int, plan: Plan) -> None:
    """Take a plan over: reserve its beds, ask its hospitals, start what is due.

    A plan for an earlier revision is left alone: a newer one is being made. One whose units,
    hospitals or beds are gone meanwhile is made anew.
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
    gone = _gone(city, batch, made)
    if gone is not None:
        plan_anew(city, batch, gone)
        return
    units = {trip.unit_id for trip in made}
    free_at = batch_problems.free_at(city, batch)
    batch = replace(
        batch,
        status="planned",
        planned_revision=revision,
        trips=(*_begun(batch), *made),
        unplaced=tuple((each.patient_id, each.why) for each in plan.unplaced),
        numbered=batch.numbered + len(made),
        free_at={unit_id: at for unit_id, at in free_at.items() if unit_id in units},
    )
    city.put(batch)
    short = batch_beds.secure(city, batch, made)
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
    # Set anew below: a trip that has started is seen to by its own timers.
    city.cancel_timer(TIMER, batch_id)
    late = timedelta(minutes=city.pack.transfers.batches.late_minutes)
    upcoming: list[datetime] = []
    started: list[int] = []
    for trip in _waiting(batch):
        if trip.depart_at > city.now:
            upcoming.append(trip.depart_at)
        elif _start(city, batch_id, trip):
            started.append(trip.number)
        else:
            if _is_elsewhere(city, batch, trip):
                because = f"unit {trip.unit_id} of trip {trip.number} is on another run"
                plan_anew(city, city.batches[batch_id], because)
                return
            if trip.depart_at + late <= city.now:
                because = f"trip {trip.number} with {trip.unit_id} has not started in time"
                plan_anew(city, city.batches[batch_id], because)
                return
            upcoming.append(trip.depart_at + late)
    if upcoming:
        city.set_timer(TIMER, batch_id, min(upcoming))
    if started:
        numbers = ", ".join(map(str, started))
        tell(city, city.batches[batch_id], f"started: trip {numbers}")


def search(city: City, batch_id: str) -> None:
    """Some patients have no place: look again, at hospitals too that have refused before."""
    batch = city.batches.get(batch_id)
    if batch is None or batch.status in OVER or needs_plan(batch):
        return
    again = replace(batch, refused=())
    if batch_problems.would_place_more(city, again):
        plan_anew(city, again, "looked for places again")
    else:
        _tell_unplaced(city, batch)


def overdue(city: City, batch_id: str) -> None:
    """The time is over by which the last patient was to arrive: somebody must look."""
    batch = city.batches.get(batch_id)
    if batch is None or batch.status in OVER:
        return
    left = len(batch.patients) - len(batch.withdrawn) - len(batch.arrived)
    explanation = f"{left} patients have not arrived by {batch.complete_by}"
    escalate(city, "batch_late", None, batch_id, explanation)


def unit_changed(city: City, unit_id: str) -> None:
    """A unit is free, or out: start its trips that are due, plan without it, or with it.

    One that is free much sooner than planned may ride sooner.
    """
    unit = city.units[unit_id]
    for batch in _current(city):
        waiting = [trip for trip in _waiting(batch) if trip.unit_id == unit_id]
        if waiting and not batch_problems.serves(unit):
            plan_anew(city, batch, f"unit {unit_id} drops out")
        elif any(trip.depart_at <= city.now for trip in waiting):
            advance(city, batch.batch_id)
        elif waiting and _is_early(city, batch, unit, waiting[0].depart_at):
            plan_anew(city, batch, f"unit {unit_id} is free sooner than planned")
        elif batch_problems.may_help(city, batch, unit):
            plan_anew(city, batch, f"unit {unit_id} may carry patients without a place")


def hospital_changed(city: City, hospital_id: str) -> None:
    """A hospital has reported or freed beds: plan without what is gone, or with what is there.

    One that has refused before is asked again.
    """
    hospital = city.hospitals[hospital_id]
    for batch in _current(city):
        able = batch_beds.may_take(batch, hospital, _destination(city, batch))
        gone = not able or batch_beds.short(city, batch, hospital)
        if gone and batch_beds.expects(city, batch, hospital_id):
            because = f"beds of {hospital_id} have dropped out"
            batch_beds.let_go_at(city, batch, hospital_id, because)
            plan_anew(city, batch, because)
        elif able and unplaced(batch) and _has_room(city, hospital):
            refused = tuple(each for each in batch.refused if each != hospital_id)
            again = replace(batch, refused=refused)
            if batch_problems.would_place_more(city, again):
                plan_anew(city, again, f"{hospital_id} has reported")


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
    if batch is None or batch.status in OVER or reservation.patient_id in batch.started:
        return
    if reservation.status == "confirmed":
        plan_anew(city, batch, f"the bed of {reservation.reservation_id} was kept too long")


def _new(city: City, event: TransferBatchRequested, digest: str) -> Batch:
    place = places.place_of(city, event.location, event.district)
    return Batch(
        batch_id=event.batch_id,
        institution_id=event.institution_id,
        requested_at=city.now,
        district=event.district,
        position=place.position,
        address=place.address,
        contact=event.contact,
        kind=event.kind,
        patients=event.patients,
        loading_places=event.loading_places or city.pack.transfers.batches.loading_places,
        complete_by=event.complete_by,
        hospitals=event.hospitals,
        digest=digest,
        status="planning",
    )


# -- trips


def _gone(city: City, batch: Batch, trips: Iterable[PlannedTrip]) -> str | None:
    """Return what a plan counts on and is not there any more, since it was begun."""
    destination = _destination(city, batch)
    for trip in trips:
        if not batch_problems.serves(city.units[trip.unit_id]):
            return f"unit {trip.unit_id} has dropped out meanwhile"
        if not batch_beds.may_take(batch, city.hospitals[trip.hospital_id], destination):
            return f"{trip.hospital_id} has dropped out meanwhile"
        for other in city.batches.values():
            if other.batch_id != batch.batch_id and _overlaps(trip, other):
                return f"unit {trip.unit_id} is planned for {other.batch_id} meanwhile"
    return None


def _overlaps(trip: PlannedTrip, other: Batch) -> bool:
    return other.status not in OVER and any(
        each.unit_id == trip.unit_id
        and each.depart_at < trip.free_at
        and trip.depart_at < each.free_at
        for each in _waiting(other)
    )


def _is_elsewhere(city: City, batch: Batch, trip: PlannedTrip) -> bool:
    """Return whether a trip's unit is on a run that the plan knows nothing of."""
    unit = city.units[trip.unit_id]
    busy = unit.assignment_id is not None or unit.job_id is not None
    return busy and batch_problems.as_planned(city, batch, unit) is None


def _start(city: City, batch_id: str, trip: PlannedTrip) -> bool:
    """Order a trip's unit; return whether unit and hospital were ready for it."""
    batch = city.batches[batch_id]
    unit = city.units[trip.unit_id]
    if not batch_problems.is_free(unit):
        return False
    patients = tuple(each for each in batch.patients if each.patient_id in trip.beds)
    kept = [each for each in batch_beds.standing(city, batch) if each.patient_id in trip.beds]
    if len(kept) < len(patients) or any(each.status != "confirmed" for each in kept):
        return False
    city.put(
        replace(
            batch,
            started=(*batch.started, *(each.patient_id for each in patients)),
            free_at={**batch.free_at, trip.unit_id: trip.free_at},
            trips=tuple(
                replace(each, status="started") if each.number == trip.number else each
                for each in batch.trips
            ),
        )
    )
    transfers.start_trip(city, city.batches[batch_id], trip, patients, kept[0].offer_id)
    return True


def _is_early(city: City, batch: Batch, unit: Unit, departs_at: datetime) -> bool:
    """Return whether a unit is free sooner than planned, by as much as is late, and so can ride.

    It counts once: in the plan that is made then it is free.
    """
    much = timedelta(minutes=city.pack.transfers.batches.late_minutes)
    planned_at = min(departs_at, batch.free_at.get(unit.unit_id, city.now))
    return batch_problems.is_free(unit) and planned_at - city.now >= much


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
            institution_id=batch.institution_id,
        ),
        key=batch.batch_id,
    )
    if batch.unplaced:
        _tell_unplaced(city, batch)
    elif in_time is False:
        last = f"the last patient arrives at {finish}"
        escalate(city, "batch_late", None, batch.batch_id, last)
    tell(city, batch, batch.because)


def _tell_unplaced(city: City, batch: Batch) -> None:
    """Escalate that some have no place, and look again in time."""
    reasons = sorted(Counter(unplaced(batch).values()).items())
    why = ", ".join(f"{reason.replace('_', ' ')} {number}" for reason, number in reasons)
    escalate(city, "batch_unplaced", None, batch.batch_id, f"without a place: {why}")
    again = city.in_seconds(city.pack.transfers.search_seconds)
    city.set_timer(SEARCH, batch.batch_id, again)


def _has_room(city: City, hospital: Hospital) -> bool:
    return any(
        free > city.promised(hospital.hospital_id, room) for room, free in hospital.rooms.items()
    )


def _destination(city: City, batch: Batch) -> Destination | None:
    decided = moving.decide_for(city, batch.kind, batch.batch_id, batch.requested_at)
    return decided.destination


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
        raise Unknown("batch_id", "its request has never come")
    if batch.status in OVER:
        raise Rejected("batch_id", f"is {batch.status}")
    return batch
