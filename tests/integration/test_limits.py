"""Beside a record that nobody reads, limits run out in time: all but those it could change."""

import time

import pytest
from aiokafka import TopicPartition

from dispatch.agents.patience import Patience
from dispatch.agents.unread import UnreadInputs
from dispatch.policy.pack import load_pack
from dispatch.stack.embedded import Stack
from tests.integration.agents.bench import until
from tests.integration.city_worker import PARTITIONS, CityWorker, city_worker

pytestmark = pytest.mark.thorough

LIMIT = load_pack("covid-19").allocation.order_acknowledgement_seconds
SESSION_MS = 3_000
# Of a partition that stands: here, the more of that and two sessions.
BOUND = max(Patience().standstill_limit, 2 * SESSION_MS / 1_000)


async def unread(worker: CityWorker, topic: str) -> None:
    """Wait until the lag tells of a record that stays unread."""

    async def seen() -> bool:
        return any(
            sample.value > 0
            for family in worker.metrics.registry.collect()
            if family.name == "dispatch_consumer_lag_records"
            for sample in family.samples
            if sample.labels["topic"] == worker.prefix + topic
        )

    await until(seen)


async def test_an_unread_word_of_a_hospital_holds_no_order_up(
    stack: Stack, migrated: str, topic_prefix: str
) -> None:
    async with city_worker(stack, migrated, topic_prefix) as worker:
        await worker.send(worker.post.call("c1"))
        unit = (await worker.orders(1))["c1"]
        worker.desk.stuck = frozenset({"hospitals"})
        await worker.send(worker.post.hospital("H1", "hospital.reported", status="open"))
        await unread(worker, "hospitals")
        worker.clock.forward(LIMIT)
        over = time.monotonic()

        async def given_up() -> bool:
            return await worker.told("run_unanswered", unit)

        await until(given_up)
        assert time.monotonic() - over < 1


async def test_the_order_of_the_unit_that_may_have_answered_waits_but_not_for_long(
    stack: Stack, migrated: str, topic_prefix: str
) -> None:
    async with city_worker(stack, migrated, topic_prefix, session_timeout_ms=SESSION_MS) as worker:
        for call_id in ("c1", "c2"):
            await worker.send(worker.post.call(call_id))
        own, other = (await worker.orders(2)).values()
        everywhere = [TopicPartition("units", number) for number in range(PARTITIONS)]
        between = [
            tp.partition
            for tp in everywhere
            if (where := UnreadInputs(everywhere, [tp], "")).of("units", own)
            and not where.of("units", other)
        ]
        worker.desk.stuck = frozenset({"units"})
        await worker.send(worker.post.unit(own), between[0])
        await unread(worker, "units")
        worker.clock.forward(LIMIT)
        over = time.monotonic()

        async def other_given_up() -> bool:
            return await worker.told("run_unanswered", other)

        async def own_given_up() -> bool:
            return await worker.told("run_unanswered", own)

        await until(other_given_up)
        assert time.monotonic() - over < 1
        assert not await own_given_up()
        await until(own_given_up)
        assert time.monotonic() - over < BOUND + 2
