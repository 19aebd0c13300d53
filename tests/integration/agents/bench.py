"""What a delivery test works with: databases, topics, worker processes, and the checks."""

import asyncio
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from dispatch.cluster import ensure_topics
from dispatch.settings import Settings, load_settings
from dispatch.stack.addresses import free_port
from dispatch.stack.embedded import Stack
from tests.integration.agents.small_desk import SCHEMA, Gate

PATIENCE = 60.0  # seconds until a condition that doesn't come true is a failure
INPUTS = ("calls", "units", "hospitals", "transfers", "commission", "city")
OUTPUTS = ("incidents", "dead-letters")
PARTITIONS = 4
_numbers = itertools.count(1)


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = PATIENCE) -> Any:
    """Wait until the condition is truthy and return it."""
    deadline = time.monotonic() + seconds
    while not (found := await condition()):
        assert time.monotonic() < deadline, f"{condition} did not come true"
        await asyncio.sleep(0.02)
    return found


@dataclass
class Worker:
    """A worker process."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def exited(self) -> int:
        async def ended() -> bool:
            return self.process.poll() is not None

        await until(ended)
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Bench:
    """What a test works with: its own database, topics and workers on the common stack."""

    stack: Stack
    dsn: str
    prefix: str
    directory: Path
    gate: Gate
    database: "asyncpg.Connection[Any]"
    workers: list[Worker] = field(default_factory=list)

    def topic(self, name: str) -> str:
        return self.prefix + name

    def environment(self, port: int) -> dict[str, str]:
        return {
            **{
                f"DISPATCH_KAFKA__{name.upper()}": str(value)
                for name, value in self.stack.kafka.items()
            },
            "DISPATCH_KAFKA__SESSION_TIMEOUT_MS": "3000",
            "DISPATCH_DATABASE__DSN": self.dsn,
            "DISPATCH_TOPIC_PREFIX": self.prefix,
            "DISPATCH_WEB__PORT": str(port),
            "DISPATCH_BATCH_SIZE": "50",
            "SMALL_DESK_GATE": str(self.gate.directory),
        }

    def settings(self, port: int = 0) -> Settings:
        return load_settings(
            overrides={
                "kafka": self.stack.kafka,
                "database": {"dsn": self.dsn},
                "topic_prefix": self.prefix,
                "web": {"port": port},
                "batch_size": 50,
            }
        )

    def start(self, *arguments: str) -> Worker:
        port = free_port("127.0.0.1")
        log = self.directory / f"worker-{len(self.workers)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.agents.small_worker", *arguments],
                env={**os.environ, **self.environment(port)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        worker = Worker(process, port, log)
        self.workers.append(worker)
        return worker

    async def make_topics(self) -> None:
        await ensure_topics(
            {"bootstrap_servers": self.stack.bootstrap},
            [self.topic(name) for name in INPUTS + OUTPUTS],
            partitions=PARTITIONS,
            replication=self.stack.broker.replication,
        )

    async def send(self, identities: Iterable[str], *, poison: Sequence[str] = ()) -> None:
        """Publish a call for each identity `key/number`, keyed by key, in order."""
        async with AIOKafkaProducer(bootstrap_servers=self.stack.bootstrap, acks="all") as producer:
            for identity in identities:
                await producer.send(
                    self.topic("calls"),
                    key=identity.split("/")[0].encode(),
                    value=orjson.dumps({"poison": identity in poison}),
                    headers=[("ce_id", identity.encode())],
                )

    async def reconnect(self) -> None:
        self.database = await asyncpg.connect(self.dsn)

    async def effects(self) -> list[str]:
        rows = await self.database.fetch("SELECT identity FROM effects ORDER BY id")
        return [row["identity"] for row in rows]

    async def settled(self, count: int) -> None:
        """Wait until so many effects are there and everything is published."""

        async def done() -> bool:
            return bool(
                await self.database.fetchval(
                    "SELECT (SELECT count(*) FROM effects) >= $1"
                    " AND NOT EXISTS (SELECT FROM log WHERE NOT published)",
                    count,
                )
            )

        await until(done)

    async def read(self, name: str) -> list[ConsumerRecord[bytes, bytes]]:
        """Read a topic from its beginning to its end."""
        partitions = [TopicPartition(self.topic(name), number) for number in range(PARTITIONS)]
        async with AIOKafkaConsumer(
            bootstrap_servers=self.stack.bootstrap, auto_offset_reset="earliest"
        ) as consumer:
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            read = []
            while any([await consumer.position(tp) < end for tp, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    read.extend(records)
            return read

    async def committed(self) -> int:
        """Return how many records of `calls` the group has acknowledged."""
        topic = self.topic("calls")
        async with AIOKafkaConsumer(
            bootstrap_servers=self.stack.bootstrap, group_id=topic, enable_auto_commit=False
        ) as consumer:
            partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
            consumer.assign(partitions)
            return sum([await consumer.committed(tp) or 0 for tp in partitions])

    async def check(self, identities: Sequence[str]) -> None:
        """Assert that each input took effect once, in order, and that all events came out."""
        await self.check_effects(identities)
        await self.check_published()

    async def check_effects(self, identities: Sequence[str]) -> None:
        """Assert that each input took effect once, in the order of its key."""
        effects = await self.effects()
        assert Counter(effects) == Counter(identities)
        assert in_order(effects) == in_order(identities)

    async def check_published(self) -> None:
        """Assert that a reader who drops what is not newer gets each event of a key in order."""
        logged = defaultdict(list)
        for row in await self.database.fetch("SELECT key, sequence FROM log ORDER BY position"):
            logged[row["key"]].append(row["sequence"])
        read: dict[str, list[int]] = defaultdict(list)
        for record in await self.read("incidents"):
            key = (record.key or b"").decode()
            sequence = int(dict(record.headers)["ce_sequence"])
            if not read[key] or sequence > read[key][-1]:
                read[key].append(sequence)
        assert read == logged


@contextlib.asynccontextmanager
async def open_bench(stack: Stack, directory: Path) -> AsyncIterator[Bench]:
    name = f"agents{next(_numbers)}"
    owner = await asyncpg.connect(stack.dsn)
    await owner.execute(f"CREATE DATABASE {name}")
    await owner.close()
    dsn = stack.postgres.dsn_of(name)
    database = await asyncpg.connect(dsn)
    await database.execute(SCHEMA.read_text())
    gate = Gate(directory / "gate")
    gate.directory.mkdir(parents=True)
    bench = Bench(stack, dsn, f"{name}.", directory, gate, database)
    await bench.make_topics()
    try:
        yield bench
    finally:
        for worker in bench.workers:
            worker.kill()
        await bench.database.close()


def in_order(identities: Sequence[str]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for identity in identities:
        found[identity.split("/")[0]].append(identity)
    return found
