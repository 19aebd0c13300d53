"""The stage of a scenario: the real service on the embedded stack, on a clock that is stepped.

Time stands still while there is work in hand: an input not read, an event not consumed, a timer
due. Then the clock goes to whatever comes next, an action of the agenda or a timer.
"""

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaProducer, TopicPartition

from dispatch.checker import Input, Violation, check, numbers_in
from dispatch.clock import ScenarioClock
from dispatch.cluster import ensure_topics
from dispatch.errors import StackError
from dispatch.kafka.consumer import Consumer
from dispatch.policy.pack import Pack, load_pack
from dispatch.settings import KafkaSettings
from dispatch.simulation.agenda import Action, Agenda
from dispatch.simulation.seen import Published, Seen
from dispatch.simulation.surroundings import Reaction
from dispatch.stack.addresses import free_port
from dispatch.stack.broker import Broker
from dispatch.stack.embedded import AnyBroker, Stack, running_stack
from dispatch.stack.process import Process
from dispatch.stack.workers import Worker, worker_environment
from dispatch.store.inbound import read
from dispatch.store.plan import CityPlan, read_plan
from dispatch.store.schema import amigrate
from dispatch.topics import OUTPUT_TOPICS, TOPIC_OF, TOPICS, key_of, own_topic
from dispatch.topics.cloudevents import derived_id, write_headers
from dispatch.topics.envelope import Record
from dispatch.topics.fields import Content

PREFIX: Final = "dispatch."
CLOCK_FILE: Final = "scenario.clock"
# Wall seconds.
STUCK_LIMIT: Final = 60.0
READY_LIMIT: Final = 60.0
# A commit says when to look; this is for a notice that was missed.
LOOK_AGAIN: Final = 0.1
# Reading from the embedded broker takes time in proportion to all that a partition holds.
PARTITIONS: Final = 16
ORDERS: Final = "orders"
COMMITS: Final = "dispatch_stage"
# Scenario time for which timers alone keep a scenario going: whoever waits then waits for nobody.
PATIENCE: Final = timedelta(hours=4)

_FOLDER: Final = resources.files("dispatch.simulation")
_WORK_IN_HAND: Final = (_FOLDER / "work_in_hand.sql").read_text("utf-8")
_INBOX: Final = (_FOLDER / "inbox.sql").read_text("utf-8")
_TELL_COMMITS: Final = (_FOLDER / "tell_commits.sql").read_text("utf-8")
_COUNTS: Final = (_FOLDER / "counts.sql").read_text("utf-8")

Headers = Iterable[tuple[str, bytes]]


@asynccontextmanager
async def open_stage(
    plan_path: Path,
    *,
    start: datetime,
    data_dir: Path,
    policy: str = "covid-19",
    workers: int = 1,
    kafka: Callable[[Path], AnyBroker] = Broker,
) -> AsyncIterator["Stage"]:
    """Run the service on a new stack in `data_dir`, its clock standing at `start` (aware).

    `kafka` makes the broker, which logs to a directory. Raises ConfigurationError for a broken
    plan, PackError for a broken pack, StackError when anything doesn't start.
    """
    plan, pack = read_plan(plan_path), load_pack(policy)
    async with AsyncExitStack() as exits:
        stack = await exits.enter_async_context(running_stack(data_dir, durable=False, kafka=kafka))
        await amigrate({"dsn": stack.dsn})
        options = {"bootstrap_servers": stack.bootstrap}
        shared = [PREFIX + topic.name for topic in TOPICS]
        own = {PREFIX + name for name in plan.own_topics}
        await ensure_topics(options, shared, single=own, partitions=PARTITIONS, replication=1)
        clock_path = stack.data_dir / CLOCK_FILE
        clock = ScenarioClock.create(clock_path, start, 0.0)
        exits.callback(clock.close)
        stack.announce(clock_path)
        # A plan for any position would read all events to find the last few.
        connection = await asyncpg.connect(
            stack.dsn, server_settings={"plan_cache_mode": "force_custom_plan"}
        )
        exits.push_async_callback(connection.close)
        await connection.execute(_TELL_COMMITS)
        running = [_worker(stack, number, plan_path, policy) for number in range(workers)]
        processes = []
        for worker in running:
            processes.append(worker.start())
            exits.push_async_callback(worker.stop)
        producer = AIOKafkaProducer(**options, acks="all")
        await producer.start()
        exits.push_async_callback(producer.stop)
        consumer = await _consumer(
            options, KafkaSettings(**stack.kafka).fetch_max_wait_ms, plan.parties.units
        )
        exits.push_async_callback(consumer.stop)
        stage = Stage(
            stack=stack,
            clock=clock,
            plan=plan,
            pack=pack,
            connection=connection,
            producer=producer,
            consumer=consumer,
            workers=processes,
        )
        await connection.add_listener(COMMITS, stage.committed)
        async with _in_background(stage.consume()) as consuming:
            stage.consuming = consuming
            await _ready(running)
            yield stage


