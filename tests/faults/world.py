"""The world around the service: who calls, drives and receives, on a clock that runs fast."""

import asyncio
import time
import zlib
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from dispatch.clock import ScenarioClock
from dispatch.kafka.placement import number_of
from dispatch.log_end import ends_of_logs
from dispatch.policy.pack import Pack
from dispatch.simulation import crews, hospitals
from dispatch.simulation.agenda import Action, Agenda
from dispatch.simulation.seen import Seen
from dispatch.simulation.surroundings import Reaction
from dispatch.store.plan import CityPlan
from dispatch.topics import INPUT_TOPICS, OUTPUT_TOPICS, TOPIC_OF, key_of
from dispatch.topics.calls import Call
from dispatch.topics.cloudevents import derived_id, write_headers
from dispatch.topics.envelope import Record
from dispatch.topics.fields import Content

# Wall seconds.
LOOK_AGAIN: Final = 0.02
FETCH_MS: Final = 100
DELIVERY_MS: Final = 120_000
# Those of whom each has a device of its own, with its clock, and publishes as itself.
_OF_DEVICES: Final = frozenset({crews.SOURCE, hospitals.SOURCE})
# What a console hears first of a call.
_ANSWERS: Final = frozenset({"call.decided", "call.linked"})
_KEPT: Final = 500  # records of each topic that may be published again

