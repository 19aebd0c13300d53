"""What belongs in memory: what an input is about is read in, what is over is let go of."""

from typing import Any

from dispatch.domain import met_late
from dispatch.domain.city import City
from dispatch.domain.model import CITY, Batch, Incident, Job
from dispatch.domain.subjects import owner_in, references
from dispatch.topics.calls import Call, CallUnlinked
from dispatch.topics.fields import Content
from dispatch.topics.transfers import TransferBatchRequested, TransferRequested
from dispatch.topics.units import UnitReported


def owners_named(city: City, event: Content) -> set[str]:
    """Return the incidents, transfers and batches that an input refers to by an id of theirs.

    A report of a unit names none, and may be of a run that has ended.
    """
    named = [getattr(event, name) for name in references(type(event))]
    if isinstance(event, UnitReported) and (unit := city.units.get(event.unit_id)) is not None:
        named.append(met_late.may_be_of(city, unit, event))
    if isinstance(event, CallUnlinked):
        # It may have been an incident of its own, and is one again.
        named.append(event.call_id)
    return {owner_in(identifier) for identifier in named if identifier is not None}


def call_named(event: Content) -> str | None:
    """Return the call that an input brings in or refers to."""
    anything: Any = event
    return anything.call_id if "call_id" in type(event).model_fields else None


def opens(event: Content | None) -> str | None:
    """Return the id of the call, transfer or batch that an input brings in, if it does."""
    match event:
        case Call():
            return event.call_id
        case TransferRequested():
            return event.transfer_id
        case TransferBatchRequested():
            return event.batch_id
        case _:
            return None


def knows(city: City, owner: str) -> bool:
    """Return whether all that belongs to an owner is in memory."""
    return owner in city.incidents or owner in city.batches or owner == CITY


def may_be_over(city: City) -> set[str]:
    """Return the owners that what has just changed may have brought to their end."""
    over = set()
    for (kind, key), entity in city.changes.entities.items():
        if (kind is Incident and city.incidents[key].status == "closed") or kind is Batch:
            over.add(key)
        elif isinstance(entity, Job):
            over.add(entity.incident_id)
    return over


def is_over(city: City, owner: str) -> bool:
    """Return whether nothing of an owner is to stay in memory."""
    if owner == CITY:
        return False
    batch = city.batches.get(owner)
    if batch is not None:
        return batch.ended_at is not None
    incident = city.incidents.get(owner)
    if incident is None:
        # No more than a clock of it was read.
        return True
    if incident.status != "closed":
        return False
    return not any(
        (job := city.jobs.get(f"{assignment_id}/D")) is not None and job.ended_at is None
        for assignment_id in incident.assignments
    )
