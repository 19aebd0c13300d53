"""What a crash, a defect or a stop does to a batch in hand."""

import asyncio
import signal
from pathlib import Path

import orjson
import pytest

from dispatch.stack.embedded import Stack
from tests.integration.agents.bench import Bench, open_bench, until

pytestmark = pytest.mark.thorough

CALLS = [f"call{number % 7}/{number}" for number in range(100)]


async def test_every_input_takes_effect_once_and_comes_out_in_order(bench: Bench) -> None:
    bench.start()
    await bench.send(CALLS)
    await bench.settled(len(CALLS))
    await bench.check(CALLS)


async def test_a_worker_killed_in_the_middle_of_a_batch(stack: Stack, tmp_path: Path) -> None:
    stages = ("transaction", "committed", "published", "marked")
    # Side by side: most of it is waiting for the dead worker's session to end.
    await asyncio.gather(*(kill_at(stage, stack, tmp_path / stage) for stage in stages))


async def kill_at(stage: str, stack: Stack, directory: Path) -> None:
    async with open_bench(stack, directory) as bench:
        await killed_and_restarted(bench, stage)


async def killed_and_restarted(bench: Bench, stage: str) -> None:
    await bench.send(CALLS)
    bench.gate.shut(stage)
    killed = bench.start()

    async def waiting() -> bool:
        return bench.gate.waiting(stage)

    await until(waiting)
    killed.kill()
    assert await bench.committed() == 0
    bench.gate.open(stage)
    bench.start()
    await bench.settled(len(CALLS))
    await bench.check(CALLS)


@pytest.mark.parametrize("mutation", [None, "acknowledge-early"])
async def test_nothing_is_acknowledged_while_the_transaction_fails(
    bench: Bench, mutation: str | None
) -> None:
    await bench.send(CALLS)
    # What `take` needs is not there; what the intake needs is.
    await bench.database.execute("ALTER TABLE effects RENAME TO hidden")
    await bench.database.execute("ALTER TABLE log RENAME TO hidden_log")
    worker = bench.start(*([mutation] if mutation else []))
    if mutation:
        await until(bench.committed)
        return

    async def refused_often() -> bool:
        return worker.log.read_text().count("defect, trying again") >= 2

    await until(refused_often)
    assert await bench.committed() == 0
    await bench.database.execute("ALTER TABLE hidden RENAME TO effects")
    await bench.database.execute("ALTER TABLE hidden_log RENAME TO log")
    await bench.settled(len(CALLS))
    await bench.check(CALLS)


async def test_a_poisonous_record_is_refused_alone(bench: Bench) -> None:
    poison = ["call3/17", "call5/47"]
    await bench.send(CALLS, poison=poison)
    bench.start()
    healthy = [identity for identity in CALLS if identity not in poison]
    await bench.settled(len(healthy))

    async def refused() -> bool:
        return len(await bench.read("dead-letters")) >= len(poison)

    await until(refused)
    await bench.check_effects(healthy)
    letters = await bench.read("dead-letters")
    assert {letter.key for letter in letters} == {b"call3", b"call5"}
    assert {orjson.loads(letter.value or b"")["refused"] for letter in letters} == {"call.received"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_told_to_stop_finishes_the_batch_in_hand(
    bench: Bench, number: signal.Signals
) -> None:
    calls = CALLS[:20]
    await bench.send(calls)
    bench.gate.shut("transaction")
    worker = bench.start()

    async def waiting() -> bool:
        return bench.gate.waiting("transaction")

    await until(waiting)
    worker.send(number)
    bench.gate.open("transaction")
    assert await worker.exited() == 0
    taken = await bench.effects()
    assert taken
    assert await bench.committed() == len(taken)
    assert not await bench.database.fetchval("SELECT count(*) FROM log WHERE NOT published")
