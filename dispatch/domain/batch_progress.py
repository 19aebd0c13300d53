"""Where a batch stands: who waits, is on the way, has arrived, and whether its plan still holds.

Source: domain, transfers and hospitals; 120 plan §5.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from dispatch.domain import offers
from dispatch.domain.city import City
from dispatch.domain.model import Batch, Offer, Reservation, Transfer
from dispatch.topics.placements import BatchProgressed, BatchStatus

TIMER: Final = "batch"
OVER: Final = frozenset({"completed", "cancelled"})
# How much longer than the solver's time a plan may take before somebody must look.
_PLANNING_SLACK: Final = 60.0  # seconds


def needs_plan(batch: Batch) -> bool:
    """Return whether something has changed that the plan in force has not taken into account."""
    return batch.status not in OVER and batch.revision > batch.planned_revision


def plan_anew(city: City, batch: Batch, because: str) -> None:
    """Ask for another plan; until it is there nothing more starts."""
    changed = replace(batch, revision=batch.revision + 1, because=because)
    if batch.status == "planned":
        changed = replace(changed, status="planning")
    city.put(changed)
    tell(city, changed, because)
    await_plan(city, changed)


def await_plan(city: City, batch: Batch) -> None:
    """Look again when the planner has had its time, and some more."""
    seconds = city.pack.transfers.batches.solve_seconds + _PLANNING_SLACK
    city.set_timer(TIMER, batch.batch_id, city.in_seconds(seconds))


def trip_ended(city: City, transfer: Transfer) -> None:
    """A trip is over: tell where the batch stands; who was not brought is planned anew."""
    batch = city.batches.get(transfer.batch_id or "")
    if batch is None or batch.ended_at is not None:
        return
    patients = [patient.patient_id for patient in transfer.patients]
    brought = transfer.status == "completed"
    batch = replace(
        batch,
        trips=tuple(
            replace(trip, status="ended") if trip.number == transfer.trip else trip
            for trip in batch.trips
        ),
        arrived=(*batch.arrived, *patients) if brought else batch.arrived,
        started=batch.started if brought else _without(batch.started, patients),
    )
    city.put(batch)
    because = f"trip {transfer.trip} {'has ended' if brought else 'was called off'}"
    if not brought and batch.status not in OVER:
        plan_anew(city, batch, because)
    end_if_done(city, batch.batch_id, because)


def end_if_done(city: City, batch_id: str, because: str) -> None:
    """End a batch when nobody of it waits or is on the way; else tell where it stands."""
    batch = city.batches[batch_id]
    on_the_way = len(batch.started) - len(batch.arrived)
    left = len(batch.patients) - len(batch.withdrawn) - len(batch.arrived)
    done = on_the_way == 0 and (left == 0 or batch.status == "cancelled")
    if done:
        status: BatchStatus = "cancelled" if batch.status == "cancelled" else "completed"
        batch = replace(batch, status=status, ended_at=city.now)
        city.put(batch)
        city.cancel_timer(TIMER, batch_id)
        for offer in offers_of(city, batch):
            if offer.status == "open":
                offers.withdraw(city, offer, because)
    tell(city, batch, because)


def tell(city: City, batch: Batch, because: str) -> None:
    """Tell the institution where its batch stands."""
    gone = {*batch.started, *batch.withdrawn}
    unplaced = {who for who, _ in batch.unplaced if who not in gone}
    city.emit(
        BatchProgressed(
            batch_id=batch.batch_id,
            at=city.now,
            status=batch.status,
            arrived=len(batch.arrived),
            on_the_way=len(batch.started) - len(batch.arrived),
            waiting=len(batch.patients) - len(gone) - len(unplaced),
            unplaced=len(unplaced),
            because=because,
        ),
        key=batch.batch_id,
    )


def standing(city: City, batch: Batch) -> list[Reservation]:
    """Return the beds held or kept for patients of a batch who have not started."""
    return [
        entity
        for entity in city.owned(batch.batch_id)
        if isinstance(entity, Reservation)
        and entity.ended_at is None
        and entity.patient_id not in batch.started
    ]


def offers_of(city: City, batch: Batch) -> list[Offer]:
    """Return the offers of a batch that stand: asked, or accepted and not used up."""
    return [
        entity
        for entity in city.owned(batch.batch_id)
        if isinstance(entity, Offer) and entity.status in ("open", "accepted") and entity.rooms
    ]


def _without(names: tuple[str, ...], gone: Iterable[str]) -> tuple[str, ...]:
    dropped = set(gone)
    return tuple(each for each in names if each not in dropped)
