"""Publishing and reading events on Kafka, as a console, a crew or a hospital does.

What is published is a model of `dispatch.topics`, keyed so that one call's, unit's or hospital's
events stay in order. What is read comes with its CloudEvents attributes and is never refused:
a reader may meet events of a newer version.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final
from uuid import uuid4

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from dispatch.cluster import close_producer, partitions_of, unreachable
from dispatch.errors import Unavailable
from dispatch.kafka.consumer import Consumer, UnreadableRecord
from dispatch.log_end import readable_end
from dispatch.settings import KafkaSettings
from dispatch.topics import TOPIC_OF, key_of
from dispatch.topics.cloudevents import timestamp, write_headers
from dispatch.topics.fields import EARLIEST_YEAR, LATEST_YEAR, Content

# What the command line names as the source of its events.
SOURCE: Final = "dispatch-cli"
REQUEST_TIMEOUT_MS: Final = 15_000
PUBLISH_LIMIT: Final = 20.0  # seconds
# How long one look for new events may last, in ms; then it is looked again.
LOOK_MS: Final = 1_000
RECORDS_AT_ONCE: Final = 500
# Levels of a body; no event has a dozen, and what writes them takes a few hundred.
DEEPEST: Final = 100
LOOK_FOR_ENDS_MS: Final = 200
LOOKS_FOR_ENDS: Final = 25
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Published:
    """What was published, and where; `topic` is without the prefix."""

    id: str
    source: str
    type: str
    topic: str
    key: str
    partition: int
    offset: int

    @property
    def identity(self) -> str:
        """What the service's events name as their cause."""
        return f"{self.source}#{self.id}"


@dataclass(frozen=True, slots=True)
class Event:
    """One event as read; `topic` is without the prefix, `timestamp` the record's, in UTC.

    `data` is the body, or an empty object where there is none that can be read. `unreadable` says
    why a record can't be read at all; the attributes are then those that could be had.
    """

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    key: str | None
    attributes: dict[str, str]
    data: dict[str, Any]
    unreadable: str | None = None

    @property
    def type(self) -> str:
        """The event's type; empty when it names none."""
        return self.attributes.get("type", "")

    @property
    def time(self) -> datetime:
        """When the event happened: its own time, else its record's."""
        try:
            when = datetime.fromisoformat(self.attributes.get("time", ""))
            when = self.timestamp if when.tzinfo is None else when.astimezone(UTC)
        except (ValueError, OverflowError):
            return self.timestamp
        # At the edges of the calendar no other zone can show it.
        return when if EARLIEST_YEAR <= when.year <= LATEST_YEAR else self.timestamp

    def as_json(self) -> dict[str, Any]:
        """Return everything, as one JSON object."""
        return {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "timestamp": timestamp(self.timestamp),
            "key": self.key,
            "attributes": self.attributes,
            "data": self.data,
            **({} if self.unreadable is None else {"unreadable": self.unreadable}),
        }


async def publish(
    kafka: KafkaSettings, topic_prefix: str, event: Content, *, at: datetime, source: str = SOURCE
) -> Published:
    """Publish one event and wait until the brokers have it.

    Raises Unavailable when they can't be reached or don't take it.
    """
    topic = TOPIC_OF[event.event_type]
    key = key_of(event)
    event_id = str(uuid4())
    headers = write_headers(
        event_id=event_id, event_type=event.event_type, at=at, subject=key, source=source
    )
    producer = AIOKafkaProducer(
        **kafka.client_options(),
        acks="all",
        enable_idempotence=kafka.enable_idempotence,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )
    try:
        await producer.start()
        # An idempotent producer would try for ever.
        async with asyncio.timeout(PUBLISH_LIMIT):
            where = await producer.send_and_wait(
                topic_prefix + topic.name,
                event.model_dump_json().encode(),
                key=key.encode(),
                headers=list(headers),
            )
    except (KafkaError, OSError) as error:
        if isinstance(error, TimeoutError):
            error = TimeoutError("the event was not acknowledged in time")
        raise await unreachable(kafka.client_options(), error) from error
    finally:
        await close_producer(producer)
    return Published(
        id=event_id,
        source=source,
        type=event.event_type,
        topic=topic.name,
        key=key,
        partition=where.partition,
        offset=where.offset,
    )


