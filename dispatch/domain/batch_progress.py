"""Where a batch stands: who waits, is on the way, has arrived, and whether its plan still holds.

Source: domain, transfers and hospitals; 120 plan §5.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from dispatch.domain import batch_beds
from dispatch.domain.city import City
from dispatch.domain.model import Batch, Incident, Transfer
from dispatch.topics.placements import BatchProgressed, BatchStatus

TIMER: Final = "batch"
SEARCH: Final = "batch_search"
DUE: Final = "batch_due"
TIMERS: Final = (TIMER, SEARCH, DUE)
OVER: Final = frozenset({"completed", "cancelled"})
# How much longer than the solver's time a plan may take before somebody must look.
_PLANNING_SLACK: Final = 60.0  # seconds
_TRIP: Final = re.compile(r"(.+)\.T[0-9]+")


def needs_plan(batch: Batch) -> bool:
    """Return whether something has changed that the plan in force has not taken into account."""
    return batch.status not in OVER and batch.revision > batch.planned_revision


def trip_id(batch_id: str, number: int) -> str:
    """Return the id of the transfer and incident that carry out a trip."""
    return f"{batch_id}.T{number}"


def batch_of(identifier: str) -> str | None:
    """Return the batch of which an id may be that of a trip."""
    found = _TRIP.fullmatch(identifier)
    return None if found is None else found[1]


def unplaced(batch: Batch) -> dict[str, str]:
    """Return why the plan has no trip, by patient, for those who still wait for one."""
    gone = {*batch.started, *batch.withdrawn}
    return {patient_id: why for patient_id, why in batch.unplaced if patient_id not in gone}


def plan_anew(city: City, batch: Batch, because: str) -> None:
    """Ask for another plan; until it is there nothing more starts.

    However often that is asked, somebody looks when no plan has come for long.
    """
    waits = needs_plan(batch)
    changed = replace(batch, revision=batch.revision + 1, because=because)
    if batch.status == "planned":
        changed = replace(changed, status="planning")
    city.put(changed)
    tell(city, changed, because)
    city.cancel_timer(SEARCH, batch.batch_id)
    if not waits:
        await_plan(city, changed)


def await_plan(city: City, batch: Batch) -> None:
    """Look again when the planner has had its time, and some more."""
    seconds = city.pack.transfers.batches.solve_seconds + _PLANNING_SLACK
    city.set_timer(TIMER, batch.batch_id, city.in_seconds(seconds))


def trip_ended(city: City, transfer: Transfer) -> None:
    """A trip is over: tell where the batch stands.

    Whose trip was called off is planned anew. Whom the crew could not bring (left, declined, died)
    stays, until the institution says otherwise.
    """
    batch = city.batches.get(transfer.batch_id or "")
    if batch is None or batch.ended_at is not None:
        return
    patients = [patient.patient_id for patient in transfer.patients]
    incident = city.incidents[transfer.transfer_id]
    brought = transfer.status == "completed"
    stay = not brought and (incident.outcome != "cancelled" or batch.status in OVER)
    batch = replace(
        batch,
        trips=tuple(
            replace(trip, status="ended") if trip.number == transfer.trip else trip
            for trip in batch.trips
        ),
        arrived=(*batch.arrived, *patients) if brought else batch.arrived,
        started=batch.started if brought else _without(batch.started, patients),
        withdrawn=(*batch.withdrawn, *patients) if stay else batch.withdrawn,
    )
    city.put(batch)
    because = f"trip {transfer.trip} {_ending(city, incident)}"
    if not brought and not stay:
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
        for kind in TIMERS:
            city.cancel_timer(kind, batch_id)
        batch_beds.let_go(city, batch, because)
    tell(city, batch, because)


def tell(city: City, batch: Batch, because: str) -> None:
    """Tell the institution where its batch stands."""
    gone = {*batch.started, *batch.withdrawn}
    left_over = len(unplaced(batch))
    city.emit(
        BatchProgressed(
            batch_id=batch.batch_id,
            at=city.now,
            status=batch.status,
            arrived=len(batch.arrived),
            on_the_way=len(batch.started) - len(batch.arrived),
            waiting=len(batch.patients) - len(gone) - left_over,
            unplaced=left_over,
            because=because,
            institution_id=batch.institution_id,
        ),
        key=batch.batch_id,
    )


def _ending(city: City, incident: Incident) -> str:
    if incident.outcome == "completed":
        return "has ended"
    if incident.outcome == "cancelled":
        return "was called off"
    return f"has brought nobody: {city.assignments[incident.assignments[-1]].reason}"


def _without(names: tuple[str, ...], gone: Iterable[str]) -> tuple[str, ...]:
    dropped = set(gone)
    return tuple(each for each in names if each not in dropped)
