"""The stage: the real service, stepped, with crews and hospitals that also do the unexpected."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dispatch.errors import StackError
from dispatch.simulation.plan_file import write_plan
from dispatch.simulation.stage import open_stage
from dispatch.stack.embedded import AnyBroker
from tests.integration.agents.bench import until
from tests.unit.simulation.small_city import START, call, expect_the_unexpected, plan, unexpected

pytestmark = pytest.mark.thorough


async def test_the_unexpected_happens_and_every_invariant_holds(
    data_dir: Path, kafka: Callable[[Path], AnyBroker]
) -> None:
    write_plan(plan(), data_dir / "city.toml")
    async with open_stage(
        data_dir / "city.toml", start=START, data_dir=data_dir / "d", kafka=kafka
    ) as stage:
        expect_the_unexpected(stage)
        await stage.run()
        assert unexpected(stage.history) == []

        async def all_marked() -> bool:
            # Whoever reads an event may have it before the worker notes that it is published.
            return (await stage.counts())["unpublished"] == 0

        await until(all_marked)
        counts = await stage.counts()
        assert counts["open_incidents"] == counts["open_jobs"] == 0
        assert await stage.check() == []
        assert len(stage.latencies("order.issued")) >= 6


async def test_a_worker_that_ended_is_noticed(
    data_dir: Path, kafka: Callable[[Path], AnyBroker]
) -> None:
    write_plan(plan(), data_dir / "city.toml")
    async with open_stage(
        data_dir / "city.toml", start=START, data_dir=data_dir / "d", kafka=kafka
    ) as stage:
        await stage.run()
        stage._workers[0].kill()
        stage.after(1.0, call(stage, "C1"))
        with pytest.raises(StackError, match="worker"):
            await stage.run()
