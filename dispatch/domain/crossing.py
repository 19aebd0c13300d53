"""Status reports that come late, or cross with what has changed their unit meanwhile.

They come through Kafka beside orders and the words of others, and name no run: when they were said
tells which they are of.
"""

from datetime import datetime
from typing import Final, NoReturn

from dispatch.domain import timing
from dispatch.domain.city import City, Crossed, Duplicate, Early
from dispatch.domain.model import Assignment, Unit
from dispatch.domain.roster import OFF
from dispatch.topics.units import UnitReported, UnitStatus

# What a crew reports of a run, and afterwards until it is free again, each in its order.
RUN: Final[tuple[UnitStatus, ...]] = ("rolling", "on_scene", "transporting", "at_hospital")
_AFTERWARDS: Final = ("handed_over", "disinfecting", "returning", "available")


def refuse(city: City, unit: Unit, event: UnitReported, field: str, reason: str) -> NoReturn:
    """Refuse a report that does not follow from its unit's status.

    Raises:
        Duplicate: it is an older one, of what the unit has behind it.
        Crossed: its order was withdrawn, or given, before the crew can have known it.
        Early: neither.
    """
    status = event.status
    assert status is not None, "only a status follows from another"
    withdrawn = status in RUN and unit.assignment_id is None
    if withdrawn and _may_cross(city, event, unit.withdrawn_at):
        raise Crossed(field, reason)
    if _is_behind(unit, event):
        raise Duplicate
    ordered = status in _AFTERWARDS and unit.status == "ordered"
    if ordered and _may_cross(city, event, unit.status_at):
        raise Crossed(field, reason)
    raise Early(field, reason)


def is_before_order(city: City, unit: Unit, run: Assignment, said_at: datetime) -> bool:
    """Return whether a crew has said something of a run before it can have known its order.

    What was read before the order was given is none of its. An order that nobody has acknowledged
    isn't by what was said (`said_at`, aware UTC) before the end of a run whose crew was to be heard
    yet, nor by what is older than the unit's word of itself by more than clocks may differ.
    """
    first = _first(city, run)
    if city.waits_since is not None:
        given_now = (Assignment, first.assignment_id) in city.changes.created
        if given_now or city.waits_since < first.ordered_at:
            return True
    if run.acknowledged_at is not None:
        return False
    if unit.unheard_at is not None and said_at < unit.unheard_at <= first.ordered_at:
        return True
    return unit.said_at is not None and not timing.not_before(said_at, unit.said_at, city.pack)


def is_overtaken(city: City, unit: Unit, event: UnitReported) -> bool:
    """Return whether a unit has said since that it is free, or not, by its own word.

    What takes it out of service on a run is only by more than clocks may differ: two devices may
    speak for a unit, and nobody is to wait for one that has broken down.
    """
    if event.status is None or event.status in RUN or unit.said_at is None:
        return False
    if event.status in OFF and unit.assignment_id is not None:
        return not timing.not_before(event.at, unit.said_at, city.pack)
    return event.at < unit.said_at


def _may_cross(city: City, event: UnitReported, changed_at: datetime | None) -> bool:
    return changed_at is not None and timing.not_after(event.at, changed_at, city.pack)


def _first(city: City, run: Assignment) -> Assignment:
    """Return the run as it was ordered first, whose crew was heard late and has it again."""
    for key in reversed(city.incidents[run.incident_id].assignments):
        before = city.assignments[key]
        if before.continued_as == run.assignment_id:
            run = before
    return run


def _is_behind(unit: Unit, event: UnitReported) -> bool:
    """Return whether a report is older than its unit's status, and of what comes before that."""
    said, now = event.status or "", unit.status
    if unit.status_at is None or event.at > unit.status_at:
        return False
    for order in (RUN, _AFTERWARDS):
        if said in order and now in order:
            return order.index(said) < order.index(now)
    if said in _AFTERWARDS and (now in OFF or now == "ordered"):
        # What comes afterwards, of a unit with a new order, is of the run before.
        return True
    if event.at == unit.status_at:
        return False
    # What may come next at the hospital waits for the signatures, whatever the device's clock.
    return (said in RUN and now in _AFTERWARDS) or (
        said in _AFTERWARDS and now in RUN and now != "at_hospital"
    )
