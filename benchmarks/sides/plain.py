"""The job on aiokafka and asyncpg alone: `python -m benchmarks.sides.plain`.

A loop without supervision, retries, rebalancing or timers: what is left when everything is taken
away that a service needs beside the job. It is the limit for Python.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from benchmarks.sides.job import Job, key_of, open_job
from dispatch.topics.envelope import Outgoing, Record

if TYPE_CHECKING:
    from aiokafka.producer.message_accumulator import BatchBuilder

POLL_MS = 500
_partition_of = DefaultPartitioner()


async def main() -> None:
    """Work until killed."""
    async with open_job() as job:
        client_options = job.settings.kafka.client_options()
        consumer = AIOKafkaConsumer(
            job.topic, **client_options, **job.consumer_options, enable_auto_commit=False
        )
        producer = AIOKafkaProducer(**client_options, **job.producer_options)
        async with producer, consumer:
            await work(job, consumer, producer)


async def work(job: Job, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
    """Take batch after batch: decide and write, publish, mark, commit."""
    while True:
        polled = await consumer.getmany(timeout_ms=POLL_MS, max_records=job.settings.batch_size)
        if not polled:
            continue
        records = [Record.of(each, job.incarnation) for read in polled.values() for each in read]
        outgoing = await job.desk.take(records)
        await publish(producer, outgoing)
        await job.desk.published(outgoing)
        await consumer.commit({TopicPartition(r.topic, r.partition): r.offset + 1 for r in records})


async def publish(producer: AIOKafkaProducer, outgoing: Sequence[Outgoing]) -> None:
    """Publish the events and wait until the brokers have acknowledged them all."""
    batches: dict[tuple[str, int], BatchBuilder] = {}
    sent = []
    for event in outgoing:
        key = key_of(event)
        headers = list(event.headers)
        for topic, value in event.bodies:
            numbers = sorted(await producer.partitions_for(topic))
            place = (topic, _partition_of(key, numbers, numbers))
            batch = batches.get(place)
            if batch is None or not batch.append(
                timestamp=None, key=key, value=value, headers=headers
            ):
                if batch is not None:
                    sent.append(await producer.send_batch(batch, topic, partition=place[1]))
                batch = batches[place] = producer.create_batch()
                batch.append(timestamp=None, key=key, value=value, headers=headers)
    for (topic, number), batch in batches.items():
        sent.append(await producer.send_batch(batch, topic, partition=number))
    await asyncio.gather(*sent)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
