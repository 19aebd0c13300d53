"""A cluster whose brokers fail one at a time, on Apache Kafka."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from dispatch.cluster import ensure_topics
from dispatch.errors import StackError
from tests.apache_kafka import ApacheKafka


async def test_what_was_acknowledged_outlives_the_leader_that_took_it(
    apache_kafka: ApacheKafka, topic_prefix: str
) -> None:
    cluster = apache_kafka.cluster
    options = {"bootstrap_servers": cluster.bootstrap}
    tp = TopicPartition(topic_prefix + "kept", 0)
    await ensure_topics(options, [tp.topic], partitions=1, replication=3)
    async with AIOKafkaProducer(**options, acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait(tp.topic, b"before")
        killed = await cluster.leader_of(tp.topic, tp.partition)
        cluster.kill(killed)
        # The producer waits for the new leader by itself.
        await producer.send_and_wait(tp.topic, b"meanwhile")
    assert await cluster.leader_of(tp.topic, tp.partition) != killed
    await cluster.start_broker(killed)
    async with AIOKafkaConsumer(**options, auto_offset_reset="earliest") as consumer:
        consumer.assign([tp])
        async with asyncio.timeout(60):
            read = [(await consumer.getone(tp)).value for _ in range(2)]
    assert read == [b"before", b"meanwhile"]


async def test_a_broker_that_runs_is_not_started_twice(apache_kafka: ApacheKafka) -> None:
    with pytest.raises(StackError, match="runs already"):
        await apache_kafka.cluster.start_broker(1)