class Stage:
    """A city on the stage: publish inputs, react to events, let the time go on."""

    def __init__(
        self,
        *,
        stack: Stack,
        clock: ScenarioClock,
        plan: CityPlan,
        pack: Pack,
        connection: asyncpg.Connection,
        producer: AIOKafkaProducer,
        consumer: Consumer,
        workers: list[Process],
    ) -> None:
        self.stack = stack
        self.clock = clock
        self.plan = plan
        self.pack = pack
        self.history: list[Seen] = []
        self.published: list[Published] = []
        self.consuming: asyncio.Task[None] | None = None
        self._connection = connection
        self._producer = producer
        self._consumer = consumer
        self._workers = workers
        self._agenda = Agenda()
        self._reactions: defaultdict[str, list[Reaction]] = defaultdict(list)
        self._ordinals: Counter[str] = Counter()
        self._sending: list[tuple[asyncio.Future[object], Record, float]] = []
        self._next_offsets: dict[tuple[str, int], int] = {}
        self._sequences: dict[tuple[str, str | None], int] = {}
        # Events in the log and not consumed yet, with their topics; and the other way round.
        self._missing: dict[str, str] = {}
        self._ahead: set[str] = set()
        self._position = 0
        self._next_timer: datetime | None = None
        self._news = asyncio.Event()
        self._commits = 0
        self._seen_commits = 0
        self._acting_at: datetime | None = None

    # -- the agenda

    def at(self, when: datetime, action: Action) -> None:
        """Do something at a time of the scenario (aware); what lies in the past is done at once."""
        self._agenda.put(max(when, self.clock.now()), action, exact=True)

    def after(self, seconds: float, action: Action) -> None:
        """Do something after so many seconds of the scenario, give or take a run's `grain`."""
        self._agenda.put(self.now() + timedelta(seconds=seconds), action, exact=False)

    def now(self) -> datetime:
        """Return the time of the action that is being done, else that of the scenario's clock."""
        return self._acting_at or self.clock.now()

    def on(self, event_type: str, reaction: Reaction) -> None:
        """Let `reaction` be called with every new event of a type, once."""
        self._reactions[event_type].append(reaction)

    # -- publishing

    async def publish(self, event: Content, *, source: str) -> str:
        """Publish an input as `source`, at the scenario's time; return its id.

        The id follows from the source, the key, the type and how many of these came before.
        """
        topic = TOPIC_OF[event.event_type]
        key = key_of(event)
        origin = f"{source}/{key}/{event.event_type}"
        event_id = derived_id(origin, self._ordinals[origin])
        self._ordinals[origin] += 1
        headers = write_headers(
            event_id=event_id,
            event_type=event.event_type,
            at=self.clock.now(),
            subject=key,
            source=source,
        )
        value = event.model_dump_json().encode()
        await self.publish_raw(topic.name, value, headers, key.encode())
        return event_id

    async def publish_raw(
        self, topic: str, value: bytes | None, headers: Headers, key: bytes | None
    ) -> None:
        """Publish any bytes on an input topic, named without its prefix."""
        name, headers = PREFIX + topic, tuple(headers)
        record = Record(
            topic=name,
            partition=-1,
            offset=-1,
            timestamp_ms=int(time.time() * 1000),
            key=key,
            value=value,
            headers=headers,
            incarnation=self.stack.cluster_id,
        )
        wall = time.monotonic()
        sent = await self._producer.send(name, value=value, key=key, headers=list(headers))
        self._sending.append((sent, record, wall))

    # -- time

    async def run(
        self,
        *,
        until: datetime | None = None,
        speed: float | None = None,
        grain: float = 0.0,
        tick: Callable[[], None] | None = None,
    ) -> None:
        """Let the scenario go on until nothing is left to do, or until a time (aware).

        `speed`: scenario seconds in a wall second at the most; None or 0: as fast as it goes.
        `grain`: what was put down with `after` may wait for others so many seconds, to be done in
        one step with them; it keeps its own time, the service hears of it that much later.
        `tick` is called after every step. Raises StackError when the service doesn't get on.
        """
        began, start = time.monotonic(), self.clock.now()
        last_action = start
        while True:
            await self.settle()
            if tick is not None:
                tick()
            planned = self._agenda.next
            following = min((t for t in (planned, self._next_timer) if t is not None), default=None)
            if planned is None and (following is None or following > last_action + PATIENCE):
                break
            if following is None or (until is not None and following > until):
                break
            if speed:
                due = began + (following - start).total_seconds() / speed
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self._step(following, timedelta(seconds=grain))
            if planned is not None and planned <= following:
                last_action = following
        if until is not None and until > self.clock.now():
            self.clock.advance_to(until)

    async def settle(self) -> None:
        """Wait until there is no work in hand.

        Raises StackError when that doesn't happen, or a worker has ended.
        """
        deadline = time.monotonic() + STUCK_LIMIT
        seen = self._seen_commits if self._sending else -1
        await self._sent()
        in_hand = ["everything"]
        while True:
            self._news.clear()
            if seen != self._commits:
                seen = self._commits
                in_hand = await self._look()
            if not in_hand and not self._missing and seen == self._commits:
                break
            if time.monotonic() > deadline:
                in_hand += [f"events in {topic}" for topic in sorted(set(self._missing.values()))]
                raise StackError(
                    "the service doesn't get on; still in hand are "
                    f"{', '.join(in_hand)}; see {self.stack.data_dir}"
                )
            self._check()
            try:
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._news.wait()
            except TimeoutError:
                seen = -1
        self._seen_commits = seen
        self._read_only(())

    def committed(self, *_: object) -> None:
        """Take note that the service has committed a transaction."""
        self._commits += 1
        self._news.set()

    async def _step(self, moment: datetime, grain: timedelta) -> None:
        timer = self._next_timer
        if timer is not None and timer <= moment:
            grain = timedelta(0)
        elif timer is not None:
            grain = min(grain, timer - moment - timedelta.resolution)
        due = self._agenda.take(moment + grain)
        moment = max([moment, self.clock.now(), *(entry.when for entry in due)])
        self.clock.advance_to(moment)
        if timer is not None and timer <= moment:
            await self._connection.execute("NOTIFY dispatch_wake")
        for entry in due:
            self._acting_at = entry.when
            await entry.action()
        self._acting_at = None

    async def _sent(self) -> None:
        for sent, record, wall in self._sending:
            metadata: Any = await sent
            place = (record.topic, metadata.partition)
            self._next_offsets[place] = metadata.offset + 1
            placed = replace(record, partition=metadata.partition, offset=metadata.offset)
            self.published.append(Published(placed, wall))
        self._sending.clear()

    async def _look(self) -> list[str]:
        """Return what is in hand, in words, beside events to be consumed."""
        (row,) = await self._connection.fetch(
            _WORK_IN_HAND,
            self._position,
            self.stack.cluster_id,
            [topic for topic, _ in self._next_offsets],
            [partition for _, partition in self._next_offsets],
            list(self._next_offsets.values()),
        )
        logged = dict(zip(row["event_ids"], row["topics"], strict=True))
        self._missing |= {id_: topic for id_, topic in logged.items() if id_ not in self._ahead}
        self._ahead -= logged.keys()
        self._position = row["last_position"]
        self._next_timer = row["next_timer"]
        self._read_only(set(self._missing.values()))
        done = {
            "inputs": row["all_read"],
            "plans": row["all_planned"],
            "timers": self._next_timer is None or self._next_timer > self.clock.now(),
        }
        return [what for what, is_done in done.items() if not is_done]

    def _read_only(self, topics: Collection[str]) -> None:
        """Ask the broker for these topics only: each question costs it time."""
        wanted = {tp for topic in topics for tp in _partitions(topic)}
        if ORDERS in topics:
            wanted |= _own_orders(self.plan.parties.units)
        paused = self._consumer.paused()
        assigned = self._consumer.assignment()
        self._consumer.pause(*(assigned - wanted - paused))
        self._consumer.resume(*(wanted & paused))

    def _check(self) -> None:
        if self.consuming is not None and self.consuming.done():
            self.consuming.result()
        for worker in self._workers:
            if not worker.running:
                raise worker.failure()

    # -- consuming

    async def consume(self) -> None:
        """Read the output topics for as long as the stage is open."""
        while True:
            batches = await self._consumer.getmany(timeout_ms=1000)
            wall = time.monotonic()
            for tp, messages in batches.items():
                for message in messages:
                    self._take(tp.topic.removeprefix(PREFIX), message, wall)
            self._news.set()

    def _take(self, topic: str, message: Any, wall: float) -> None:
        record = Record.of(message)
        topic, _, owner = topic.partition(".")
        seen = Seen.of(record, topic=topic, wall=wall)
        if topic == ORDERS and not owner and seen.key in self.plan.parties.units:
            return  # the crew's own says it, and more
        stream = (seen.topic, seen.key)
        if seen.sequence <= self._sequences.get(stream, 0):
            return
        self._sequences[stream] = seen.sequence
        self.history.append(seen)
        if seen.id in self._missing:
            del self._missing[seen.id]
        else:
            self._ahead.add(seen.id)
        for reaction in self._reactions[seen.type]:
            reaction(seen)

    # -- what happened

    async def inputs(self) -> list[Input]:
        """Return every input that was published, with what the service's inbox says of it."""
        rows = await self._connection.fetch(_INBOX)
        outcomes = {row["identity"]: row["outcome"] for row in rows}
        found = []
        for published in self.published:
            record = published.record
            topic = record.topic.removeprefix(PREFIX)
            inbound = read(record, topic=topic)
            other = f"{inbound.identity}!{inbound.digest.hex()}"
            identity = other if other in outcomes else inbound.identity
            found.append(
                Input(
                    identity=inbound.identity,
                    type=inbound.event_type,
                    topic=topic,
                    key=next(iter(inbound.sender.values()), None),
                    outcome=outcomes.get(identity),
                    numbers=numbers_in(inbound.event),
                )
            )
        return found

    async def check(self) -> list[Violation]:
        """Return every violation of an invariant in what has happened so far."""
        return check(
            self.history,
            await self.inputs(),
            packs={self.pack.name: self.pack},
            now=self.clock.now(),
            orders=self.history,
        )

    async def counts(self) -> dict[str, int]:
        """Return how many calls, incidents, runs, inputs, events there are in the database."""
        (row,) = await self._connection.fetch(_COUNTS)
        return dict(row)

    def latencies(self, event_type: str) -> list[float]:
        """Return how long, in wall seconds, each event of a type took after the input behind it.

        From just before the input was sent until the event was consumed; what a timer caused has
        no such input and is left out.
        """
        sent: dict[str, float] = {}
        for published in self.published:
            headers = dict(published.record.headers)
            source, event_id = headers.get("ce_source"), headers.get("ce_id")
            if source and event_id:
                identity = f"{source.decode()}#{event_id.decode()}"
                sent.setdefault(identity, published.wall)
        return [
            seen.wall - sent[seen.cause]
            for seen in self.history
            if seen.type == event_type and seen.cause in sent
        ]


