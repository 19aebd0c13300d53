"""Clocks: every limit starts with an event, warns before it runs out, and is met or breached.

Source: domain, clocks and reports; limits, warnings and who is told come from the pack. What
counts is when something happened, not when it was heard of: a clock that was met in time by its
event's own time is met, as long as its breach has not been told.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.domain.model import CITY, Clock
from dispatch.topics.clocks import (
    ClockBreached,
    ClockEndedLate,
    ClockMet,
    ClockStarted,
    ClockStopped,
    ClockWarned,
)
from dispatch.topics.codes import ClockKind

TIMER = "clock"
# Limits are in whole seconds: what the last of them brings about, a timer's order say, is in time.
_GRAIN = timedelta(seconds=1)


def start(
    city: City,
    kind: ClockKind,
    *,
    owner: str,
    subject: str | None = None,
    district: str | None = None,
    started_at: datetime | None = None,
    limit_seconds: float | None = None,
) -> None:
    """Start a limit from `started_at` (aware UTC; now by default); one that runs goes on as it is.

    `owner` is the incident, transfer or batch it belongs to, or `city`; `subject` is what in it
    must be done in time, the owner itself by default. `limit_seconds` takes the place of the
    pack's.
    """
    subject = subject or owner
    clock_id = _clock_id(kind, owner, subject)
    if _running(city, clock_id) is not None:
        return
    limit = city.pack.clocks[kind]
    # Local times would add up as on the wall, an hour off when summer time begins or ends.
    began = (started_at or city.now).astimezone(UTC)
    seconds = limit.limit_seconds if limit_seconds is None else limit_seconds
    due_at = began + timedelta(seconds=seconds)
    warn_at = None
    if limit.warn_seconds is not None and limit.warn_seconds < seconds:
        warn_at = due_at - timedelta(seconds=limit.warn_seconds)
    clock = Clock(
        clock_id=clock_id,
        kind=kind,
        owner=owner,
        subject=subject,
        district=district,
        started_at=began,
        warn_at=warn_at,
        due_at=due_at,
    )
    city.put(clock)
    city.set_timer(TIMER, clock_id, warn_at or due_at)
    city.emit(
        ClockStarted(**_named(clock), warn_at=warn_at, at=began, limit_seconds=seconds),
        key=owner,
    )


def meet(
    city: City,
    kind: ClockKind,
    owner: str,
    subject: str | None = None,
    at: datetime | None = None,
) -> None:
    """End a limit: what it is for was done at `at` (aware UTC; now by default).

    Done a second or more after `due_at` it is breached first, unless that has been told, then
    ended late. A clock that does not run is left alone.
    """
    clock = _running(city, _clock_id(kind, owner, subject or owner))
    if clock is None:
        return
    done_at = at or city.now
    if done_at - clock.due_at >= _GRAIN and not clock.breached:
        clock = _breach(city, clock)
    # Devices differ: what ended a limit may claim to have come before what started it.
    took = max(0.0, (done_at - clock.started_at).total_seconds())
    ended: type[ClockMet | ClockEndedLate] = ClockEndedLate if clock.breached else ClockMet
    city.emit(
        ended(
            **_named(clock),
            at=done_at,
            took_seconds=took,
        ),
        key=clock.owner,
    )
    _end(city, clock)


def stop(city: City, kind: ClockKind, owner: str, subject: str | None, reason: str) -> None:
    """Stop a limit that nobody waits for any more; one that does not run is left alone."""
    clock = _running(city, _clock_id(kind, owner, subject or owner))
    if clock is not None:
        _stop(city, clock, reason)


def runs(city: City, kind: ClockKind, owner: str, subject: str) -> bool:
    """Return whether a limit runs, or has run out and is still waited for."""
    return _running(city, _clock_id(kind, owner, subject)) is not None


def run_out(city: City, clock_id: str) -> None:
    """A limit runs out soon, or has run out; what was overslept is not warned of any more."""
    clock = _running(city, clock_id)
    if clock is None or clock.breached:
        return
    warns = clock.warn_at is not None and not clock.warned
    # What is still to be done at the very end of the limit is in time: that comes first.
    if city.now > clock.due_at or (city.now == clock.due_at and not warns):
        _breach(city, clock)
        return
    city.set_timer(TIMER, clock_id, clock.due_at)
    if not warns:
        return
    city.put(replace(clock, warned=True))
    city.emit(
        ClockWarned(
            **_named(clock),
            at=city.now,
            warned=city.pack.clocks[clock.kind].escalate_to,
            left_seconds=(clock.due_at - city.now).total_seconds(),
        ),
        key=clock.owner,
    )


def _breach(city: City, clock: Clock) -> Clock:
    limit = city.pack.clocks[clock.kind]
    clock = replace(clock, breached=True)
    city.put(clock)
    city.cancel_timer(TIMER, clock.clock_id)
    city.emit(
        ClockBreached(
            **_named(clock),
            at=clock.due_at,
            escalated_to=limit.escalate_to,
        ),
        key=clock.owner,
    )
    seconds = (clock.due_at - clock.started_at).total_seconds()
    escalate(
        city,
        "clock_breached",
        None if clock.owner == CITY or clock.owner in city.batches else clock.owner,
        clock.subject,
        f"{clock.kind.replace('_', ' ')} of {clock.subject} has run out after {seconds:.0f} s: "
        f"for the {limit.escalate_to.replace('_', ' ')}",
    )
    return clock


def _stop(city: City, clock: Clock, reason: str) -> None:
    city.emit(
        ClockStopped(
            **_named(clock),
            at=city.now,
            reason=reason,
        ),
        key=clock.owner,
    )
    _end(city, clock)


def _end(city: City, clock: Clock) -> None:
    city.put(replace(clock, ended_at=city.now))
    city.cancel_timer(TIMER, clock.clock_id)


def _named(clock: Clock) -> dict[str, Any]:
    """Return what every event of a clock says."""
    return {
        "clock_id": clock.clock_id,
        "kind": clock.kind,
        "owner": clock.owner,
        "subject": clock.subject,
        "district": clock.district,
        "started_at": clock.started_at,
        "due_at": clock.due_at,
    }


def _running(city: City, clock_id: str) -> Clock | None:
    clock = city.clocks.get(clock_id)
    return None if clock is None or clock.ended_at is not None else clock


def _clock_id(kind: ClockKind, owner: str, subject: str) -> str:
    return f"{owner}/{kind}" if subject == owner else f"{owner}/{kind}/{subject}"
