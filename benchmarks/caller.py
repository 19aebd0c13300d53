"""Who publishes calls, as a console does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaProducer

from dispatch.settings import KafkaSettings
from dispatch.topics.calls import Call, CallCancelled
from dispatch.topics.cloudevents import write_headers

if TYPE_CHECKING:
    import asyncio

SOURCE: Final = "console-1"


@asynccontextmanager
async def started_producer(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaProducer]:
    """Yield a producer as consoles and crews have one."""
    async with AIOKafkaProducer(
        **kafka.client_options(), acks="all", enable_idempotence=kafka.enable_idempotence
    ) as producer:
        yield producer


async def publish_event(
    producer: AIOKafkaProducer,
    prefix: str,
    event: Call | CallCancelled,
    now: datetime,
    partition: int | None = None,
) -> "asyncio.Future[object]":
    """Hand what a console says to the producer; what is returned is done when the brokers have it.

    It goes to the partition of its key, or to the one that is named.
    """
    sent: asyncio.Future[object] = await producer.send(
        f"{prefix}calls",
        event.model_dump_json().encode(),
        key=event.call_id.encode(),
        partition=partition,
        headers=list(headers_of(event, now)),
    )
    return sent


def headers_of(event: Call | CallCancelled, now: datetime) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of what a console says."""
    return write_headers(
        event_id=f"{event.event_type}/{event.call_id}",
        event_type=event.event_type,
        at=now,
        subject=event.call_id,
        source=SOURCE,
    )
