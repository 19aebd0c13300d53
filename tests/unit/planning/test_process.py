import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dispatch.planning.plan import check_plan
from dispatch.planning.process import GRACE_SECONDS, Planner, PlanningFailed
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


class Endless:
    """A problem with which a search never comes to its end."""

    hospitals = ()

    @property
    def patients(self) -> Any:
        time.sleep(600)


async def test_a_process_that_hangs_is_replaced() -> None:
    endless: Any = Endless()
    async with Planner() as planner:
        with pytest.raises(PlanningFailed):
            await planner.solve(endless, seconds=0.2 - GRACE_SECONDS)
        assert (await planner.solve(batch(), seconds=5)).trips


async def test_the_loop_goes_on_while_a_plan_is_made() -> None:
    async with Planner() as planner:
        planning = asyncio.create_task(planner.solve(batch(), seconds=5))
        await asyncio.sleep(0)
        assert not planning.done()
        assert (await planning).trips


ABANDONED = """
import asyncio, os, signal
from dispatch.planning.process import Planner

async def die():
    async with Planner() as planner:
        print(*planner._pool._processes, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    asyncio.run(die())
"""


async def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    program = tmp_path / "abandoned.py"
    program.write_text(ABANDONED, encoding="utf-8")
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        str(program),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert parent.stdout is not None
    assert int(await parent.stdout.readline()) != parent.pid
    async with asyncio.timeout(30):
        # The child holds the other end of the pipe until it ends.
        assert await parent.stdout.read() == b""
        await parent.wait()
