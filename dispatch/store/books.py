"""The books: what is published and what is not yet, how far was read, and how the desk is doing."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from dispatch.health import DeskHealth
from dispatch.store.database_clock import DatabaseClock
from dispatch.store.one_writer import OneWriter
from dispatch.store.sql import STATEMENTS
from dispatch.store.writing import as_outgoing
from dispatch.topics.envelope import Outgoing

WAKE: Final = "dispatch_wake"


class Books(OneWriter):
    """What is asked and noted beside the transactions of the one writer; each method is short."""

    async def leftovers(self, older_than_seconds: float, limit: int) -> Sequence[Outgoing]:
        """Return up to `limit` unpublished events of at least that age, in log order."""
        async with self._database.lend() as connection:
            rows = await connection.fetch(STATEMENTS["leftovers"], older_than_seconds, limit)
        return [as_outgoing(dict(row), self._prefix, self._plan.parties) for row in rows]

    async def still_unpublished(self, positions: Sequence[int]) -> set[int]:
        """Return those of some positions whose events are not known to be published."""
        async with self._database.lend() as connection:
            rows = await connection.fetch(STATEMENTS["unpublished"], list(positions))
        return {row["position"] for row in rows}

    async def published(self, events: Sequence[Outgoing]) -> None:
        """Note that the brokers have acknowledged the events."""
        if events:
            async with self._database.lend() as connection:
                await connection.execute(
                    STATEMENTS["published"], [event.position for event in events]
                )

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Take or renew a lease, which expires by itself; false while another holds it."""
        async with self._database.lend() as connection:
            taken = await connection.fetchval(STATEMENTS["take_lease"], name, holder, seconds)
        return taken is not None

    async def writable(self) -> bool:
        """Return whether the database takes writes.

        Raises Unavailable when it can't be reached.
        """
        async with self._database.lend() as connection:
            writable = bool(await connection.fetchval("SHOW transaction_read_only") == "off")
        if not writable:
            await self._database.start_over()
        return writable

    async def noted(self, incarnation: str) -> Mapping[tuple[str, int], int]:
        """Return the next offset to read by (topic, partition), as it was noted."""
        async with self._database.lend() as connection:
            rows = await connection.fetch(STATEMENTS["noted_positions"], incarnation)
        return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}

    async def note(self, incarnation: str, positions: Mapping[tuple[str, int], int]) -> None:
        """Note next offsets to read where there was nothing to take; they are never lowered."""
        places = {(incarnation, *place): offset for place, offset in positions.items()}
        async with self._database.lend() as connection:
            await connection.execute(
                STATEMENTS["note_inputs"],
                *([], [], [], []),
                self._clock.now(),
                *in_columns(places),
            )

    async def clock_offset(self) -> float | None:
        """Set the clock by the database's; return by how many seconds this machine's is ahead.

        None where the time is not the database's.
        """
        clock = self._clock
        if not isinstance(clock, DatabaseClock):
            return None
        async with self._database.lend() as connection:

            async def ask() -> datetime:
                told: datetime = await connection.fetchval(STATEMENTS["time"])
                return told

            return await clock.measure(ask)

    async def health(self) -> DeskHealth:
        """Return how the desk is doing."""
        async with self._database.lend() as connection:
            (row,) = await connection.fetch(STATEMENTS["health"])
            read_only = await connection.fetchval("SHOW transaction_read_only")
        if read_only != "off":
            await self._database.start_over()
        since = row["waiting_since"]
        return DeskHealth(
            open_incidents=len(self._city.incidents),
            writable=read_only == "off",
            unpublished=row["unpublished"],
            unpublished_age=float(row["oldest_unpublished_seconds"]),
            queue_length=row["waiting"],
            queue_age=(self._clock.now() - since).total_seconds() if since else 0.0,
            parked=row["parked"],
            set_apart=row["set_apart"],
        )

    async def wakeups(self) -> AsyncIterator[None]:
        """Yield when somebody says that timers may be due; only a hint."""
        heard = asyncio.Event()
        async with self._database.lend() as connection:

            def hear(*_: object) -> None:
                heard.set()

            await connection.add_listener(WAKE, hear)
            connection.add_termination_listener(hear)
            try:
                while not connection.is_closed():
                    await heard.wait()
                    heard.clear()
                    yield
            finally:
                # Nobody else may get it while it listens; to be told so it may be too far away.
                connection.terminate()


def in_columns(positions: Mapping[tuple[str, str, int], int]) -> tuple[list[Any], ...]:
    """Return incarnations, topics, partitions and next offsets, each a column."""
    rows = [(*place, offset) for place, offset in positions.items()]
    return tuple([row[number] for row in rows] for number in range(4))
