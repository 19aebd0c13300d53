"""Planning in a process of its own, so that the caller's event loop and memory are spared."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context, parent_process
from types import TracebackType
from typing import Final, Self, TypeVar

from dispatch.errors import DispatchError
from dispatch.planning.plan import Plan
from dispatch.planning.problem import Problem

_Answer = TypeVar("_Answer")


# A search that goes on for so much longer than its time hangs: its process ends.
GRACE_SECONDS: Final = 10.0


class PlanningFailed(DispatchError):
    """The process that plans has died; the next plan is made by a new one."""


class Planner:
    """Solves problems one at a time in a warm process, from `__aenter__` to `__aexit__`.

    The process ends with its parent, and leaves signals of the terminal to it.
    """

    def __init__(self) -> None:
        self._pool = _new_pool()

    async def __aenter__(self) -> Self:
        """Start the process; the solver is imported when this returns."""
        await self._run(_import_solver)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process when it has finished what it has in hand."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    async def solve(
        self, problem: Problem, *, seconds: float, seed: int = 0, workers: int = 2
    ) -> Plan:
        """Plan a batch as `dispatch.planning.solve.solve` does.

        A caller who no longer waits doesn't stop a search that has begun. Raises PlanningFailed
        when the process dies, as it does when it has no plan `GRACE_SECONDS` after its time.
        """
        return await self._run(
            partial(_solve, problem, seconds=seconds, seed=seed, workers=workers)
        )

    async def _run(self, work: Callable[[], _Answer]) -> _Answer:
        pool = self._pool
        try:
            return await asyncio.wrap_future(pool.submit(work))
        except BrokenProcessPool as error:
            # Several calls may have waited on the same process: one of them replaces it.
            if self._pool is pool:
                self._pool = _new_pool()
            raise PlanningFailed from error


def _new_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


# The parent doesn't import the solver: it has no use for its memory.
def _import_solver() -> None:
    import dispatch.planning.solve  # noqa: F401, PLC0415


def _solve(problem: Problem, *, seconds: float, seed: int, workers: int) -> Plan:
    from dispatch.planning.solve import solve  # noqa: PLC0415

    # What the signal does by default, it does to a search outside of Python too.
    signal.setitimer(signal.ITIMER_REAL, seconds + GRACE_SECONDS)
    try:
        return solve(problem, seconds=seconds, seed=seed, workers=workers)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
