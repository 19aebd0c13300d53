"""The city's time, which is the database's: workers may have clocks that are wrong.

A transaction is told the time by the statement that begins it. Between transactions it is counted
on from what was measured last, by a clock that nobody sets.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from dispatch.clock import wall_now

log = structlog.get_logger(__name__)

# By so much (seconds) this machine's clock, or the database's, may be wrong before it is told.
BOUND: Final = 2.0
# Of so many questions the one that is answered soonest counts.
QUESTIONS: Final = 5
# How fast time goes on while a clock that is behind catches up.
SLOWLY: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Reading:
    """A time, aware UTC, and the monotonic clock's at that moment, in seconds."""

    time: datetime
    at: float

    def after(self, at: float, pace: float = 1.0) -> datetime:
        """Return what the time is by now, if it goes at a pace."""
        return self.time + timedelta(seconds=max(0.0, at - self.at) * pace)


class DatabaseClock:
    """A clock that is set by the database's, and is never behind what it told a transaction.

    `wall` and `monotonic` are this machine's clocks.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], datetime] = wall_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._measured: _Reading | None = None
        self._told: _Reading | None = None
        self._is_wrong = False
        self._is_behind = False

    def now(self) -> datetime:
        """Return the present time, in UTC; this machine's as long as nothing has been measured."""
        at = self._monotonic()
        if self._measured is None:
            return self._wall()
        now = self._measured.after(at)
        return now if self._told is None else max(now, self._told.after(at, SLOWLY))

    def hear(self, now: datetime, clock: datetime) -> datetime:
        """Take over the time that a transaction was told, and the server's own clock then.

        Returns the time. Both are aware UTC.
        """
        at = self._monotonic()
        measured = self._measured
        if measured is None or abs((measured.after(at) - clock).total_seconds()) > BOUND:
            # It is another server's, or has been set: what was measured is of no use.
            self._measured = _Reading(clock, at)
        self._told = _Reading(now, at)
        behind = (now - clock).total_seconds()
        if behind > BOUND and not self._is_behind:
            log.error(
                "the database's clock is behind the city's time, which goes on slowly",
                seconds=round(behind, 3),
            )
        elif behind <= BOUND and self._is_behind:
            log.info("the database's clock has caught up with the city's time")
        self._is_behind = behind > BOUND
        return now

    async def measure(self, ask: Callable[[], Awaitable[datetime]]) -> float:
        """Set the clock by the database's, which `ask` returns (aware UTC).

        Returns by how many seconds this machine's clock is ahead of it, negative if behind.
        """
        shortest = None
        for _ in range(QUESTIONS):
            before = self._monotonic()
            told = await ask()
            after, wall = self._monotonic(), self._wall()
            if shortest is None or after - before < shortest[0]:
                shortest = after - before, (before + after) / 2, told, wall
        assert shortest is not None, "it is asked at least once"
        seconds, at, told, wall = shortest
        self._measured = _Reading(told, at)
        half = seconds / 2
        offset = (wall - told).total_seconds() - half
        wrong = abs(offset) - half > BOUND
        if wrong and not self._is_wrong:
            log.error(
                "this machine's clock is wrong: the database's counts",
                ahead_seconds=round(offset, 3),
            )
        elif self._is_wrong and not wrong:
            log.info("this machine's clock is right again", ahead_seconds=round(offset, 3))
        self._is_wrong = wrong
        return offset
