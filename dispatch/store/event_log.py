"""The event log, read from its beginning to what it holds now; nothing is written."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import orjson

from dispatch.store.reading import open_snapshot
from dispatch.store.sql import STATEMENTS
from dispatch.topics.city import CityMode
from dispatch.topics.envelope import Logged, time_said

ROWS_AT_ONCE: Final = 2_000


class EventLog:
    """The log as it was when it was opened; use `open_log`."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        """Read with a connection that is in a transaction."""
        self._connection = connection

    async def first_mode(self) -> CityMode:
        """Return the mode that the city was in before the first event."""
        mode: CityMode = await self._connection.fetchval(STATEMENTS["first_mode"])
        return mode

    async def events(self, types: Collection[str]) -> AsyncIterator[Logged]:
        """Yield the events of some types, in the order of the log."""
        cursor = await self._connection.cursor(STATEMENTS["read_log"], sorted(types))
        while rows := await cursor.fetch(ROWS_AT_ONCE):
            for row in rows:
                yield _logged(row)

    async def at(self, positions: Collection[int]) -> list[Logged]:
        """Return the events at some positions, in the order of the log."""
        rows = await self._connection.fetch(STATEMENTS["events_at"], sorted(positions))
        return [_logged(row) for row in rows]


@asynccontextmanager
async def open_log(connect_options: Mapping[str, Any]) -> AsyncIterator[EventLog]:
    """Open the log for reading: one snapshot, whatever is written meanwhile.

    Raises:
        Unavailable: the database can't be reached.
        SchemaMismatch: it has another schema than this program.
    """
    async with open_snapshot(connect_options) as connection:
        yield EventLog(connection)


def _logged(row: asyncpg.Record) -> Logged:
    data = orjson.loads(row["data"])
    return Logged(
        position=row["position"],
        id=row["event_id"],
        topic=row["topic"],
        key=row["key"],
        type=row["type"],
        at=time_said(data) or row["at"],
        data=data,
    )
