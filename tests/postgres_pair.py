"""Two PostgreSQL servers for tests: a primary and its streaming standby, and how they change."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from dispatch.stack.addresses import free_port
from dispatch.stack.postgres import DATABASE, SUPERUSER, Postgres
from dispatch.stack.process import POLL, Process

LIMIT = 60.0  # seconds


class Server(Postgres):
    """A server that listens on loopback too, and may be a standby."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        directory.chmod(0o711)
        self.port = free_port("127.0.0.1", 0)
        settings = {"listen_addresses": "127.0.0.1", "port": str(self.port)}
        super().__init__(directory, durable=False, settings=settings)

    async def follow(self, primary: "Server") -> None:
        """Start as a standby of a primary, from a new copy of it."""
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        self._give(self._data)
        where = f"host=127.0.0.1 port={primary.port} user={SUPERUSER}"
        copying = Process(
            [
                *(self._program("pg_basebackup"), "-D", self._data, "-d", where),
                *("-R", "--checkpoint=fast", "--no-sync"),
            ],
            log=self._log,
            orphaned=signal.SIGKILL,
            account=self._account,
        )
        try:
            await copying.succeed(LIMIT)
        finally:
            copying.kill()
        await self.start()

    async def execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn_of("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def promote(self) -> None:
        await self.execute("SELECT pg_promote()")

    async def _answering(self, process: Process) -> None:
        try:
            await super()._answering(process)
        except asyncpg.ReadOnlySQLTransactionError:
            # A standby has what its primary has.
            return


@asynccontextmanager
async def open_pair(directory: Path) -> AsyncIterator[tuple[Server, Server, str]]:
    """Yield a primary, its standby, and the URL that names both."""
    first, second = Server(directory / "first"), Server(directory / "second")
    try:
        await first.start()
        await second.follow(first)
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in (first, second))
        yield first, second, f"postgresql://{SUPERUSER}@{hosts}/{DATABASE}"
    finally:
        await asyncio.gather(first.stop(), second.stop())
        first.close()
        second.close()


async def caught_up(primary: Server) -> None:
    """Wait until the standby has everything."""
    behind = (
        "SELECT count(*) = 0 OR bool_or(replay_lsn < pg_current_wal_lsn()) FROM pg_stat_replication"
    )
    connection = await asyncpg.connect(primary.dsn_of("postgres"))
    try:
        async with asyncio.timeout(LIMIT):
            while await connection.fetchval(behind):  # noqa: ASYNC110
                await asyncio.sleep(POLL)
    finally:
        await connection.close()
