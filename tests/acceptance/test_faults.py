"""Nothing is lost and nothing doubled when workers die, stop, join and leave."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dispatch.stack.embedded import Stack
from tests.acceptance.service import Service, open_service

pytestmark = pytest.mark.thorough

SEED = 20221223
CAME = "the call came in"


@pytest_asyncio.fixture
async def service(
    stack: Stack, migrated: str, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[Service]:
    async with open_service(stack, migrated, topic_prefix, tmp_path, units=20) as opened:
        yield opened


async def _all_is_well(service: Service, calls: int) -> None:
    await service.until(service.done)
    # Time limits go on running out: nobody must add to the topics while they are read.
    for worker in service.workers:
        await worker.stop(signal.SIGTERM, 60)
    history = await service.history()
    assert history.violations() == []
    assert len(history.inputs) == calls
    decided = [event for event in history.of_type("call.decided") if event.data["because"] == CAME]
    assert len(decided) == len({event.key for event in decided}) == calls


async def test_a_thousand_calls_at_once_for_twenty_units(service: Service) -> None:
    service.start_worker()
    service.start_worker()
    await service.send_calls(range(1_000))
    await _all_is_well(service, 1_000)
    active = await service.database.fetch("SELECT unit_id FROM occupations WHERE until IS NULL")
    assert len({row["unit_id"] for row in active}) == len(active)


async def test_a_worker_killed_in_the_middle_of_batches(service: Service) -> None:
    chance = random.Random(SEED)
    calls = 1_500
    await service.send_calls(range(calls))
    reached = 0
    for _ in range(2):
        worker = service.start_worker()
        reached = min(calls, max(reached, await service.taken()) + chance.randrange(50, 400))

        async def far_enough(wanted: int = reached) -> bool:
            return await service.taken() >= wanted

        await service.until(far_enough)
        await worker.stop(signal.SIGKILL, 5)
    service.start_worker()
    await _all_is_well(service, calls)


async def test_two_workers_through_joins_kills_and_a_long_stop(service: Service) -> None:
    sending = asyncio.create_task(_send_steadily(service, 1_200))
    first = service.start_worker()
    await service.until(service.taken)
    second = service.start_worker()

    async def taken_by(wanted: int) -> bool:
        return await service.taken() >= wanted

    await service.until(lambda: taken_by(200))
    await first.stop(signal.SIGKILL, 5)
    third = service.start_worker()
    await service.until(lambda: taken_by(500))
    os.kill(second.pid, signal.SIGSTOP)
    # Longer than its session: the others take over all there is, this one wakes up as a zombie.
    await sending
    await service.until(lambda: taken_by(service.sent))
    os.kill(second.pid, signal.SIGCONT)
    await service.send_calls(range(1_200, 1_300))
    await service.until(service.done)
    assert third.running
    await _all_is_well(service, 1_300)


async def test_a_worker_told_to_stop_finishes_what_it_has(service: Service) -> None:
    worker = service.start_worker()

    async def duties_reported() -> bool:
        # What a new city's plan says is published by the relay, in its own time.
        there: bool = await service.database.fetchval(
            "SELECT EXISTS (SELECT FROM events) AND NOT EXISTS (SELECT FROM outbox)"
        )
        return there

    await service.until(duties_reported)
    await service.send_calls(range(200))
    await service.until(service.taken)
    await worker.stop(signal.SIGTERM, 60)
    noted = await service.database.fetchval("SELECT sum(next_offset) FROM positions")
    assert noted == await service.taken()
    assert await service.database.fetchval("SELECT count(*) FROM outbox") == 0
    service.start_worker()
    await _all_is_well(service, 200)


async def _send_steadily(service: Service, calls: int) -> None:
    for number in range(0, calls, 10):
        await service.send_calls(range(number, number + 10))
        await asyncio.sleep(0.1)
