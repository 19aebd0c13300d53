"""The planning: batches that wait for a plan are given to the planner, its plans to the desk."""

import time

import structlog

from dispatch.agents.desk import Desk
from dispatch.agents.desk_work import DeskWork
from dispatch.agents.errand import Errand
from dispatch.agents.patience import INFRASTRUCTURE, Patience
from dispatch.metrics import Metrics
from dispatch.planning.process import Planner

log = structlog.get_logger(__name__)

# Who has taken a batch to plan keeps it for the solver's time and this long, then another may.
SLACK_SECONDS = 15.0
# A batch that could not be planned is tried again after so long.
PAUSE_SECONDS = 30.0


class Planning(Errand):
    """Plans the batches that wait, one at a time; another worker takes another batch."""

    poll_seconds = 0.25
    work = "planning"

    def __init__(
        self, desk: Desk, work: DeskWork, holder: str, patience: Patience, metrics: Metrics
    ) -> None:
        super().__init__(patience, metrics)
        self._desk = desk
        self._work = work
        self._holder = holder
        # Started when the first batch comes: it takes memory.
        self._planner: Planner | None = None
        # When what could not be planned is tried again, on the monotonic clock.
        self._not_before: dict[str, float] = {}

    async def on_stop(self) -> None:
        """Let the round in hand end, and the planner with it."""
        await super().on_stop()
        if self._planner is not None:
            planner, self._planner = self._planner, None
            await planner.__aexit__(None, None, None)

    async def round(self) -> None:
        """Plan every batch that waits for it and that no other worker plans.

        One that can't be planned holds up no other: its timer escalates, and it is tried again.
        """
        for batch_id in await self._desk.unplanned():
            if self.should_stop:
                return
            if time.monotonic() < self._not_before.get(batch_id, 0.0):
                continue
            try:
                await self._plan(batch_id)
            except INFRASTRUCTURE:
                raise
            except Exception:
                log.exception("a batch could not be planned", batch=batch_id)
                self._not_before[batch_id] = time.monotonic() + PAUSE_SECONDS
            else:
                self._not_before.pop(batch_id, None)

    async def _plan(self, batch_id: str) -> None:
        task = await self._desk.planning_task(batch_id)
        if task is None:
            return
        lease = f"plan/{batch_id}"
        if not await self._desk.lease(lease, self._holder, task.seconds + SLACK_SECONDS):
            return
        if self._planner is None:
            self._planner = await Planner().__aenter__()
        plan = await self._planner.solve(task.problem, seconds=task.seconds)
        log.info(
            "planned a batch",
            batch=batch_id,
            trips=len(plan.trips),
            unplaced=len(plan.unplaced),
            makespan_seconds=plan.makespan_seconds,
            bound_seconds=plan.bound_seconds,
            solve_seconds=round(plan.solve_seconds, 3),
        )
        await self._work.publish(await self._desk.adopt(batch_id, task.revision, plan))
