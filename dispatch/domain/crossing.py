"""A status report that does not follow from its unit's status: what has become of it.

Reports come through Kafka beside orders and the words of others, so they may come late, or cross
with what has changed the unit meanwhile.
"""

from datetime import timedelta
from typing import Final, NoReturn

from dispatch.domain.city import City, Crossed, Duplicate, Early
from dispatch.domain.model import Unit
from dispatch.domain.roster import OFF
from dispatch.topics.units import UnitReported

# What a crew reports of a run, and afterwards until it is free again, each in its order.
RUN: Final = ("rolling", "on_scene", "transporting", "at_hospital")
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
    if _is_behind(unit, event):
        raise Duplicate
    tolerance = timedelta(seconds=city.pack.events.future_tolerance_seconds)
    changed_at = None
    if status in RUN and unit.assignment_id is None:
        changed_at = unit.withdrawn_at
    elif status in _AFTERWARDS and unit.status == "ordered":
        changed_at = unit.status_at
    if changed_at is not None and event.at <= changed_at + tolerance:
        raise Crossed(field, reason)
    raise Early(field, reason)


def _is_behind(unit: Unit, event: UnitReported) -> bool:
    """Return whether a report is older than its unit's status, and of what comes before that."""
    said, now = event.status or "", unit.status
    if unit.status_at is None or event.at > unit.status_at:
        return False
    for order in (RUN, _AFTERWARDS):
        if said in order and now in order:
            return order.index(said) < order.index(now)
    # What comes afterwards, of a unit with a new order, is of the run before.
    return said in _AFTERWARDS and (now in OFF or now == "ordered")
