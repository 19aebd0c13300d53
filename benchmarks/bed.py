"""The bed of a run: a database and topics of its own on the common stack, and the calls on them."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.caller import publish_event, started_producer
from benchmarks.city import city_plan, ordinary_call
from dispatch.clock import SystemClock
from dispatch.cluster import ensure_topics
from dispatch.errors import StackError
from dispatch.policy.pack import load_pack
from dispatch.settings import KafkaSettings
from dispatch.stack.embedded import Stack
from dispatch.stack.process import Process
from dispatch.stack.workers import worker_environment
from dispatch.store.desk import Desk
from dispatch.store.plan import read_plan
from dispatch.store.schema import amigrate

ROOT: Final = Path(__file__).parents[1]
TEMPLATE: Final = "bench_template"
PARTITIONS: Final = 4
LOOK_AGAIN: Final = 0.01  # seconds
COMMIT_LIMIT: Final = 30.0  # seconds until the offsets of what is done must be committed
_numbers = itertools.count(1)

_SETTLED: Final = """
SELECT (SELECT coalesce(sum(next_offset), 0) FROM positions WHERE topic = $1) >= $2
    AND NOT EXISTS (SELECT FROM outbox)
"""


@dataclass(frozen=True, slots=True)
class Bed:
    """Where one run takes place; what it leaves is dropped with it."""

    stack: Stack
    dsn: str
    prefix: str
    folder: Path
    plan: Path
    database: asyncpg.Connection
    producer: AIOKafkaProducer

    @property
    def calls_topic(self) -> str:
        """The topic of the calls, with the prefix; the consumer group has its name too."""
        return f"{self.prefix}calls"

    def environment(self, batch_size: int, web_port: int | None = None) -> dict[str, str]:
        """Return the environment of a process that works here, whichever side it is."""
        further = {
            "TOPIC_PREFIX": self.prefix,
            "DATABASE__DSN": self.dsn,
            "BATCH_SIZE": batch_size,
            "DATA_DIR": self.folder,
            # What an operator of this load would set: a line for each call tells nobody anything.
            "LOG_LEVEL": "warning",
        }
        environment = worker_environment(
            self.stack, further, city=self.plan, policy="covid-19", web_port=web_port
        )
        return environment | {"PYTHONPATH": str(ROOT)}

    async def publish(self, numbers: Sequence[int], partition: int | None = None) -> None:
        """Publish the calls of these numbers, and wait until the brokers have them.

        Each goes to the partition of its key, or all to the one that is named.
        """
        now = datetime.now(UTC)
        await asyncio.gather(
            *[
                await publish_event(
                    self.producer, self.prefix, ordinary_call(number, now), now, partition
                )
                for number in numbers
            ]
        )

    async def settled(self, calls: int, limit: float, workers: Sequence[Process]) -> None:
        """Wait until so many calls have had their effect and all events are out and marked.

        Raises StackError when a worker ends before, or it takes longer than `limit` seconds.
        """
        deadline = time.monotonic() + limit
        while not await self.database.fetchval(_SETTLED, self.calls_topic, calls):
            for worker in workers:
                if not worker.running:
                    raise worker.failure()
            if time.monotonic() > deadline:
                raise StackError(f"not everything was dealt with in {limit:g} s: {self.folder}")
            await asyncio.sleep(LOOK_AGAIN)

    async def committed(self, calls: int) -> None:
        """Wait until the group has committed the offsets of so many calls.

        Raises StackError when it doesn't.
        """
        partitions = [TopicPartition(self.calls_topic, number) for number in range(PARTITIONS)]
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.stack.bootstrap,
            group_id=self.calls_topic,
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            consumer.assign(partitions)
            deadline = time.monotonic() + COMMIT_LIMIT
            while sum([await consumer.committed(tp) or 0 for tp in partitions]) < calls:
                if time.monotonic() > deadline:
                    raise StackError(f"the offsets of {self.calls_topic} are not committed")
                await asyncio.sleep(10 * LOOK_AGAIN)
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """Yield a desk of this process, open on the bed's city and database."""
        desk = Desk(
            {"dsn": self.dsn},
            plan=read_plan(self.plan),
            pack=load_pack("covid-19"),
            clock=SystemClock(),
            topic_prefix=self.prefix,
        )
        await desk.open()
        try:
            yield desk
        finally:
            await desk.close()

    async def all_over(self, calls: int) -> None:
        """Raise StackError unless so many calls are over."""
        closed = await self.database.fetchval("SELECT count(*) FROM incidents WHERE NOT open")
        if closed != calls:
            raise StackError(f"only {closed} of {calls} calls are over")

    async def ordered(self, numbers: Sequence[int]) -> int:
        """Return how many of these calls a unit was ordered to."""
        count: int = await self.database.fetchval(
            "SELECT count(DISTINCT incident_id) FROM assignments WHERE incident_id = ANY($1)",
            [f"c{number}" for number in numbers],
        )
        return count


@asynccontextmanager
async def open_bed(stack: Stack, *, units: int) -> AsyncIterator[Bed]:
    """Yield a bed in a city of so many units, on an empty database."""
    name = f"bench{next(_numbers)}"
    folder = stack.data_dir / name
    folder.mkdir()
    plan = folder / "city.toml"
    plan.write_text(city_plan(units), encoding="utf-8")
    options = {"bootstrap_servers": stack.bootstrap}
    prefix = f"{name}."
    async with AsyncExitStack() as exits:
        await _administer(stack, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        exits.push_async_callback(_administer, stack, f"DROP DATABASE {name} WITH (FORCE)")
        city = read_plan(plan)
        await ensure_topics(
            options,
            [prefix + name for name in city.topics],
            single={prefix + name for name in city.own_topics},
            partitions=PARTITIONS,
            replication=stack.broker.replication,
        )
        producer = await exits.enter_async_context(started_producer(KafkaSettings(**stack.kafka)))
        dsn = stack.postgres.dsn_of(name)
        database = await asyncpg.connect(dsn)
        exits.push_async_callback(database.close)
        yield Bed(stack, dsn, prefix, folder, plan, database, producer)


async def make_template(stack: Stack) -> None:
    """Make the database that every bed is a copy of."""
    await _administer(stack, f"CREATE DATABASE {TEMPLATE}")
    await amigrate({"dsn": stack.postgres.dsn_of(TEMPLATE)})


async def _administer(stack: Stack, statement: str) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
