import asyncio
import os
import signal

import pytest

from dispatch.planning.plan import check_plan
from dispatch.planning.process import Planner, PlanningFailed
from tests.unit.planning.batches import batch


async def test_plans_come_from_another_process_and_a_dead_one_is_replaced() -> None:
    problem = batch()
    async with Planner() as planner:
        plan = await planner.solve(problem, seconds=5)
        assert check_plan(problem, plan) == []
        (process,) = planner._pool._processes.values()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.join)
        with pytest.raises(PlanningFailed, match="has died"):
            await planner.solve(problem, seconds=5)
        plan = await planner.solve(problem, seconds=5)
        assert check_plan(problem, plan) == []


async def test_the_loop_goes_on_while_a_plan_is_made() -> None:
    async with Planner() as planner:
        planning = asyncio.create_task(planner.solve(batch(), seconds=5))
        await asyncio.sleep(0)
        assert not planning.done()
        assert (await planning).trips
