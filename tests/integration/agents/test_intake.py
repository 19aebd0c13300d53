"""What an intake does when its agent gives no answer."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator

import pytest

from dispatch.agents.app import create_app, serve
from dispatch.agents.batch import Batch
from dispatch.agents.desk_work import DeskWork
from dispatch.agents.patience import Patience
from dispatch.metrics import Metrics
from tests.integration.agents.bench import Bench
from tests.integration.agents.small_desk import SmallDesk

pytestmark = pytest.mark.thorough

CALLS = [f"call{number % 7}/{number}" for number in range(40)]


@pytest.fixture
async def desk(bench: Bench) -> AsyncIterator[SmallDesk]:
    desk = SmallDesk(bench.dsn, bench.prefix, bench.gate)
    await desk.open()
    yield desk
    await desk.close()


async def test_a_batch_without_an_answer_is_put_again(
    bench: Bench, desk: SmallDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_all = DeskWork.serve
    lost: list[Batch] = []

    async def lose_the_first(self: DeskWork, batches: AsyncIterable[Batch]) -> None:
        async def others() -> AsyncIterator[Batch]:
            async for batch in batches:
                if lost:
                    yield batch
                else:
                    lost.append(batch)

        await serve_all(self, others())

    monkeypatch.setattr(DeskWork, "serve", lose_the_first)
    metrics = Metrics()
    stop = asyncio.Event()
    await bench.send(CALLS)
    app = create_app(bench.settings(), desk, metrics=metrics, patience=Patience(batch_limit=0.5))
    serving = asyncio.ensure_future(serve(app, stop))
    await bench.settled(len(CALLS))
    await bench.check(CALLS)
    assert lost[0].superseded
    assert b'dispatch_retries_total{work="settle' in metrics.render()
    stop.set()
    await serving


async def test_an_agent_that_crashes_is_restarted_and_loses_nothing(
    bench: Bench, desk: SmallDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_all = DeskWork.serve
    crashed: list[Batch] = []

    async def crash_once(self: DeskWork, batches: AsyncIterable[Batch]) -> None:
        if not crashed:
            async for batch in batches:
                crashed.append(batch)
                raise RuntimeError("a defect in the agent itself")
        await serve_all(self, batches)

    monkeypatch.setattr(DeskWork, "serve", crash_once)
    stop = asyncio.Event()
    await bench.send(CALLS)
    app = create_app(bench.settings(), desk, patience=Patience(batch_limit=0.5))
    serving = asyncio.ensure_future(serve(app, stop))
    await bench.settled(len(CALLS))
    await bench.check(CALLS)
    assert len(crashed) == 1
    stop.set()
    await serving


async def test_a_database_restored_to_an_earlier_state_is_read_again(
    bench: Bench, desk: SmallDesk
) -> None:
    await bench.send(CALLS)
    stop = asyncio.Event()
    serving = asyncio.ensure_future(serve(create_app(bench.settings(), desk), stop))
    await bench.settled(len(CALLS))
    stop.set()
    await serving
    assert await bench.committed() == len(CALLS)
    await bench.database.execute("TRUNCATE inbox, effects, sequences, log, positions")
    metrics = Metrics()
    stop.clear()
    app = create_app(bench.settings(), desk, metrics=metrics)
    serving = asyncio.ensure_future(serve(app, stop))
    await bench.settled(len(CALLS))
    await bench.check_effects(CALLS)
    assert b"dispatch_positions_reread_total" in metrics.render()
    stop.set()
    await serving
