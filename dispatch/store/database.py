"""The city's database: connections on loan, faults told apart, and transactions that stay awake."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import asyncpg
import structlog

from dispatch.errors import ReadOnly, SchemaMismatch, Unavailable
from dispatch.store.connecting import PLAIN, READ_WRITE, Hosts, refuse_shared_sessions
from dispatch.store.schema import check_server, check_version
from dispatch.store.sql import STATEMENTS
from dispatch.store.unreachable import unreachable
from dispatch.topics.city import CityMode

log = structlog.get_logger(__name__)

IDLE_IN_TRANSACTION: Final = 2_000  # ms; frees what a stopped process holds
BREATH: Final = 0.5  # s of work between two words to the database, at most
LOCK_WAIT: Final = 10_000  # ms
STATEMENT: Final = 30_000  # ms
CONNECT: Final = 15.0  # seconds; to get a connection, where need be from the last of five hosts
ANSWER: Final = 35.0  # seconds; a network that swallows everything ends no statement
POOL_SIZE: Final = 4

# SQLSTATE classes and codes that mean: the infrastructure, not the input; try again.
_RETRY_CLASSES: Final = ("08", "53", "57", "58", "40", "25")
_RETRY_CODES: Final = ("55P03",)
# Those after which no connection to that server is of use: it takes no writes (any more), as after
# a switchover, which may close none of them; or it goes down.
_READ_ONLY: Final = "25006"
_RETIRE_CODES: Final = (_READ_ONLY, "57P01", "57P02", "57P03", "57P05")

# What holds for a session; set by a statement, as poolers refuse it in the first packet.
_LIMITS: Final = {
    "application_name": "dispatch",
    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION),
    "lock_timeout": str(LOCK_WAIT),
    "statement_timeout": str(STATEMENT),
    # ms; the server, too, lets go of whoever acknowledges nothing.
    "tcp_user_timeout": "15000",
}


class Database:
    """The connections of one process to the city's database."""

    def __init__(self, connect_options: Mapping[str, Any]) -> None:
        self._connect_options = dict(connect_options)
        self._hosts = Hosts(connect_options, session=READ_WRITE)
        self._pool: asyncpg.Pool | None = None
        self.timeline: str | None = None
        """The history of the server that was connected to last: another after each promotion."""

    @property
    def where(self) -> str:
        """The hosts, for people."""
        return self._hosts.names

    async def open(self) -> None:
        """Connect, and check the schema.

        Raises:
            Unavailable: the database can't be reached, or takes no writes.
            ConfigurationError: a pooler is in the way, or the server is too old.
            SchemaMismatch: it has another schema than this program.
        """
        try:
            await refuse_shared_sessions(self._hosts)
            # Before the first session gets its limits: an older server does not know all of them.
            asked = await self._hosts.connect(**PLAIN)
            try:
                await check_server(asked)
            finally:
                asked.terminate()
        except asyncpg.TargetServerAttributeNotMatched as error:
            raise ReadOnly from error
        except (OSError, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
            raise unreachable(error) from error
        self._pool = await self._new_pool()
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

    async def _new_pool(self) -> asyncpg.Pool:
        """Return a pool, which connects when it is asked for a connection."""
        return await asyncpg.create_pool(
            connect=self._hosts.connect,
            min_size=0,
            max_size=POOL_SIZE,
            command_timeout=ANSWER,
            init=self._set_limits,
            reset=_as_it_is,
        )

    async def _set_limits(self, connection: asyncpg.Connection) -> None:
        timeline = await connection.fetchval(
            STATEMENTS["set_limits"], list(_LIMITS), list(_LIMITS.values())
        )
        self.timeline = timeline or self.timeline

    async def start_over(self) -> None:
        """Let go of the server that is connected to: it takes no writes."""
        if self._pool is not None:
            await self._retire(self._pool)

    async def _retire(self, pool: asyncpg.Pool) -> None:
        """Let go of all connections of a pool: the next finds the server that is right by then.

        Those lent at the moment end too, as does one that only listens and would never notice.
        """
        if pool is self._pool is not None:
            log.warning("connections to the database are made anew")
            self._pool = await self._new_pool()
            pool.terminate()

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Any]:
        """Lend a connection; faults of the infrastructure come out as Unavailable.

        So does all that keeps one from connecting: a password that is being changed, say.
        """
        if (pool := self._pool) is None:
            raise Unavailable("the desk is closed")
        lent = False
        try:
            async with pool.acquire(timeout=CONNECT) as connection:
                lent = True
                try:
                    yield connection
                except (OSError, asyncpg.PostgresError) as error:
                    if _is_of_no_use_any_more(error):
                        await self._retire(pool)
                    raise
        except (SchemaMismatch, Unavailable, ValueError):
            # What asyncpg can't encode is an InterfaceError too, and no fault of the database.
            raise
        except (
            asyncpg.ReadOnlySQLTransactionError,
            asyncpg.TargetServerAttributeNotMatched,
        ) as error:
            raise ReadOnly(f"the database takes no writes: {error}") from error
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
    now: datetime
    """The time, in UTC, at which everything in it is decided."""
    parked_version: int
    """The version that last changed what is parked."""
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


def _is_of_no_use_any_more(error: Exception) -> bool:
    """Tell whether other connections to the server that said this, or nothing, are of no use."""
    if isinstance(error, asyncpg.PostgresError):
        return error.sqlstate in _RETIRE_CODES or (error.sqlstate or "").startswith("08")
    return True


def _is_infrastructure(error: asyncpg.PostgresError) -> bool:
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        # The schema was changed meanwhile; asyncpg plans anew the next time.
        return True
    code = error.sqlstate or ""
    return code[:2] in _RETRY_CLASSES or code in _RETRY_CODES
