"""The fault bench, in short: what it injects does no harm, and harm that is done is found."""

import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from dispatch.checker import Invariant
from dispatch.errors import StackError
from dispatch.stack.embedded import Stack
from tests.apache_kafka import ApacheKafka
from tests.faults.bench import Load
from tests.faults.findings import INVARIANTS
from tests.faults.kinds import Kind
from tests.faults.report import as_text
from tests.faults.run import Outcome, Plan, run, run_backlog
from tests.faults.steps import Step

SEED = 20221223
LOAD = Load(calls=60, rate=15, speed=60, units=60, partitions=4, batch_size=20, lasting=(2.0, 6.0))
LIMIT = 330.0  # wall seconds; a test of any kind is ended after 400
# Whoever is killed there has acknowledged first, and done nothing else yet that lasts. (It begins a
# transaction for the acknowledgement, too.)
BEFORE_THE_COMMIT = (Step.READ, Step.DECIDED, Step.WRITTEN)


async def bench(stack: Stack, dsn: str, prefix: str, folder: Path, plan: Plan) -> Outcome:
    outcome = await run(
        plan,
        lambda line: sys.stderr.write(line + "\n"),
        stack=stack,
        dsn=dsn,
        prefix=prefix,
        folder=folder,
    )
    sys.stdout.write(as_text(outcome))
    return outcome


# Every kind but a rolling restart, in parts that each end in time on a slow machine.
PARTS = {
    "workers": (
        *(Kind.KILL, Kind.STOP, Kind.TRANSACTION, Kind.BLOCKED_LOG),
        *(Kind.CUT_BROKERS, Kind.CUT_DATABASE, Kind.HELD_BROKERS, Kind.HELD_DATABASE),
    ),
    "servers": (
        *(Kind.BROKER, Kind.BROKER_PAUSE, Kind.DATABASE, Kind.DATABASE_CRASH),
        *(Kind.SWITCHOVER, Kind.FULL_DISK, Kind.WORKER_CLOCK),
    ),
    "clients": (
        *(Kind.REPEAT, Kind.POISON, Kind.CODECS, Kind.UNREADABLE),
        *(Kind.ABORTED, Kind.OPEN, Kind.OVERSIZED, Kind.FLOOD),
        *(Kind.DEVICE_CLOCKS, Kind.PARTITIONERS, Kind.DEAD_ZONE, Kind.LATE_SIGNATURES),
    ),
}


def test_every_kind_is_in_one_part() -> None:
    kinds = [kind for part in PARTS.values() for kind in part]
    assert sorted([*kinds, Kind.ROLLING]) == sorted(Kind)


@pytest.mark.thorough
@pytest.mark.parametrize("part", PARTS)
async def test_faults_of_every_kind_on_three_brokers(
    stack: Stack,
    apache_kafka: ApacheKafka,
    migrated: str,
    topic_prefix: str,
    tmp_path: Path,
    *,
    part: str,
) -> None:
    assert apache_kafka.replication == 3
    kinds = [*PARTS[part]]
    Random(SEED).shuffle(kinds)
    load = replace(LOAD, calls=800, rate=20, units=300, batch_size=200, flooded=2_000)
    plan = Plan(load, tuple(kinds), SEED, gap=0.5, limit=LIMIT)
    outcome = await bench(stack, migrated, topic_prefix, tmp_path, plan)
    assert outcome.clean
    assert len(outcome.faults) + len(outcome.left_out) == len(kinds)
    assert bool(outcome.poison) is (Kind.POISON in kinds)
    assert sum(outcome.verdict.inputs.values()) >= outcome.published >= 800


async def test_a_run_that_does_not_end_says_what_it_waits_for(
    stack: Stack, migrated: str, topic_prefix: str, tmp_path: Path
) -> None:
    plan = Plan(replace(LOAD, calls=10**6), (), SEED, limit=0.5)
    with pytest.raises(StackError, match=r"not over after 0\.5 s: .*(workers|calls)"):
        await bench(stack, migrated, topic_prefix, tmp_path, plan)


@pytest.mark.thorough
async def test_faults_that_need_no_particular_broker(
    stack: Stack, migrated: str, topic_prefix: str, tmp_path: Path
) -> None:
    kinds = (
        *(Kind.DEVICE_CLOCKS, Kind.PARTITIONERS, Kind.DEAD_ZONE, Kind.LATE_SIGNATURES),
        *(Kind.KILL, Kind.POISON, Kind.TRANSACTION, Kind.REPEAT, Kind.STOP, Kind.CUT_DATABASE),
    )
    outcome = await bench(stack, migrated, topic_prefix, tmp_path, Plan(LOAD, kinds, SEED, gap=0.3))
    assert outcome.clean
    assert len(outcome.faults) == len(kinds)


@pytest.mark.thorough
async def test_a_service_that_acknowledges_before_it_commits_loses_inputs(
    stack: Stack, migrated: str, topic_prefix: str, tmp_path: Path
) -> None:
    load = replace(LOAD, commit_first=True)
    # Some find it with nothing in hand.
    kills = (Kind.KILL,) * 6
    plan = Plan(load, kills, SEED, steps=BEFORE_THE_COMMIT, gap=0.3)
    outcome = await bench(stack, migrated, topic_prefix, tmp_path, plan)
    assert not outcome.clean
    assert outcome.verdict.by_kind[INVARIANTS[Invariant.NO_INPUT_LOST]] > 0


@pytest.mark.thorough
async def test_a_backlog_is_dealt_with_from_its_beginning(
    stack: Stack, migrated: str, topic_prefix: str, tmp_path: Path
) -> None:
    outcome = await run_backlog(
        replace(LOAD, speed=1.0),
        SEED,
        lambda line: sys.stderr.write(line + "\n"),
        stack=stack,
        dsn=migrated,
        prefix=topic_prefix,
        folder=tmp_path,
    )
    assert outcome.clean
    assert sum(outcome.verdict.inputs.values()) == outcome.published >= LOAD.calls
    assert outcome.verdict.types["order.issued"] > 0
    assert outcome.backlog_seconds is not None
    assert f"backlog: {LOAD.calls} calls" in as_text(outcome)
