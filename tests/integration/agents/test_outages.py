"""PostgreSQL or the broker away for a while: work waits and goes on by itself."""

import os
import signal

import pytest

from tests.integration.agents.bench import Bench, Worker, until

pytestmark = pytest.mark.thorough

BEFORE = [f"call{number % 7}/{number}" for number in range(60)]
AFTER = [f"call{number % 7}/{number}" for number in range(60, 120)]


async def complained(worker: Worker, about: str) -> None:
    """Wait until the worker has said that it waits with this work."""

    async def said() -> bool:
        lines = worker.log.read_text().splitlines()
        return any("waiting for the infrastructure" in line and about in line for line in lines)

    await until(said)


async def test_a_worker_begins_when_no_topic_is_missing_any_more(bench: Bench) -> None:
    bench.prefix = f"later-{bench.prefix}"
    worker = bench.start()
    await complained(worker, f"Kafka has no topic {bench.topic('calls')} and 7 more")
    await bench.make_topics()
    await bench.send(BEFORE)
    await bench.settled(len(BEFORE))
    await bench.check(BEFORE)


async def test_postgresql_away(bench: Bench) -> None:
    worker = bench.start()
    await bench.send(BEFORE)
    await bench.settled(len(BEFORE))
    await bench.stack.postgres.crash()
    try:
        await bench.send(AFTER)
        await complained(worker, "settle")
    finally:
        await bench.stack.postgres.start()
    await bench.reconnect()
    await bench.settled(len(BEFORE) + len(AFTER))
    await bench.check(BEFORE + AFTER)


async def test_broker_silent_while_events_wait_to_be_published(bench: Bench) -> None:
    worker = bench.start()
    await bench.send(BEFORE)
    await bench.settled(len(BEFORE))
    bench.gate.shut("committed")
    await bench.send(AFTER)

    async def held() -> bool:
        return bench.gate.waiting("committed")

    await until(held)
    for pid in bench.stack.broker.pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        bench.gate.open("committed")
        await complained(worker, "settle")
    finally:
        for pid in bench.stack.broker.pids:
            os.kill(pid, signal.SIGCONT)
    await bench.settled(len(BEFORE) + len(AFTER))
    await bench.check(BEFORE + AFTER)


async def test_broker_that_forgot_everything(bench: Bench) -> None:
    worker = bench.start()
    await bench.send(BEFORE)
    await bench.settled(len(BEFORE))
    await bench.stack.broker.stop()
    try:
        await bench.database.execute("INSERT INTO timers VALUES ('call0', clock_timestamp())")
        await complained(worker, "timers")
    finally:
        await bench.stack.broker.start()
    await bench.make_topics()

    async def noticed() -> bool:
        lines = worker.log.read_text().splitlines()
        return any("another one" in line and bench.topic("calls") in line for line in lines)

    # Until it has rejoined, a consumer may read on where it was in the log that is no more.
    await until(noticed)
    await bench.send(AFTER)
    await bench.settled(len(BEFORE) + len(AFTER))
    await bench.check_effects(BEFORE + AFTER)

    async def fired() -> bool:
        return bool(
            await bench.database.fetchval("SELECT published FROM log WHERE type = 'timer.fired'")
        )

    await until(fired)
    types = [dict(record.headers)["ce_type"] for record in await bench.read("incidents")]
    assert types.count(b"timer.fired") >= 1
    # It can be stopped as if nothing had happened.
    worker.send(signal.SIGTERM)
    assert await worker.exited() == 0
