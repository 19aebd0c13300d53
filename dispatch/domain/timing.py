"""When something happened: by the word of who was there, as far as that can be so.

What was in time counts, however late it is heard of. So it is the body's own time that counts,
never when it was sent or read; and as devices' clocks differ, nothing has happened after now or
before its cause, and times of different senders agree within the pack's tolerance.
"""

from datetime import datetime, timedelta
from functools import cache
from typing import Final, TypeVar

from dispatch.policy.pack import Pack
from dispatch.topics.fields import Content

C = TypeVar("C", bound=Content)

_HAPPENED: Final = (
    "received_at",
    "answered_at",
    "at",
    "ring_at",
    "talk_started_at",
    "acceptance_started_at",
    "acceptance_ended_at",
)
# What else is told by the clock that tells `at`.
_TOLD_WITH_IT: Final = ("started_at", "ended_at")


def happened_at(said: datetime, *, cause: datetime, now: datetime) -> datetime:
    """Return when something happened that somebody says a time of; all aware UTC.

    That is not before its `cause`, an order say, which is not after `now`.
    """
    return max(cause, min(said, now))


def not_after(at: datetime, limit: datetime, pack: Pack) -> bool:
    """Return whether something was done by a limit, as far as one clock says of another."""
    return at <= limit + tolerance(pack)


def not_before(at: datetime, cause: datetime, pack: Pack) -> bool:
    """Return whether something was begun after its cause, as far as one clock says of another."""
    return at >= cause - tolerance(pack)


def tolerance(pack: Pack) -> timedelta:
    """Return by how much the clocks of different senders may differ."""
    return timedelta(seconds=pack.events.future_tolerance_seconds)


@cache
def times(kind: type[Content]) -> tuple[str, ...]:
    """Return the fields in which an input says when it happened."""
    return tuple(name for name in _HAPPENED if name in kind.model_fields)


def set_back(event: C, now: datetime) -> C:
    """Return an input of a clock that is ahead as of now (aware UTC) at the latest.

    Whatever else it tells by that clock is set back by as much: how long a disinfection took stays.
    """
    said = {name: getattr(event, name) for name in times(type(event))}
    late = {name: at - now for name, at in said.items() if at is not None and at > now}
    if not late:
        return event
    by = max(late.values())
    told = [name for name in _TOLD_WITH_IT if name in type(event).model_fields]
    changed = dict.fromkeys(late, now) | {name: getattr(event, name) - by for name in told}
    return event.model_copy(update=changed)
