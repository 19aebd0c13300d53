"""Publishing: one producer for everything that leaves a worker, each key in order."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any

import mode
import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)
from aiokafka.producer.message_accumulator import BatchBuilder

from dispatch.cluster import close_producer
from dispatch.errors import Unavailable
from dispatch.kafka.placement import number_of
from dispatch.metrics import Metrics
from dispatch.topics.envelope import Outgoing

REQUEST_TIMEOUT_MS = 5_000  # after it a batch that no broker acknowledged has failed
CONNECT_TIMEOUT = 5.0  # seconds
ACKNOWLEDGED_LIMIT = 10.0  # seconds for a batch in every partition; a new leader takes some
BATCH_BYTES = 512 * 1024
# A dead letter carries the refused record, up to 1 MiB, in base64.
REQUEST_BYTES = 4 * 1024 * 1024

# An event, and what it says on one of its topics.
_Body = tuple[Outgoing, bytes]

log = structlog.get_logger(__name__)


class Publisher(mode.Service):
    """Publishes sequences of events and waits until the brokers have acknowledged them all.

    One that is copied to a second topic is acknowledged when both have it.

    A sequence that fails leaves the old producer behind: after a batch was given up, an idempotent
    producer's numbering has a gap that brokers refuse for good. What it may still have delivered
    comes twice, which readers drop.

    An event that its topic does not take, however it comes, is left out: it stays in the event log
    of the database, it is told and counted, and it holds up no other.
    """

    def __init__(
        self, client_options: dict[str, Any], *, enable_idempotence: bool, metrics: Metrics
    ) -> None:
        super().__init__()
        self._options = {
            **client_options,
            "acks": "all",
            "enable_idempotence": enable_idempotence,
            "max_batch_size": BATCH_BYTES,
            "max_request_size": REQUEST_BYTES,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
        }
        self._metrics = metrics
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, events: Sequence[Outgoing]) -> None:
        """Publish the events; those of a key arrive in the order given.

        Raises Unavailable: any of them may or may not have arrived; publish them again.
        """
        producer = await self._connected()
        try:
            waiting = await self._by_partition(producer, events)
            # A partition's next batch is sent once its last one is acknowledged: otherwise one
            # could fail, the next arrive, and a reader would take the missing events for old ones.
            while waiting:
                # An idempotent producer would try for ever, and nobody would hear of it.
                async with asyncio.timeout(ACKNOWLEDGED_LIMIT):
                    await self._send_round(producer, waiting)
        except (MessageSizeTooLargeError, RecordListTooLargeError):
            self._discard(producer)
            await self._publish_smaller(events)
            return
        except (KafkaError, OSError) as error:
            self._discard(producer)
            raise Unavailable(f"The broker took no events: {error!r}") from error
        self._metrics.count_published(events)

    async def _publish_smaller(self, events: Sequence[Outgoing]) -> None:
        """Publish by halves what was too large for a topic, so that one too large is found alone.

        What arrived of it already comes twice.
        """
        if len(events) > 1:
            middle = len(events) // 2
            await self.publish(events[:middle])
            await self.publish(events[middle:])
            return
        (event,) = events
        self._metrics.withheld.labels(topic=event.topic).inc()
        log.error(
            "an event is larger than its topic takes: it is in the event log alone",
            topic=event.topic,
            position=event.position,
            bytes=max(len(body) for _, body in event.bodies),
        )

    async def reachable(self) -> bool:
        """Whether a broker answers."""
        try:
            producer = await self._connected()
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await producer.client.fetch_all_metadata()
        except (Unavailable, KafkaError, OSError):
            return False
        return True

    async def on_stop(self) -> None:
        """Close the producer."""
        if self._producer is not None:
            await close_producer(self._producer)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._options)
                try:
                    async with asyncio.timeout(CONNECT_TIMEOUT):
                        await producer.start()
                except BaseException as error:
                    # Whoever asks /readyz may have lost patience.
                    await close_producer(producer)
                    if isinstance(error, KafkaError | OSError):
                        raise Unavailable(f"The broker can't be reached: {error!r}") from error
                    raise
                self._producer = producer
            return self._producer

    def _discard(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
            self.add_future(close_producer(producer))

    async def _by_partition(
        self, producer: AIOKafkaProducer, events: Sequence[Outgoing]
    ) -> dict[TopicPartition, deque[_Body]]:
        partitions: dict[str, list[int]] = {}
        waiting: dict[TopicPartition, deque[_Body]] = defaultdict(deque)
        for event in events:
            # Events without a key are numbered as one stream too, and stay on one partition.
            key = (event.key or "").encode()
            for topic, body in event.bodies:
                if topic not in partitions:
                    partitions[topic] = await _partitions(producer, topic)
                of_topic = partitions[topic]
                partition = of_topic[number_of(key) % len(of_topic)]
                waiting[TopicPartition(topic, partition)].append((event, body))
        return waiting

    async def _send_round(
        self, producer: AIOKafkaProducer, waiting: dict[TopicPartition, deque[_Body]]
    ) -> None:
        sent = await asyncio.gather(
            *(
                producer.send_batch(_fill(producer, events), tp.topic, partition=tp.partition)
                for tp, events in waiting.items()
            ),
            return_exceptions=True,
        )
        acknowledged = await asyncio.gather(
            *(future for future in sent if not isinstance(future, BaseException)),
            return_exceptions=True,
        )
        for result in (*sent, *acknowledged):
            if isinstance(result, BaseException):
                raise result
        for tp in [tp for tp, events in waiting.items() if not events]:
            del waiting[tp]


async def _partitions(producer: AIOKafkaProducer, topic: str) -> list[int]:
    try:
        return sorted(await producer.partitions_for(topic))
    except UnknownTopicOrPartitionError as error:
        raise Unavailable(f"Kafka has no topic {topic}") from error


def _fill(producer: AIOKafkaProducer, events: deque[_Body]) -> BatchBuilder:
    """Take as many events off the front as one batch holds; at least one."""
    batch: BatchBuilder = producer.create_batch()
    while events:
        event, body = events[0]
        key = None if event.key is None else event.key.encode()
        if batch.append(timestamp=None, key=key, value=body, headers=list(event.headers)) is None:
            break
        events.popleft()
    batch.close()
    return batch
