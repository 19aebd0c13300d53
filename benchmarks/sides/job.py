"""The job that every peer does: the service's own desk, on the topics and settings of the run.

A peer reads calls, has the desk decide and write in one transaction, publishes what results, marks
it as published when the brokers have it, and only then commits its offsets.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from dispatch.agents.publisher import BATCH_BYTES, REQUEST_BYTES
from dispatch.clock import SystemClock
from dispatch.cluster import cluster_id_of
from dispatch.policy.pack import load_pack
from dispatch.settings import Settings, load_settings
from dispatch.store.desk import Desk
from dispatch.store.plan import read_plan
from dispatch.topics.envelope import Outgoing

AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Job:
    """What a peer works with."""

    settings: Settings
    desk: Desk
    incarnation: str

    @property
    def topic(self) -> str:
        """The topic of the calls; the consumer group has its name too."""
        return f"{self.settings.topic_prefix}calls"

    @property
    def consumer_options(self) -> dict[str, Any]:
        """How the service's own consumer is set up, for peers on aiokafka."""
        kafka = self.settings.kafka
        return {
            "group_id": self.topic,
            "auto_offset_reset": "earliest",
            "session_timeout_ms": kafka.session_timeout_ms,
            "heartbeat_interval_ms": kafka.session_timeout_ms // 6,
            "fetch_max_wait_ms": kafka.fetch_max_wait_ms,
        }

    @property
    def producer_options(self) -> dict[str, Any]:
        """How the service's own producer is set up, for peers on aiokafka."""
        return {
            "acks": "all",
            "enable_idempotence": self.settings.kafka.enable_idempotence,
            "max_batch_size": BATCH_BYTES,
            "max_request_size": REQUEST_BYTES,
        }


@asynccontextmanager
async def open_job() -> AsyncIterator[Job]:
    """Open the desk that the environment describes.

    Raises Unavailable or SchemaMismatch, as the desk does.
    """
    settings = load_settings()
    assert settings.city is not None, "the bench names the city's plan"
    desk = Desk(
        settings.database.connect_options(),
        plan=read_plan(settings.city),
        pack=load_pack(settings.policy),
        clock=SystemClock(),
        topic_prefix=settings.topic_prefix,
    )
    await desk.open()
    job = Job(settings, desk, await cluster_id_of(settings.kafka.client_options()))
    try:
        await _publish_what_opening_wrote(job)
        yield job
    finally:
        await desk.close()


async def _publish_what_opening_wrote(job: Job) -> None:
    """Publish the duties that the city's plan brought, before the time runs."""
    async with AIOKafkaProducer(
        **job.settings.kafka.client_options(), **job.producer_options
    ) as producer:
        while written := await job.desk.leftovers(0, AT_ONCE):
            for event in written:
                for topic, value in event.bodies:
                    await producer.send_and_wait(
                        topic, value, key=key_of(event), headers=list(event.headers)
                    )
            await job.desk.published(written)


def key_of(event: Outgoing) -> bytes | None:
    """Return the key under which an event goes out."""
    return None if event.key is None else event.key.encode()