class Reader:
    """Reads topics from where they stood when it was opened; joins no group, leaves no trace."""

    def __init__(self, consumer: Consumer, topic_prefix: str) -> None:
        """Read with a started consumer; use `open_reader`."""
        self._consumer = consumer
        self._prefix = topic_prefix
        self._ends: dict[TopicPartition, int] = {}

    async def seek(self, found: list[TopicPartition]) -> None:
        """Stand at the present end of these partitions."""
        self._consumer.assign(found)
        told = await self._consumer.end_offsets(found)
        for partition, offset in told.items():
            self._consumer.seek(partition, offset)
        # The embedded broker tells too low an end (see `dispatch.log_end`); what comes with a
        # fetch is right. One fetch asks for all partitions together.
        for _ in range(LOOKS_FOR_ENDS):
            await self._consumer.getmany(timeout_ms=LOOK_FOR_ENDS_MS)
            if all(readable_end(self._consumer, partition) is not None for partition in found):
                break
        for partition, offset in told.items():
            self._ends[partition] = max(offset, readable_end(self._consumer, partition) or 0)
            self._consumer.seek(partition, self._ends[partition])

    async def past(self) -> AsyncIterator[Event]:
        """Yield what the topics held when this was opened, by the records' times.

        Events of one partition stay in their order.
        """
        waiting: dict[TopicPartition, deque[ConsumerRecord[bytes, bytes]]] = {}
        begins = await self._consumer.beginning_offsets(list(self._ends))
        for partition, begin in begins.items():
            if begin < self._ends[partition]:
                waiting[partition] = deque()
                self._consumer.seek(partition, begin)
        while waiting:
            empty = [partition for partition, records in waiting.items() if not records]
            for partition in empty:
                # Compaction and deletion may have left nothing before the end.
                if await self._consumer.position(partition) >= self._ends[partition]:
                    del waiting[partition]
            empty = [partition for partition in empty if partition in waiting]
            if empty:
                found = await self._consumer.getmany(
                    *empty, timeout_ms=LOOK_MS, max_records=RECORDS_AT_ONCE
                )
                for partition, records in found.items():
                    waiting[partition] += records
                continue
            if not waiting:
                return
            first = min(waiting, key=lambda partition: waiting[partition][0].timestamp)
            record = waiting[first].popleft()
            if record.offset >= self._ends[first]:
                # It came since: `new` reads it again.
                waiting[first].clear()
                self._consumer.seek(first, self._ends[first])
                del waiting[first]
                continue
            yield as_event(record, self._prefix)

    async def new(self) -> AsyncIterator[Event]:
        """Yield what comes since this was opened, for as long as it is asked."""
        while True:
            found = await self._consumer.getmany(timeout_ms=LOOK_MS, max_records=RECORDS_AT_ONCE)
            records = [record for records in found.values() for record in records]
            for record in sorted(records, key=lambda record: record.timestamp):
                yield as_event(record, self._prefix)


@asynccontextmanager
async def open_reader(
    kafka: KafkaSettings, topic_prefix: str, topics: Collection[str]
) -> AsyncIterator[Reader]:
    """Open a reader of some topics (without the prefix), standing at their end.

    Raises Unavailable when the brokers can't be reached or a topic is missing.
    """
    consumer = Consumer(
        **kafka.client_options(),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=kafka.fetch_max_wait_ms,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )
    try:
        await consumer.start()
        names = [topic_prefix + topic for topic in topics]
        # A consumer without a subscription or an assignment knows of no topic.
        partitions = await partitions_of(kafka.client_options(), names)
        for name in names:
            if name not in partitions:
                raise Unavailable(f"Kafka has no topic {name}")
        reader = Reader(consumer, topic_prefix)
        await reader.seek([TopicPartition(name, n) for name in names for n in partitions[name]])
        yield reader
    except (KafkaError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise await unreachable(kafka.client_options(), error) from error
    finally:
        await consumer.stop()


def as_event(record: ConsumerRecord[bytes, bytes], topic_prefix: str) -> Event:
    """Return a record as an event, whatever is in it.

    A body that is nested more than DEEPEST levels deep can't be read. A record without a time, or
    with one that no calendar has, is of the year 1970.
    """
    attributes = {
        name.removeprefix("ce_"): value.decode("utf-8", "replace")
        for name, value in record.headers
        if name.startswith("ce_") and value is not None
    }
    try:
        # Python reads more numbers than JSON knows.
        data = json.loads(
            record.value or b"", parse_constant=_no_number, parse_float=_finite_or_none
        )
    except (ValueError, RecursionError):
        data = {}
    return Event(
        topic=record.topic.removeprefix(topic_prefix),
        partition=record.partition,
        offset=record.offset,
        timestamp=_time_of(record.timestamp),
        key=None if record.key is None else record.key.decode("utf-8", "replace"),
        attributes=attributes,
        data=data if isinstance(data, dict) and not _too_deep(data) else {},
        unreadable=record.unreadable if isinstance(record, UnreadableRecord) else None,
    )


def _time_of(milliseconds: int | None) -> datetime:
    try:
        when = _EPOCH + timedelta(milliseconds=milliseconds or 0)
    except OverflowError:
        return _EPOCH
    return when if when >= _EPOCH and when.year <= LATEST_YEAR else _EPOCH


def _no_number(_constant: str) -> None:
    return None


def _finite_or_none(digits: str) -> float | None:
    number = float(digits)
    return number if isfinite(number) else None


def _too_deep(data: dict[str, Any]) -> bool:
    level: list[Any] = [data]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for each in level:
            members = each.values() if isinstance(each, dict) else each
            inner += [member for member in members if isinstance(member, (dict, list))]
        if not inner:
            return False
        level = inner
    return True
