"""Who publishes calls, as a console does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaProducer

from dispatch.settings import KafkaSettings
from dispatch.topics.calls import Call
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


async def publish_call(
    producer: AIOKafkaProducer, prefix: str, call: Call, now: datetime
) -> "asyncio.Future[object]":
    """Hand a call to the producer; what is returned is done when the brokers have it."""
    headers = write_headers(
        event_id=f"e-{call.call_id}",
        event_type=call.event_type,
        at=now,
        subject=call.call_id,
        source=SOURCE,
    )
    sent: asyncio.Future[object] = await producer.send(
        f"{prefix}calls",
        call.model_dump_json().encode(),
        key=call.call_id.encode(),
        headers=list(headers),
    )
    return sent
