"""The job on FastStream: `python -m benchmarks.sides.faststream_batches`.

A batch subscriber, which FastStream acknowledges when the handler has returned.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import uvloop
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage

from benchmarks.sides.job import Job, key_of, open_job
from dispatch.topics.envelope import Outgoing, Record

BATCH_WAIT_MS = 200


async def main() -> None:
    """Work until killed."""
    async with open_job() as job:
        broker = KafkaBroker(**_connection(job), **job.producer_options, log_level=logging.DEBUG)
        subscriber = broker.subscriber(
            job.topic,
            batch=True,
            max_records=job.settings.batch_size,
            batch_timeout_ms=BATCH_WAIT_MS,
            ack_policy=AckPolicy.NACK_ON_ERROR,
            **job.consumer_options,
        )

        @subscriber
        async def handle(message: KafkaMessage) -> None:
            read: Any = message.raw_message
            outgoing = await job.desk.take([Record.of(each, job.incarnation) for each in read])
            await _publish(broker, outgoing)
            await job.desk.published(outgoing)

        await FastStream(broker).run(log_level=logging.WARNING)


def _connection(job: Job) -> dict[str, Any]:
    kafka = job.settings.kafka
    return {"bootstrap_servers": kafka.bootstrap_servers, "client_id": kafka.client_id}


async def _publish(broker: KafkaBroker, outgoing: Sequence[Outgoing]) -> None:
    sent = [
        await broker.publish(
            body,
            topic,
            key=key_of(event),
            headers={name: value.decode() for name, value in event.headers},
            no_confirm=True,
        )
        for event in outgoing
        for topic, body in event.bodies
    ]
    await asyncio.gather(*sent)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
