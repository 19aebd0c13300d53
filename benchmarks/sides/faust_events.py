"""The job on Faust as its guide has it: `python -m benchmarks.sides.faust_events`.

An agent takes event after event from its topic; each is decided in a transaction of its own, its
events are sent and awaited, and Faust acknowledges it when the body goes on to the next.
"""

import asyncio
from typing import Any

import faust
from faust.types import EventT, StreamT

from benchmarks.sides.job import Job, key_of, open_job
from dispatch.topics.envelope import Record


def app_for(job: Job) -> faust.App:
    """Return the app that does the job; call it inside the event loop."""
    kafka = job.settings.kafka
    app = faust.App(
        # The consumer group has this name.
        job.topic,
        broker="kafka://" + kafka.bootstrap_servers.replace(",", ";kafka://"),
        broker_session_timeout=kafka.session_timeout_ms / 1_000,
        broker_heartbeat_interval=kafka.session_timeout_ms / 6_000,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        autodiscover=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
        datadir=str(job.settings.data_dir / "faust"),
    )
    calls = app.topic(job.topic, key_type=bytes, value_type=bytes, value_serializer="raw")

    @app.agent(calls)
    async def settle(stream: StreamT[bytes]) -> None:
        async for event in stream.events():
            outgoing = await job.desk.take([_as_record(event, job.incarnation)])
            sent = [
                await app.send(
                    topic,
                    key=key_of(each),
                    value=value,
                    headers=list(each.headers),
                    key_serializer="raw",
                    value_serializer="raw",
                )
                for each in outgoing
                for topic, value in each.bodies
            ]
            await asyncio.gather(*sent)
            await job.desk.published(outgoing)

    return app


def _as_record(event: EventT[bytes], incarnation: str) -> Record:
    read = event.message
    headers: Any = read.headers
    return Record(
        topic=read.topic,
        partition=read.partition,
        offset=read.offset,
        timestamp_ms=round(read.timestamp * 1_000),
        key=read.key,
        value=read.value,
        headers=tuple(headers),
        incarnation=incarnation,
    )


async def main() -> None:
    """Work until killed."""
    async with open_job() as job:
        app = app_for(job)
        await app.start()
        await app.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
