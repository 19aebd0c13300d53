"""A worker whose database takes no writes leaves its partitions to one that has another way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from dispatch.agents.app import DispatchApp, create_app, serve
from dispatch.agents.intake import Intake
from dispatch.agents.patience import Patience
from dispatch.metrics import Metrics
from tests.faults.proxy import Line
from tests.integration.agents.bench import Bench, until
from tests.integration.agents.small_desk import SmallDesk

pytestmark = pytest.mark.thorough

PATIENCE = Patience(database_limit=1.0, longest_pause=0.5)
BEFORE = [f"call{number % 23}/{number}" for number in range(60)]
MEANWHILE = [f"call{number % 23}/{number}" for number in range(60, 120)]
AFTER = [f"call{number % 23}/{number}" for number in range(120, 180)]


@dataclass
class Worker:
    """A worker in this process."""

    app: DispatchApp
    metrics: Metrics

    @property
    def calls(self) -> Intake:
        return next(each for each in self.app.readiness._intakes if each.topic.endswith("calls"))

    def partitions(self) -> int:
        """Return of how many partitions of `calls` its metrics tell the lag."""
        lines = self.metrics.render().decode().splitlines()
        return sum("consumer_lag_records{" in line and "calls" in line for line in lines)


@contextlib.asynccontextmanager
async def working(bench: Bench, dsn: str) -> AsyncIterator[Worker]:
    desk = SmallDesk(dsn, bench.prefix, bench.gate)
    await desk.open()
    metrics, stop = Metrics(), asyncio.Event()
    app = create_app(bench.settings(), desk, metrics=metrics, patience=PATIENCE)
    serving = asyncio.ensure_future(serve(app, stop))
    try:
        yield Worker(app, metrics)
    finally:
        stop.set()
        await serving
        await desk.close()


@pytest.fixture
async def line(bench: Bench) -> AsyncIterator[Line]:
    """A way to the database that can be cut."""
    socket = Path(parse_qs(urlsplit(bench.dsn).query)["host"][0]) / ".s.PGSQL.5432"
    line = Line(lambda: asyncio.open_unix_connection(str(socket)))
    await line.start()
    yield line
    await line.stop()


@pytest.mark.parametrize("silent", [False, True], ids=["cut", "silent"])
async def test_another_gets_the_partitions_until_the_database_takes_writes_again(
    bench: Bench, line: Line, silent: bool
) -> None:
    parts = urlsplit(bench.dsn)
    through = f"postgresql://{parts.username}@127.0.0.1:{line.port}{parts.path}?sslmode=disable"
    async with working(bench, through) as one, working(bench, bench.dsn) as other:

        async def shared() -> bool:
            return one.calls.assigned and other.calls.assigned and one.partitions() == 2

        await until(shared)
        await bench.send(BEFORE)
        await bench.settled(len(BEFORE))
        if silent:
            line.hold()
        else:
            await line.cut()
        await bench.send(MEANWHILE)
        await bench.settled(len(BEFORE + MEANWHILE))

        async def left() -> bool:
            reasons = await one.app.readiness.reasons()
            mine, others = one.partitions(), other.partitions()
            return (mine, others) == (0, 4) and any("left to others" in why for why in reasons)

        await until(left)
        await line.heal(dropping=True)
        await until(shared)
        await bench.send(AFTER)
        await bench.settled(len(BEFORE + MEANWHILE + AFTER))
        await bench.check(BEFORE + MEANWHILE + AFTER)


async def test_when_all_lose_the_database_all_come_back_and_any_can_be_stopped_meanwhile(
    bench: Bench,
) -> None:
    async with working(bench, bench.dsn) as one, working(bench, bench.dsn) as other:
        both = (one, other)

        async def assigned() -> bool:
            return all(each.calls.assigned for each in both)

        await until(assigned)
        await bench.send(BEFORE)
        await bench.settled(len(BEFORE))
        await bench.stack.postgres.crash()
        try:
            await bench.send(MEANWHILE)

            async def left() -> bool:
                return all(each.calls.has_left for each in both)

            await until(left)
        finally:
            await bench.stack.postgres.start()
        await bench.reconnect()
        await until(assigned)
        await bench.settled(len(BEFORE + MEANWHILE))
        await bench.check(BEFORE + MEANWHILE)
        # Stopped while it has left.
        await bench.stack.postgres.crash()
        try:
            await until(left)
            async with asyncio.timeout(20):
                await one.app.stop()
        finally:
            await bench.stack.postgres.start()
        await bench.reconnect()
