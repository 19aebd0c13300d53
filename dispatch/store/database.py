"""The city's database: connections on loan, faults told apart, and transactions that stay awake."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg

from dispatch.errors import SchemaMismatch, Unavailable
from dispatch.store.schema import check_version
from dispatch.store.sql import STATEMENTS
from dispatch.store.unreachable import unreachable
from dispatch.topics.city import CityMode

IDLE_IN_TRANSACTION: Final = 2_000  # ms; frees what a stopped process holds
BREATH: Final = 0.5  # s of work between two words to the database, at most
LOCK_WAIT: Final = 10_000  # ms
STATEMENT: Final = 30_000  # ms
ANSWER: Final = 35.0  # seconds; a network that swallows everything ends no statement
POOL_SIZE: Final = 4

# SQLSTATE classes and codes that mean: the infrastructure, not the input; try again.
_RETRY_CLASSES: Final = ("08", "53", "57", "58", "40", "25")
_RETRY_CODES: Final = ("55P03",)


class Database:
    """The connections of one process to the city's database."""

    def __init__(self, connect_options: Mapping[str, Any]) -> None:
        self._connect_options = dict(connect_options)
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Connect, and check the schema.

        Raises:
            Unavailable: the database can't be reached.
            SchemaMismatch: it has another schema than this program.
        """
        try:
            self._pool = await asyncpg.create_pool(
                **self._connect_options,
                min_size=1,
                max_size=POOL_SIZE,
                command_timeout=ANSWER,
                reset=_as_it_is,
                server_settings={
                    "application_name": "dispatch",
                    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION),
                    "lock_timeout": str(LOCK_WAIT),
                    "statement_timeout": str(STATEMENT),
                },
            )
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            raise unreachable(error) from error
        try:
            async with self.lend() as connection:
                await check_version(connection)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of every connection, at once."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            pool.terminate()

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Any]:
        """Lend a connection; faults of the infrastructure come out as Unavailable.

        So does all that keeps one from connecting: a password that is being changed, say.
        """
        if self._pool is None:
            raise Unavailable("the desk is closed")
        lent = False
        try:
            async with self._pool.acquire(timeout=LOCK_WAIT / 1000) as connection:
                lent = True
                yield connection
        except (SchemaMismatch, Unavailable, ValueError):
            # What asyncpg can't encode is an InterfaceError too, and no fault of the database.
            raise
        except asyncpg.PostgresError as error:
            if not lent or _is_infrastructure(error):
                raise Unavailable(f"the database: {error}") from error
            raise
        except (
            OSError,
            TimeoutError,
            asyncpg.InterfaceError,
            # A connection that is lost at an awkward moment.
            asyncpg.InternalClientError,
        ) as error:
            raise unreachable(error) from error


@dataclass(slots=True)
class Transaction:
    """The connection of a transaction that holds the centre, and the version it writes."""

    connection: asyncpg.Connection
    version: int
    mode: CityMode
    """As it was before this transaction."""
    spoke: float = field(default_factory=time.monotonic)

    async def breathe(self) -> None:
        """Speak to the database now and then, so that much work is not taken for a stopped process.

        It is the pause between two statements that ends a transaction, not its length.
        """
        if time.monotonic() - self.spoke > BREATH:
            await self.connection.execute("SELECT")
            self.spoke = time.monotonic()

    async def fetch(self, name: str, *arguments: Any) -> list[asyncpg.Record]:
        """Return the rows of a named statement."""
        rows: list[asyncpg.Record] = await self.connection.fetch(STATEMENTS[name], *arguments)
        return rows

    async def execute(self, name: str, *arguments: Any) -> None:
        """Execute a named statement."""
        await self.connection.execute(STATEMENTS[name], *arguments)


async def _as_it_is(_connection: asyncpg.Connection) -> None:
    """Give a connection back: nothing is set on one for longer than a transaction.

    The pool has rolled back what was open; its usual words to the database cost a batch two trips.
    """


def _is_infrastructure(error: asyncpg.PostgresError) -> bool:
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        # The schema was changed meanwhile; asyncpg plans anew the next time.
        return True
    code = error.sqlstate or ""
    return code[:2] in _RETRY_CLASSES or code in _RETRY_CODES