def _worker(stack: Stack, number: int, plan: Path, policy: str) -> Worker:
    """Return a worker on the scenario's clock; it logs to the stack's directory."""
    port = free_port("127.0.0.1")
    environment = worker_environment(
        stack,
        {"TOPIC_PREFIX": PREFIX, "SCENARIO_CLOCK": stack.data_dir / CLOCK_FILE},
        city=plan,
        policy=policy,
        web_port=port,
    )
    name = f"worker-{number}"
    return Worker(name, stack.data_dir / f"{name}.log", environment, f"http://127.0.0.1:{port}")


async def _ready(workers: Iterable[Worker]) -> None:
    try:
        async with asyncio.timeout(READY_LIMIT):
            await asyncio.gather(*(worker.ready() for worker in workers))
    except TimeoutError:
        raise StackError("the workers don't get ready") from None


def _own_orders(units: Iterable[str]) -> set[TopicPartition]:
    """Return where crews read what they are told; `orders` itself tells less."""
    return {TopicPartition(PREFIX + own_topic(ORDERS, unit_id), 0) for unit_id in units}


def _partitions(topic: str) -> list[TopicPartition]:
    return [TopicPartition(PREFIX + topic, number) for number in range(PARTITIONS)]


async def _consumer(
    options: dict[str, Any], fetch_max_wait_ms: int, units: Iterable[str]
) -> Consumer:
    consumer = Consumer(
        **options,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=fetch_max_wait_ms,
    )
    await consumer.start()
    shared = [tp for topic in OUTPUT_TOPICS for tp in _partitions(topic.name)]
    consumer.assign([*shared, *_own_orders(units)])
    return consumer


@asynccontextmanager
async def _in_background(
    work: Coroutine[object, object, None],
) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
