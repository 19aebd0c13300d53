"""Two workers on one group: joins, kills, and a pause longer than the session."""

import asyncio
import signal

import pytest

from tests.integration.agents.bench import Bench, Worker, until

pytestmark = pytest.mark.thorough

KEYS = 40


async def trickle(bench: Bench, enough: asyncio.Event) -> list[str]:
    """Publish slowly until told that it is enough: there is work, whatever takes how long."""
    calls: list[str] = []
    while not enough.is_set():
        some = [f"call{number % KEYS}/{number}" for number in range(len(calls), len(calls) + 20)]
        await bench.send(some)
        calls += some
        await asyncio.sleep(0.05)  # the pace of the publisher, not a wait for a condition
    return calls


def assignments(worker: Worker) -> int:
    """Return how often the worker has been assigned partitions of `calls`."""
    lines = worker.log.read_text().splitlines()
    return sum("partitions assigned" in line and ".calls" in line for line in lines)


async def assigned(worker: Worker, times: int = 1) -> None:
    """Wait until the worker has been assigned partitions of `calls` so often."""

    async def seen() -> bool:
        return assignments(worker) >= times

    await until(seen)


async def test_joins_kills_and_a_pause_longer_than_the_session(bench: Bench) -> None:
    enough = asyncio.Event()
    publishing = asyncio.ensure_future(trickle(bench, enough))
    first = bench.start()
    await assigned(first)
    second = bench.start()
    await assigned(second)
    # A pause in the middle of a transaction: its locks must not outlive it.
    bench.gate.shut("transaction")

    async def held() -> bool:
        return bench.gate.waiting("transaction")

    await until(held)
    paused = first if bench.gate.holder("transaction") == first.process.pid else second
    other = second if paused is first else first
    paused.send(signal.SIGSTOP)
    bench.gate.open("transaction")
    joined = assignments(paused)
    taken = other.log.read_text().count("partitions assigned")

    async def taken_over() -> bool:
        return other.log.read_text().count("partitions assigned") >= taken + 4

    await until(taken_over)
    progress = len(await bench.effects())

    async def goes_on() -> bool:
        return len(await bench.effects()) > progress

    await until(goes_on)
    third = bench.start()
    await assigned(third)
    other.kill()
    paused.send(signal.SIGCONT)
    await assigned(paused, joined + 1)
    enough.set()
    calls = await publishing
    await bench.settled(len(calls))
    await bench.check(calls)
    third.send(signal.SIGTERM)
    paused.send(signal.SIGTERM)
    assert await third.exited() == 0
    assert await paused.exited() == 0
    # The one that was paused may have been for longer than a batch may take.
    logs = "".join(each.log.read_text() for each in bench.workers if each is not paused)
    assert "Overdue" not in logs, "a batch was lost on the way to its agent"
