"""Topics on three brokers of Apache Kafka: created, found wanting, mended where that is allowed."""

import asyncio
import json
import time
from collections.abc import Collection
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from dispatch.agents.publisher import REQUEST_BYTES
from dispatch.cli import run
from dispatch.cluster import until_told
from dispatch.errors import Unavailable
from dispatch.kafka.consumer import Consumer
from dispatch.stack.embedded import Stack
from dispatch.store.plan import read_plan
from dispatch.topic_admin import promise
from dispatch.topic_admin.cluster import Changes, open_admin
from dispatch.topic_admin.promise import faults, wanted_topics
from tests.apache_kafka import ApacheKafka

LIMIT = 60.0  # seconds
CITY = Path(str(resources.files("dispatch"))) / "cities" / "hulunbuir.toml"
TOPICS = read_plan(CITY).topics


def options(kafka: ApacheKafka) -> dict[str, Any]:
    return {"bootstrap_servers": kafka.bootstrap}


async def create(kafka: ApacheKafka, prefix: str) -> Changes:
    async with open_admin(options(kafka)) as admin:
        return await admin.bring_about(wanted_topics(prefix, TOPICS))


async def make(
    kafka: ApacheKafka, name: str, partitions: int, copies: int, settings: dict[str, str]
) -> None:
    admin = AIOKafkaAdminClient(**options(kafka))
    await admin.start()
    try:
        answer: Any = await admin.create_topics(
            [NewTopic(name, partitions, copies, None, settings)]
        )
        assert [code for _, code, *_ in answer.topic_errors] == [0]
    finally:
        await admin.close()
    await until_told(options(kafka), [name])


