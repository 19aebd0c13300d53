"""A partition without a leader holds up nobody whose records are elsewhere."""

import time
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from dispatch.agents.patience import Patience
from dispatch.cluster import until_told
from dispatch.log_end import ANSWER_SECONDS
from dispatch.policy.pack import load_pack
from dispatch.stack.embedded import Stack
from tests.apache_kafka import ApacheKafka
from tests.integration.agents.bench import until
from tests.integration.city_worker import PARTITIONS, CityWorker, city_worker, make_topics
from tests.integration.store.conftest import HandClock, Post, small_city

pytestmark = pytest.mark.thorough

LIMIT = load_pack("covid-19").allocation.order_acknowledgement_seconds
# Until it is found that one partition has nobody to answer for it, and then for as long as one that
# stands is waited for.
QUICK = Patience(longest_pause=0.3, standing_limit=0.5, standstill_limit=0.5)
BOUND = 2 * ANSWER_SECONDS + QUICK.standstill_limit
KILLED, OTHER = 2, 1
TOPICS = ("calls", "units", "hospitals")
UNITS = 3


async def make_fragile_topics(broker: ApacheKafka, prefix: str) -> None:
    """Create input topics whose first partition is on one broker alone, the others on another."""
    options: dict[str, Any] = {"bootstrap_servers": broker.bootstrap}
    where = {n: [OTHER] for n in range(1, PARTITIONS)} | {0: [KILLED]}
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(prefix + name, -1, -1, where) for name in TOPICS])
    finally:
        await admin.close()
    await until_told(options, [prefix + name for name in TOPICS])


async def test_the_other_partitions_are_read_and_limits_run_out(
    stack: Stack, apache_kafka: ApacheKafka, migrated: str, topic_prefix: str
) -> None:
    await make_fragile_topics(apache_kafka, topic_prefix)
    await make_topics(stack, topic_prefix, small_city(UNITS))
    clock = HandClock()
    waiting = Post(clock).call("c0")
    async with AIOKafkaProducer(bootstrap_servers=stack.bootstrap, acks="all") as producer:
        await producer.send_and_wait(
            topic_prefix + "calls",
            waiting.value,
            key=waiting.key,
            partition=0,
            headers=[(name, value or b"") for name, value in waiting.headers],
        )
    apache_kafka.cluster.kill(KILLED)
    try:
        async with city_worker(
            stack, migrated, topic_prefix, patience=QUICK, clock=clock, units=UNITS, whole=False
        ) as worker:
            await worker.send(worker.post.call("c1"), partition=1)
            unit = (await worker.orders(1))["c1"]
            await until(lambda: is_told(worker))
            worker.clock.forward(LIMIT)
            over = time.monotonic()

            async def given_up() -> bool:
                return await worker.told("run_unanswered", unit)

            await until(given_up)
            assert time.monotonic() - over < BOUND + 2
            await apache_kafka.cluster.start_broker(KILLED)
            assert "c0" in await worker.orders(2)
            await until(worker.ready)
    finally:
        if not apache_kafka.cluster.node(KILLED).running:
            await apache_kafka.cluster.start_broker(KILLED)


async def is_told(worker: CityWorker) -> bool:
    """Return whether /readyz names a partition that has no leader."""
    return any("it has no leader" in why for why in await worker.app.readiness.reasons())
