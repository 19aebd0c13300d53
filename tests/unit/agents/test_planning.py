"""The planning without a database or a solver: one batch that fails holds up no other."""

import time
from typing import Any

import pytest

from dispatch.agents.patience import Patience
from dispatch.agents.planning import PAUSE_SECONDS, Planning
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics
from dispatch.planning.plan import Plan
from dispatch.planning.process import PlanningFailed
from dispatch.planning.task import Task


class Desk:
    """Two batches wait; that called `bad` can't be described."""

    def __init__(self) -> None:
        self.waiting = ["bad", "good"]
        self.adopted: list[str] = []
        self.available = True

    async def unplanned(self) -> list[str]:
        return self.waiting

    async def planning_task(self, batch_id: str) -> Task:
        if batch_id == "bad":
            raise ValueError("a number is negative")
        problem: Any = batch_id
        return Task(1, problem, 20.0)

    async def lease(self, *_: Any) -> bool:
        if not self.available:
            raise Unavailable("the database is away")
        return True

    async def adopt(self, batch_id: str, revision: int, plan: Plan) -> list[Any]:
        assert revision == 1
        assert plan.batch_id == batch_id
        self.adopted.append(batch_id)
        return []


class Work:
    """Publishes nothing."""

    async def publish(self, _outgoing: Any) -> None:
        return


class Solver:
    """Stands in for the planner's process; it dies as often as told."""

    def __init__(self, deaths: int) -> None:
        self.deaths = deaths

    async def solve(self, problem: Any, *, seconds: float) -> Plan:
        assert seconds == 20.0
        if self.deaths:
            self.deaths -= 1
            raise PlanningFailed
        return Plan(problem, (), (), 0, 0, True, 0.0)


def planning(desk: Any, deaths: int = 0) -> Planning:
    work: Any = Work()
    errand = Planning(desk, work, "w1", Patience(), Metrics())
    solver: Any = Solver(deaths)
    errand._planner = solver
    return errand


async def test_a_batch_that_cannot_be_planned_holds_up_no_other() -> None:
    desk = Desk()
    await planning(desk).round()
    assert desk.adopted == ["good"]


async def test_what_could_not_be_planned_is_tried_again_after_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    errand = planning(desk, deaths=1)
    await errand.round()
    await errand.round()
    assert desk.adopted == []
    later = time.monotonic() + PAUSE_SECONDS
    monkeypatch.setattr("dispatch.agents.planning.time.monotonic", lambda: later)
    await errand.round()
    assert desk.adopted == ["good"]


async def test_without_the_database_the_round_waits_for_it() -> None:
    desk = Desk()
    desk.available = False
    with pytest.raises(Unavailable):
        await planning(desk).round()
