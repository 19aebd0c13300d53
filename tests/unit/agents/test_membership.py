"""When a worker leaves its groups for want of a database, and when it comes back."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from dispatch.agents import membership
from dispatch.agents.membership import Membership
from dispatch.agents.patience import Patience
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics

LIMIT = Patience().database_limit


class Worker:
    """Its desk, and its one intake."""

    def __init__(self) -> None:
        self.writable_: bool | Exception = True
        self.silent = asyncio.Event()
        self.silent.set()
        self.asked = 0
        self.member = True
        self.told: list[str] = []

    async def writable(self) -> bool:
        self.asked += 1
        await self.silent.wait()
        if isinstance(self.writable_, Exception):
            raise self.writable_
        return self.writable_

    async def leave(self) -> None:
        self.told += ["leave"] * self.member
        self.member = False

    def join(self) -> None:
        self.told += ["join"] * (not self.member)
        self.member = True


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(membership, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def of(worker: Any) -> Membership:
    return Membership(worker, [worker], Patience(), Metrics())


@pytest.mark.parametrize("fault", [False, Unavailable("away"), OSError("lost")])
async def test_it_leaves_after_twenty_seconds_and_comes_back_with_the_database(
    fault: bool | Exception, now: list[float]
) -> None:
    worker = Worker()
    watch = of(worker)
    await watch.round()
    worker.writable_ = fault
    await watch.round()
    now[0] += LIMIT
    await watch.round()
    assert worker.told == []
    now[0] += 1
    await watch.round()
    await watch.round()
    assert worker.told == ["leave"]
    worker.writable_ = True
    await watch.round()
    assert worker.told == ["leave", "join"]


async def test_a_moment_with_a_database_begins_the_time_anew(now: list[float]) -> None:
    worker = Worker()
    watch = of(worker)
    for writable in (False, True, False):
        worker.writable_ = writable
        await watch.round()
        now[0] += LIMIT - 1
    await watch.round()
    assert worker.told == []


async def test_a_silent_database_is_none_and_is_asked_once(
    now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "PROBE_SECONDS", 0.01)
    worker = Worker()
    watch = of(worker)
    worker.silent.clear()
    await watch.round()
    now[0] += LIMIT + 1
    await watch.round()
    assert (worker.told, worker.asked) == (["leave"], 1)
    worker.silent.set()
    await watch.round()
    assert worker.told == ["leave", "join"]
