"""Clients that are not ours, or not as they should be."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer

from tests.unit.kafka.batch_bytes import Headers


async def send_by_librdkafka(
    bootstrap: str, topic: str, codec: str, values: Sequence[tuple[bytes, Headers]], key: bytes
) -> None:
    """Send records in one batch, compressed by librdkafka."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.codec": codec,
            "linger.ms": 50,
            "message.timeout.ms": 30_000,
        }
    )
    failed: list[object] = []
    for value, headers in values:
        producer.produce(
            topic,
            value,
            key,
            partition=0,
            headers=[(name.decode(), content) for name, content in headers],
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
    await asyncio.to_thread(producer.flush, 30)
    assert not failed, failed


async def send_bytes(bootstrap: str, topic: str, raw: bytes, records: int) -> int:
    """Have a broker take a batch as it is, in partition 0; return its first offset."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        batch = producer.create_batch()
        for _ in range(records):
            batch.append(key=None, value=b"", timestamp=None)
        batch.close()
        batch._buffer = bytearray(raw)
        done = await (await producer.send_batch(batch, topic, partition=0))
        return int(done.offset)
