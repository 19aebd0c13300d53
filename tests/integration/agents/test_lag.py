"""Lag and readiness tell the truth while nothing settles."""

import asyncio

from dispatch.agents.app import create_app, serve
from dispatch.agents.patience import Patience
from dispatch.metrics import Metrics
from tests.integration.agents.bench import Bench, until
from tests.integration.agents.small_desk import SmallDesk

CALLS = [f"call{number}/0" for number in range(8)]


async def test_a_partition_that_stands_is_told_of_until_it_moves(bench: Bench) -> None:
    desk = SmallDesk(bench.dsn, bench.prefix, bench.gate)
    await desk.open()
    metrics, stop = Metrics(), asyncio.Event()
    patience = Patience(standing_limit=1.0)
    app = create_app(bench.settings(), desk, metrics=metrics, patience=patience)
    serving = asyncio.ensure_future(serve(app, stop))

    def lags() -> dict[str, float]:
        return {
            sample.labels["partition"]: sample.value
            for family in metrics.registry.collect()
            if family.name == "dispatch_consumer_lag_records"
            for sample in family.samples
            if sample.labels["topic"] == bench.topic("calls")
        }

    async def ready() -> bool:
        return not await app.readiness.reasons()

    await until(ready)
    bench.gate.shut("taken")
    await bench.send(CALLS)

    async def told() -> list[str]:
        return [why for why in await app.readiness.reasons() if "has stood for" in why]

    reasons = await until(told)
    assert reasons[0].startswith(f"{bench.topic('calls')}: partition ")
    assert max(lags().values()) >= 1
    bench.gate.open("taken")
    await bench.settled(len(CALLS))
    await until(ready)

    async def caught_up() -> bool:
        return set(lags().values()) == {0.0}

    await until(caught_up)
    stop.set()
    await serving
    await desk.close()
