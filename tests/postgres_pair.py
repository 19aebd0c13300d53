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
_PROMOTE = "SELECT pg_promote()"
_SPACES = "SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname NOT LIKE 'pg\\_%'"


class Server(Postgres):
    """A server that listens on loopback too, and may be a standby."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        directory.chmod(0o711)
        self.port = free_port("127.0.0.1", 0)
        settings = {"listen_addresses": "127.0.0.1", "port": str(self.port)}
        super().__init__(directory, durable=False, settings=settings)

    async def follow(self, primary: Postgres) -> None:
        """Start as a standby of a primary, from a new copy of it."""
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        self._give(self._data)
        copying = Process(
            [
                *(self._program("pg_basebackup"), "-D", self._data),
                *("-d", primary.dsn_of("postgres")),
                *("-R", "--checkpoint=fast", "--no-sync"),
                *[
                    f"--tablespace-mapping={there}={here}"
                    async for there, here in self._spaces(primary)
                ],
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

    async def _spaces(self, primary: Postgres) -> AsyncIterator[tuple[str, Path]]:
        """Yield where a primary has tablespaces, and a folder of our own for each."""
        for number, there in enumerate(await fetch(primary, _SPACES)):
            here = self._directory / f"space-{number}"
            shutil.rmtree(here, ignore_errors=True)
            here.mkdir(mode=0o700)
            self._give(here)
            yield there[0], here

    async def execute(self, statement: str) -> None:
        await fetch(self, statement)

    async def promote(self) -> None:
        await fetch(self, _PROMOTE)


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


async def fetch(server: Postgres, statement: str) -> list[asyncpg.Record]:
    """Ask a server something."""
    connection = await asyncpg.connect(server.dsn_of("postgres"))
    try:
        rows: list[asyncpg.Record] = await connection.fetch(statement)
    finally:
        await connection.close()
    return rows


async def change_over(primary: Postgres, standby: Postgres) -> None:
    """Stop the primary in order, which sends all that it has, and promote its standby."""
    await primary.stop()
    await fetch(standby, _PROMOTE)


async def follow_again(server: Server | Postgres, primary: Postgres) -> None:
    """Start a server that was stopped in order as the standby of the one that was promoted."""
    data = server._data
    with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
        settings.write(f"primary_conninfo = '{primary.dsn_of('postgres')}'\n")
    (data / "standby.signal").touch()
    server._give(data / "standby.signal")
    await server.start()


async def caught_up(primary: Postgres) -> None:
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
