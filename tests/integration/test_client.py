import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from dispatch.client import Event, open_reader, publish
from dispatch.cluster import ensure_topics
from dispatch.errors import Unavailable
from dispatch.settings import KafkaSettings
from dispatch.stack.embedded import Stack
from dispatch.topics import INPUT_TOPICS
from dispatch.topics.calls import CallCancelled

LIMIT = 60.0  # seconds
TOPICS = [topic.name for topic in INPUT_TOPICS]


@pytest.fixture
async def kafka(stack: Stack, topic_prefix: str) -> KafkaSettings:
    kafka = KafkaSettings(**stack.kafka)
    names = [topic_prefix + name for name in TOPICS]
    await ensure_topics(
        kafka.client_options(), names, partitions=3, replication=stack.broker.replication
    )
    return kafka


def cancelled(call_id: str) -> CallCancelled:
    return CallCancelled(call_id=call_id, at=datetime.now(UTC), by="x", reason="y")


async def put(kafka: KafkaSettings, topic: str, *values: bytes) -> None:
    """Publish some records in one batch."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, acks="all") as producer:
        batch = producer.create_batch()
        for value in values:
            batch.append(key=b"k", value=value, timestamp=None)
        await (await producer.send_batch(batch, topic, partition=0))


async def first(events: AsyncIterator[Event], number: int) -> list[Event]:
    async with asyncio.timeout(LIMIT):
        return [await anext(events) for _ in range(number)]


async def test_an_event_is_read_as_it_was_published(
    kafka: KafkaSettings, topic_prefix: str
) -> None:
    async with open_reader(kafka, topic_prefix, TOPICS) as reader:
        at = datetime.now(UTC)
        published = await publish(kafka, topic_prefix, cancelled("c-1"), at=at)
        [event] = await first(reader.new(), 1)
    assert (published.topic, published.key, published.type) == ("calls", "c-1", "call.cancelled")
    assert (event.topic, event.key, event.type) == ("calls", "c-1", "call.cancelled")
    assert (event.partition, event.offset) == (published.partition, published.offset)
    assert event.attributes["id"] == published.id
    assert event.attributes["dataschema"] == "urn:ambulance-dispatch:call.cancelled:v1"
    assert event.time == at
    assert event.data["call_id"] == "c-1"


async def test_the_past_is_read_once_in_the_order_of_time_and_then_what_is_new(
    kafka: KafkaSettings, topic_prefix: str
) -> None:
    for number in range(9):
        await publish(kafka, topic_prefix, cancelled(f"c-{number}"), at=datetime.now(UTC))
    # The broker tells too low an end after a batch of several.
    await put(kafka, f"{topic_prefix}units", *(json.dumps({"n": n}).encode() for n in range(5)))
    async with open_reader(kafka, topic_prefix, TOPICS) as reader:
        await publish(kafka, topic_prefix, cancelled("new"), at=datetime.now(UTC))
        async with asyncio.timeout(LIMIT):
            past = [event async for event in reader.past()]
        [new] = await first(reader.new(), 1)
    assert [event.key for event in past] == [*(f"c-{number}" for number in range(9)), *["k"] * 5]
    assert [event.data["n"] for event in past[9:]] == list(range(5))
    assert new.key == "new"


async def test_a_reader_stands_at_the_end(kafka: KafkaSettings, topic_prefix: str) -> None:
    await put(kafka, f"{topic_prefix}units", b"{}", b"{}", b"{}")
    async with open_reader(kafka, topic_prefix, TOPICS) as reader:
        await put(kafka, f"{topic_prefix}units", b'{"n": 1}')
        [event] = await first(reader.new(), 1)
    assert event.data == {"n": 1}


@pytest.mark.parametrize("value", [b"", b"not json", b"\xff", b"[]", b"[" * 200_000])
async def test_what_is_no_event_is_read_all_the_same(
    kafka: KafkaSettings, topic_prefix: str, value: bytes
) -> None:
    async with open_reader(kafka, topic_prefix, TOPICS) as reader:
        await put(kafka, f"{topic_prefix}calls", value)
        [event] = await first(reader.new(), 1)
    assert event.data == {}
    assert event.type == ""
    assert event.time == event.timestamp


async def test_a_missing_topic_is_named(kafka: KafkaSettings, topic_prefix: str) -> None:
    with pytest.raises(Unavailable, match=f"no topic {topic_prefix}fleet"):
        async with open_reader(kafka, topic_prefix, ["calls", "fleet"]):
            pass


async def test_an_unreachable_broker_is_unavailable() -> None:
    nobody = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        async with open_reader(nobody, "x.", TOPICS):
            pass
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        await publish(nobody, "x.", cancelled("c-1"), at=datetime.now(UTC))