async def alter(kafka: ApacheKafka, name: str, settings: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(**options(kafka))
    await admin.start()
    try:
        resource = ConfigResource(ConfigResourceType.TOPIC, name, settings)
        answers: list[Any] = await admin.alter_configs([resource])
        assert [code for code, *_ in answers[0].resources] == [0]
    finally:
        await admin.close()


def reasons(changes: Changes, topic: str) -> Collection[str]:
    return {fault.reason for fault in changes.left if fault.topic == topic}


async def test_what_was_created_keeps_the_promise_and_is_created_once(
    apache_kafka: ApacheKafka, topic_prefix: str
) -> None:
    first = await create(apache_kafka, topic_prefix)
    assert set(first.created) == {topic_prefix + name for name in TOPICS}
    assert (first.cured, first.left) == ((), ())
    assert await create(apache_kafka, topic_prefix) == Changes((), (), ())


async def test_settings_are_mended_and_others_of_the_topic_stay(
    apache_kafka: ApacheKafka, topic_prefix: str
) -> None:
    await create(apache_kafka, topic_prefix)
    calls = topic_prefix + "calls"
    await alter(
        apache_kafka,
        calls,
        {"retention.ms": "60000", "min.insync.replicas": "1", "segment.ms": "3600000"},
    )
    wanted = wanted_topics(topic_prefix, TOPICS)
    # Brokers hear of it one after the other; until then there is nothing to mend.
    async with asyncio.timeout(LIMIT):
        while not (mended := await create(apache_kafka, topic_prefix)).cured:
            pass
    assert {fault.what for fault in mended.cured if fault.topic == calls} >= {
        "retention.ms",
        "min.insync.replicas",
    }
    assert mended.left == ()
    async with asyncio.timeout(LIMIT), open_admin(options(apache_kafka)) as admin:
        # A broker that has heard of nothing yet finds no fault either.
        while (
            faults({calls: wanted[calls]}, found := await admin.find([calls]))
            or found[calls].own.get("segment.ms") != "3600000"
        ):
            pass
    assert found[calls].own["min.insync.replicas"] == "2"


async def test_partitions_and_copies_are_told_and_stay(
    apache_kafka: ApacheKafka, topic_prefix: str
) -> None:
    calls, units = topic_prefix + "calls", topic_prefix + "units"
    await make(apache_kafka, calls, 5, 3, {})
    await make(apache_kafka, units, 12, 1, {"min.insync.replicas": "1"})
    changes = await create(apache_kafka, topic_prefix)
    assert {fault.topic for fault in changes.left} == {calls, units}
    assert reasons(changes, calls) == {"partitions"}
    # Asked for two acknowledgements, its one copy would take no event any more.
    assert reasons(changes, units) == {"replication", "min_insync_replicas"}
    async with open_admin(options(apache_kafka)) as admin:
        found = await admin.find([calls, units])
    assert found[calls].partitions == 5
    assert found[units].settings["min.insync.replicas"] == "1"


async def test_the_largest_dead_letter_is_taken(
    apache_kafka: ApacheKafka, topic_prefix: str
) -> None:
    await create(apache_kafka, topic_prefix)
    letter = b"x" * (REQUEST_BYTES - 4096)
    async with AIOKafkaProducer(
        **options(apache_kafka),
        acks="all",
        enable_idempotence=True,
        max_request_size=REQUEST_BYTES,
    ) as producer:
        told = await producer.send_and_wait(topic_prefix + "dead-letters", letter)
    assert told.offset == 0


async def test_more_copies_than_brokers_are_refused(
    apache_kafka: ApacheKafka, topic_prefix: str
) -> None:
    async with open_admin(options(apache_kafka)) as admin:
        with pytest.raises(Unavailable, match="calls"):
            await admin.bring_about(wanted_topics(topic_prefix, TOPICS, 4))


def test_the_command_says_what_is_wrong_and_how_it_ends(
    apache_kafka: ApacheKafka,
    topic_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DISPATCH_KAFKA__BOOTSTRAP_SERVERS", apache_kafka.bootstrap)
    monkeypatch.setenv("DISPATCH_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("DISPATCH_CITY", str(CITY))
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["topics", "--check", "--json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["topic"] for row in rows] == [topic_prefix + name for name in TOPICS]
    assert {row["reason"] for row in rows} == {"missing"}
    assert run(["topics", "--check"]) == 1
    assert "create it" in capsys.readouterr().out
    assert run(["topics", "--create"]) == 0
    assert f"created {topic_prefix}calls" in capsys.readouterr().err
    assert run(["topics"]) == 0
    assert "keep the promise" in capsys.readouterr().out


async def test_any_broker_gets_as_many_copies_as_it_can_hold(
    stack: Stack, topic_prefix: str
) -> None:
    wanted = wanted_topics(topic_prefix, TOPICS, stack.broker.replication)
    async with open_admin({"bootstrap_servers": stack.bootstrap}) as admin:
        assert set((await admin.bring_about(wanted)).created) == set(wanted)
        assert await admin.bring_about(wanted) == Changes((), (), ())


async def test_an_input_of_years_ago_is_kept_from_the_time_when_it_came(
    apache_kafka: ApacheKafka, topic_prefix: str
) -> None:
    await create(apache_kafka, topic_prefix)
    tp = TopicPartition(topic_prefix + "calls", 0)
    before = time.time() * 1_000
    async with AIOKafkaProducer(**options(apache_kafka), acks="all") as producer:
        # A clock of 2001.
        await producer.send_and_wait(tp.topic, b"{}", partition=0, timestamp_ms=1_000_000_000_000)
    async with Consumer(**options(apache_kafka), auto_offset_reset="earliest") as consumer:
        consumer.assign([tp])
        async with asyncio.timeout(LIMIT):
            record = await consumer.getone()
    assert record.timestamp_type == 1
    assert record.timestamp >= before - 60_000


async def test_a_broker_that_lets_transactions_be_open_for_long_is_told(
    apache_kafka: ApacheKafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(apache_kafka, topic_prefix)
    wanted = wanted_topics(topic_prefix, TOPICS)
    async with open_admin(options(apache_kafka)) as admin:
        assert await admin.faults(wanted) == []
        stricter = replace(promise.LONGEST_TRANSACTION, value=10_000, at_most=10_000)
        monkeypatch.setattr(promise, "LONGEST_TRANSACTION", stricter)
        told = await admin.faults(wanted)
    assert len(told) == 3
    assert {(fault.what, fault.found) for fault in told} == {
        ("transaction.max.timeout.ms", "60000")
    }
