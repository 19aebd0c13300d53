"""Whether a crew is silent, or the radio or the network is out: then its order stands.

An order that nobody answers goes to the next unit, and its own is out of service until it reports
back. When several crews are silent and none is heard, that would take one unit after the other out
of service without helping any patient.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.domain.fleet import change_unit
from dispatch.domain.model import CITY, Assignment

TIMER: Final = "order_unanswered"
# Those that are due together are looked at within a moment, unless their answers are unread.
_GRACE: Final = 5.0  # seconds
NOT_ACKNOWLEDGED: Final = "order not acknowledged in time"


def note_heard(city: City, unit_id: str) -> None:
    """Note that a crew has been heard, now."""
    unit = city.units.get(unit_id)
    if unit is not None:
        city.put(replace(unit, heard_at=city.now))


def stands(city: City, assignment: Assignment) -> bool:
    """Return whether an order that was not answered in time stands, and look at it again in time.

    It does while the radio or the network is out, which is escalated once, and then once as long
    as a crew has for its answer. Where as many others are due with it, they are looked at first.
    """
    heard_at, since = _last_heard(city), assignment.stands_since
    policy = city.pack.radio_out
    first = assignment.unanswered_at is None
    if first:
        assignment = replace(assignment, unanswered_at=city.now)
        city.put(assignment)
    silent = _silent(city, heard_at)
    out = len(silent) >= policy.orders
    if not out and since is None:
        waits = first and len(silent) + _due_too(city, heard_at) >= policy.orders
        if waits:
            city.set_timer(TIMER, assignment.assignment_id, city.in_seconds(_GRACE))
        return waits
    if out and not any(_stands(run, heard_at) for run in city.assignments.values()):
        _escalate(city, silent)
    if not _stands(assignment, heard_at):
        city.put(replace(assignment, stands_since=city.now if out else None))
    limit = city.pack.allocation.order_acknowledgement_seconds
    city.set_timer(TIMER, assignment.assignment_id, city.in_seconds(limit))
    return True


def back_in_service(city: City) -> Iterator[str]:
    """Put units back in service that were silent while the orders of others stand; yield each."""
    heard_at = _last_heard(city)
    if not any(_stands(run, heard_at) for run in city.assignments.values()):
        return
    for run in _silent(city, heard_at):
        unit = city.units[run.unit_id]
        if unit.status == "out_of_service" and unit.reason == NOT_ACKNOWLEDGED:
            change_unit(city, unit, status="returning", reason=None)
            yield unit.unit_id


def _last_heard(city: City) -> datetime | None:
    times = (unit.heard_at for unit in city.units.values())
    return max((heard_at for heard_at in times if heard_at is not None), default=None)


def _silent(city: City, heard_at: datetime | None) -> list[Assignment]:
    """Return the orders that were found unanswered of late, issued since a crew was heard."""
    since = city.now - timedelta(seconds=city.pack.radio_out.within_seconds)
    return [
        run
        for run in _open_since(city, heard_at)
        if run.unanswered_at is not None
        and (run.ended_at is None or run.outcome == "unanswered")
        and (run.unanswered_at >= since or (run.ended_at is None and run.stands_since is not None))
    ]


def _due_too(city: City, heard_at: datetime | None) -> int:
    """Return how many orders should have been answered by now and have not been looked at.

    Their answers may be still unread (decision 12): they count when it is known that they are not.
    """
    limit = timedelta(seconds=city.pack.allocation.order_acknowledgement_seconds)
    return sum(
        run.ended_at is None and run.unanswered_at is None and run.ordered_at + limit <= city.now
        for run in _open_since(city, heard_at)
    )


def _open_since(city: City, heard_at: datetime | None) -> Iterator[Assignment]:
    """Yield the orders that nobody has answered, issued since a crew was heard."""
    for run in city.assignments.values():
        if run.acknowledged_at is None and (heard_at is None or run.ordered_at >= heard_at):
            yield run


def _stands(run: Assignment, heard_at: datetime | None) -> bool:
    """Return whether an order was left to stand, and no crew has been heard since."""
    since = run.stands_since
    return run.ended_at is None and since is not None and (heard_at is None or heard_at < since)


def _escalate(city: City, unanswered: list[Assignment]) -> None:
    first = min(run.ordered_at for run in unanswered)
    units = ", ".join(sorted(run.unit_id for run in unanswered))
    escalate(
        city,
        "radio_out",
        None,
        CITY,
        f"{len(unanswered)} orders since {first:%H:%M:%S} UTC are not answered, and no crew was "
        f"heard: radio or network out; the orders stand ({units})",
    )
