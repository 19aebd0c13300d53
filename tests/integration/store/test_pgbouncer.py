"""Behind PgBouncer: sessions that are a client's own will do, shared ones are refused."""

import asyncio
import os
import pwd
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
import pytest_asyncio

from dispatch.errors import ConfigurationError
from dispatch.policy.pack import load_pack
from dispatch.stack.addresses import free_port
from dispatch.stack.postgres import ROOT_STAND_IN
from dispatch.stack.process import POLL, Process
from dispatch.store.books import WAKE
from dispatch.store.database import LOCK_WAIT
from dispatch.store.desk import Desk
from tests.integration.store.conftest import PREFIX, HandClock, Post, kinds, small_city

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
START_LIMIT = 20.0  # seconds

pytestmark = pytest.mark.skipif(
    PGBOUNCER is None, reason="NOT TESTED BEHIND PGBOUNCER: apt-get install pgbouncer"
)

Pooled = Callable[..., Awaitable[str]]


@pytest_asyncio.fixture
async def pooled(migrated: str, data_dir: Path) -> AsyncIterator[Pooled]:
    """Yield a function that runs PgBouncer before this test's database and returns its URL."""
    parts = urlsplit(migrated)
    (sockets,) = parse_qs(parts.query)["host"]
    account = ROOT_STAND_IN if os.geteuid() == 0 else ""
    async with AsyncExitStack() as exits:

        async def run(mode: str, *more: str) -> str:
            port = free_port("127.0.0.1", 0)
            lines = [
                "[databases]",
                f"{parts.path[1:]} = host={sockets} user=postgres",
                "[pgbouncer]",
                "listen_addr = 127.0.0.1",
                f"listen_port = {port}",
                "unix_socket_dir =",
                "auth_type = any",
                f"pool_mode = {mode}",
                *more,
            ]
            file = data_dir / "pgbouncer.ini"
            file.write_text("\n".join(lines))
            if account:
                os.chown(file, pwd.getpwnam(account).pw_uid, -1)
            assert PGBOUNCER is not None
            process = Process(
                [PGBOUNCER, file],
                log=data_dir / "pgbouncer.log",
                orphaned=signal.SIGKILL,
                account=account,
            )
            exits.push_async_callback(process.stop, signal.SIGTERM, START_LIMIT)
            dsn = f"postgresql://postgres@127.0.0.1:{port}{parts.path}"
            async with asyncio.timeout(START_LIMIT):
                while True:
                    assert process.running, (data_dir / "pgbouncer.log").read_text()
                    try:
                        connection = await asyncpg.connect(dsn, statement_cache_size=0)
                    except OSError:
                        await asyncio.sleep(POLL)
                        continue
                    await connection.close()
                    return dsn

        yield run


def desk_on(dsn: str, clock: HandClock) -> Desk:
    pack = load_pack("covid-19")
    return Desk({"dsn": dsn}, plan=small_city(), pack=pack, clock=clock, topic_prefix=PREFIX)


async def test_in_session_mode_the_desk_works_with_its_limits_and_hears(
    pooled: Pooled, migrated: str, clock: HandClock, post: Post
) -> None:
    desk = desk_on(await pooled("session"), clock)
    await desk.open()
    try:
        assert "order.issued" in kinds(await desk.take([post.call("c1")]))
        async with desk._database.lend() as connection:
            assert await connection.fetchval("SHOW lock_timeout") == f"{LOCK_WAIT // 1000}s"
        heard = asyncio.Event()

        async def listen() -> None:
            async for _ in desk.wakeups():
                heard.set()

        listening = asyncio.create_task(listen())
        direct = await asyncpg.connect(migrated)
        async with asyncio.timeout(START_LIMIT):
            while not heard.is_set():
                await direct.execute(f"NOTIFY {WAKE}")
                await asyncio.wait({listening}, timeout=0.01)
        await direct.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    finally:
        await desk.close()


@pytest.mark.parametrize(
    "settings",
    [
        ("transaction",),
        ("transaction", "server_round_robin = 1"),
        ("transaction", "default_pool_size = 1"),
        ("transaction", "min_pool_size = 3"),
        ("transaction", "server_round_robin = 1", "min_pool_size = 3"),
        ("transaction", "ignore_startup_parameters = statement_timeout, lock_timeout"),
        ("statement",),
    ],
)
async def test_shared_sessions_are_refused_at_once_in_one_line(
    pooled: Pooled, settings: tuple[str, ...], clock: HandClock
) -> None:
    desk = desk_on(await pooled(*settings), clock)
    with pytest.raises(ConfigurationError, match="pool_mode = session") as raised:
        async with asyncio.timeout(10):
            await desk.open()
    assert "\n" not in str(raised.value)