Headers = Iterable[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Sent:
    """An input that was published, to be published again."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def id(self) -> str:
        """The event's id."""
        return dict(self.headers)["ce_id"].decode()

    @property
    def type(self) -> str:
        """The event's type."""
        return dict(self.headers)["ce_type"].decode()


@dataclass(eq=False, slots=True)
class _Held:
    """What waits with those who say it."""

    whose: Callable[[Sent], bool]
    words: deque[Sent] = field(default_factory=deque)


class World:
    """A city around the service, as those in it see it: on its clock, through Kafka alone."""

    def __init__(
        self,
        *,
        client_options: Mapping[str, Any],
        enable_idempotence: bool,
        prefix: str,
        partitions: int,
        clock: ScenarioClock,
        plan: CityPlan,
        pack: Pack,
    ) -> None:
        self.clock = clock
        self.plan = plan
        self.pack = pack
        self.prefix = prefix
        # Inputs that the brokers have acknowledged, by topic.
        self.acknowledged: Counter[str] = Counter()
        self.republished = 0
        # When each call was published, and when a reader saw what became of it, in wall seconds.
        self.called_at: dict[str, float] = {}
        self.answered_at: dict[str, float] = {}
        self.recent: dict[str, list[Sent]] = defaultdict(list)
        # By how much the clocks of crews' and hospitals' devices are ahead, by their ids.
        self.ahead: dict[str, timedelta] = {}
        # Which keys of a topic (without prefix) are placed as by librdkafka that is not told how.
        self.by_crc32: list[Callable[[str, bytes], bool]] = []
        self._held: list[_Held] = []
        self._partitions = partitions
        self._options = dict(client_options)
        self._idempotence = enable_idempotence
        self._agenda = Agenda()
        self._reactions: defaultdict[str, list[Reaction]] = defaultdict(list)
        self._watchers: list[Reaction] = []
        self._ordinals: Counter[str] = Counter()
        self._sequences: dict[tuple[str, str | None], int] = {}
        self._acting_at: datetime | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None

    # -- beginning and ending

    async def start(self) -> None:
        """Connect, and let time pass."""
        self._producer = await self._new_producer()
        self._consumer = AIOKafkaConsumer(**self._options, enable_auto_commit=False)
        await self._consumer.start()
        outputs = [
            TopicPartition(self.prefix + topic.name, number)
            for topic in OUTPUT_TOPICS
            for number in range(self._partitions)
        ]
        self._consumer.assign(outputs)
        await self._consumer.seek_to_beginning()
        self._tasks = [asyncio.create_task(self._consume()), asyncio.create_task(self._live())]

    async def freeze(self) -> None:
        """Let nobody in the city do anything more; wait until all that was said is on Kafka."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.delivered()

    async def delivered(self) -> None:
        """Wait until the brokers have acknowledged all that was published."""
        while self._sending:
            await asyncio.gather(*self._sending)

    async def stop(self) -> None:
        """Let go of Kafka."""
        for task in (*self._tasks, *self._sending):
            task.cancel()
        if self._consumer is not None:
            await self._consumer.stop()
        if self._producer is not None:
            await self._producer.stop()

    def check(self) -> None:
        """Raise what has ended the world's life, if anything did."""
        for task in self._tasks:
            if task.done():
                task.result()

    # -- what those who play a part in the city need

    def now(self) -> datetime:
        """Return the time of what is being done."""
        return self._acting_at or self.clock.now()

    def at(self, when: datetime, action: Action) -> None:
        """Do something at a time of the scenario (aware)."""
        self._agenda.put(when, action, exact=False)

    def after(self, seconds: float, action: Action) -> None:
        """Do something after so many seconds of the scenario."""
        self.at(self.now() + timedelta(seconds=seconds), action)

    def on(self, event_type: str, reaction: Reaction) -> None:
        """Let `reaction` be called with every new event of a type, once."""
        self._reactions[event_type].append(reaction)

    def watch(self, watcher: Reaction) -> Callable[[], None]:
        """Let `watcher` be called with every new event; return what ends that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    async def publish(self, event: Content, *, source: str) -> str:
        """Publish an input as `source`; return its id."""
        sent = self.said(event, source=source)
        for held in self._held:
            if held.whose(sent):
                held.words.append(sent)
                break
        else:
            await self._send_first(sent)
        return sent.id

    async def hold_back(self, whose: Callable[[Sent], bool], seconds: float) -> int:
        """Let words wait with those who say them for so long (wall seconds), then send them.

        They are sent in their order, before what is said later. Returns how many these were.
        """
        held, sent = _Held(whose), 0
        self._held.append(held)
        await asyncio.sleep(seconds)
        while held.words:
            await self._send_first(held.words.popleft())
            sent += 1
        self._held.remove(held)
        return sent

    def said(self, event: Content, *, source: str) -> Sent:
        """Return an input as `source` publishes it now; whoever asked for it publishes it."""
        key, at = key_of(event), self.now()
        if source in _OF_DEVICES:
            source = f"{source}/{key}"
            if ahead := self.ahead.get(key):
                event, at = told_by(event, ahead), at + ahead
        origin = f"{source}/{key}/{event.event_type}"
        event_id = derived_id(origin, self._ordinals[origin])
        self._ordinals[origin] += 1
        headers = write_headers(
            event_id=event_id,
            event_type=event.event_type,
            at=at,
            subject=key,
            source=source,
        )
        if isinstance(event, Call):
            self.called_at[event.call_id] = time.monotonic()
        return Sent(
            TOPIC_OF[event.event_type].name,
            key.encode(),
            event.model_dump_json().encode(),
            tuple(headers),
        )

    def partition_of(self, key: bytes, topic: str = "calls") -> int:
        """Return the partition of a topic (without prefix) on which what has a key is put now."""
        other = any(places(topic, key) for places in self.by_crc32)
        return (zlib.crc32(key) if other else number_of(key)) % self._partitions

    async def inputs_on_kafka(self) -> int:
        """Return how many inputs the brokers hold; the world is frozen and reads no more."""
        assert self._consumer is not None
        inputs = [
            TopicPartition(self.prefix + topic.name, number)
            for topic in INPUT_TOPICS
            for number in range(self._partitions)
        ]
        self._consumer.assign(inputs)
        while True:
            try:
                told = await self._consumer.end_offsets(inputs)
                ends = await ends_of_logs(
                    self._consumer, {tp: end for tp, end in told.items() if end}
                )
            except KafkaError:
                await asyncio.sleep(LOOK_AGAIN)
            else:
                return sum(ends.values())

    async def replicated(self) -> bool:
        """Whether every partition has all its copies; no, when that can't be found out."""
        admin = AIOKafkaAdminClient(**self._options, request_timeout_ms=5_000)
        try:
            await admin.start()
            described = await admin.describe_topics()
        except (KafkaError, OSError):
            return False
        finally:
            await admin.close()
        return all(
            len(each["isr"]) == len(each["replicas"])
            for topic in described
            for each in topic["partitions"]
        )

    async def send(self, sent: Sent) -> None:
        """Publish a record; those of a key arrive in the order of these calls."""
        assert self._producer is not None
        partition = None if sent.key is None else self.partition_of(sent.key, sent.topic)
        acknowledged = await self._producer.send(
            self.prefix + sent.topic,
            value=sent.value,
            key=sent.key,
            partition=partition,
            headers=list(sent.headers),
        )
        task = asyncio.ensure_future(self._see_through(sent, partition, acknowledged))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_first(self, sent: Sent) -> None:
        """Publish what has not been published before; it may be again."""
        await self.send(sent)
        recent = self.recent[sent.topic]
        recent.append(sent)
        if len(recent) > _KEPT:
            del recent[: _KEPT // 2]

    async def _see_through(
        self, sent: Sent, partition: int | None, acknowledged: "asyncio.Future[Any]"
    ) -> None:
        try:
            await acknowledged
        except KafkaError:
            # Whether it arrived nobody knows: it is said again, under the same id.
            self.republished += 1
            assert self._producer is not None
            await self._producer.send_and_wait(
                self.prefix + sent.topic,
                value=sent.value,
                key=sent.key,
                partition=partition,
                headers=list(sent.headers),
            )
        self.acknowledged[sent.topic] += 1

    async def _new_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._options,
            acks="all",
            enable_idempotence=self._idempotence,
            request_timeout_ms=DELIVERY_MS,
            max_batch_size=256 * 1024,
            max_request_size=4 * 1024 * 1024,
            linger_ms=5,
        )
        await producer.start()
        return producer

    # -- time, and what is seen

    async def _live(self) -> None:
        while True:
            for entry in self._agenda.take(self.clock.now()):
                self._acting_at = entry.when
                await entry.action()
                self._acting_at = None
            await asyncio.sleep(LOOK_AGAIN)

    async def _consume(self) -> None:
        assert self._consumer is not None
        while True:
            for messages in (await self._consumer.getmany(timeout_ms=FETCH_MS)).values():
                for message in messages:
                    self._take(message)
                await asyncio.sleep(0)

    def _take(self, message: Any) -> None:
        record = Record.of(message)
        topic = record.topic.removeprefix(self.prefix)
        seen = Seen.of(record, topic=topic, wall=time.monotonic())
        stream = (seen.topic, seen.key)
        if seen.sequence <= self._sequences.get(stream, 0):
            return
        self._sequences[stream] = seen.sequence
        if seen.type in _ANSWERS:
            self.answered_at.setdefault(seen.data["call_id"], seen.wall)
        for reaction in (*self._reactions[seen.type], *self._watchers):
            reaction(seen)


def told_by(event: Content, ahead: timedelta) -> Content:
    """Return an event as somebody tells it whose clock is ahead by so much, or behind."""
    times = {name: at + ahead for name, at in event if isinstance(at, datetime)}
    return event.model_copy(update=times)
