"""The service as its users meet it: real workers, spoken to through Kafka alone."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from aiokafka import AIOKafkaProducer

from dispatch.cluster import ensure_topics
from dispatch.stack.embedded import Stack
from dispatch.stack.process import Process
from dispatch.store.plan import read_plan
from dispatch.topics.cloudevents import timestamp, write_headers
from tests.acceptance.verdict import History, read_history

PARTITIONS = 4
LOOK_AGAIN = 0.02  # seconds between two looks at a condition

DISTRICT = "150702"


def city_plan(units: int) -> str:
    """Return the plan of a city of one district with some regular units."""
    stations = f"""
name = "proving ground"
time_zone = "Asia/Shanghai"

[bounds]
south = 40.0
west = 117.0
north = 60.0
east = 122.0

[[district]]
code = "{DISTRICT}"
name = "one"
latitude = 49.2
longitude = 119.7

[[station]]
station_id = "S1"
district = "{DISTRICT}"
latitude = 49.21
longitude = 119.71

[[hospital]]
hospital_id = "H1"
name = "first"
district = "{DISTRICT}"
latitude = 49.22
longitude = 119.75
roles = ["fever_clinic", "emergency_buffer", "ordinary"]
decontamination = true
rooms = {{ fever_clinic = 100, buffer = 100, emergency = 10000 }}

[[hospital]]
hospital_id = "D1"
name = "for cases"
district = "{DISTRICT}"
latitude = 49.23
longitude = 119.76
roles = ["designated"]
jurisdiction = ["{DISTRICT}"]
decontamination = true
rooms = {{ isolation = 100 }}
"""
    return stations + "".join(
        f'\n[[unit]]\nunit_id = "U{n}"\nstation = "S1"\nvehicle = "basic"\ncrew = "regular"\n'
        for n in range(1, units + 1)
    )


def call(call_id: str, number: int) -> dict[str, Any]:
    """Return a call; no two are at one place, so that none is taken for a repeat."""
    return {
        "call_id": call_id,
        "received_at": timestamp(datetime.now(UTC)),
        "district": DISTRICT,
        "caller": {"kind": "public"},
        "patient": {"condition": "critical", "symptoms": [], "case_status": "none"},
        "location": {"latitude": 40 + number * 0.005, "longitude": 119.7},
    }


@dataclass
class Service:
    """Workers on a database and topics of their own, and everything seen of them."""

    stack: Stack
    dsn: str
    prefix: str
    folder: Path
    plan: Path
    database: asyncpg.Connection
    producer: AIOKafkaProducer
    workers: list[Process] = field(default_factory=list)
    sent: int = 0
    batch_size: int = 20

    def start_worker(self) -> Process:
        """Start one more worker."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("DISPATCH_")
        }
        worker = Process(
            [sys.executable, "-m", "dispatch", "worker"],
            log=self.folder / f"worker-{len(self.workers)}.log",
            orphaned=signal.SIGKILL,
            environment=environment
            | {
                **{
                    f"DISPATCH_KAFKA__{name.upper()}": str(value)
                    for name, value in self.stack.kafka.items()
                },
                "DISPATCH_DATABASE__DSN": self.dsn,
                "DISPATCH_TOPIC_PREFIX": self.prefix,
                "DISPATCH_CITY": str(self.plan),
                "DISPATCH_WEB__ENABLED": "false",
                "DISPATCH_BATCH_SIZE": str(self.batch_size),
                "DISPATCH_DATA_DIR": str(self.folder),
                "DISPATCH_LOG_FORMAT": "json",
            },
        )
        self.workers.append(worker)
        return worker

    async def send_calls(self, numbers: Iterable[int]) -> None:
        """Publish calls as a console does, and wait until the broker has them."""
        sending = []
        for number in numbers:
            call_id = f"c{number}"
            headers = write_headers(
                event_id=f"e{number}",
                event_type="call.received",
                at=datetime.now(UTC),
                subject=call_id,
                source="console-1",
            )
            future = await self.producer.send(
                self.prefix + "calls",
                orjson.dumps(call(call_id, number)),
                key=call_id.encode(),
                headers=list(headers),
            )
            sending.append(future)
        await asyncio.gather(*sending)
        self.sent += len(sending)

    async def until(self, condition: Callable[[], Any], seconds: float = 120) -> None:
        """Wait until a condition (which may be a coroutine function) holds."""
        async with asyncio.timeout(seconds):
            while True:
                result = condition()
                if await result if asyncio.iscoroutine(result) else result:
                    return
                await asyncio.sleep(LOOK_AGAIN)

    async def taken(self) -> int:
        """Return how many inputs have had their effect."""
        count: int = await self.database.fetchval("SELECT count(*) FROM inbox")
        return count

    async def done(self) -> bool:
        """Return whether every input sent has had its effect and every event was published."""
        if await self.taken() < self.sent:
            return False
        return await self.published()

    async def published(self) -> bool:
        """Return whether nothing is left to publish."""
        return not await self.database.fetchval("SELECT count(*) FROM outbox")

    async def history(self) -> History:
        """Return everything on the topics."""
        return await read_history(self.stack.bootstrap, self.dsn, self.prefix)


@asynccontextmanager
async def open_service(
    stack: Stack, dsn: str, prefix: str, folder: Path, *, units: int
) -> AsyncIterator[Service]:
    """Yield a service without workers; what it started is stopped at the end."""
    options = {"bootstrap_servers": stack.bootstrap}
    plan = folder / "city.toml"
    plan.write_text(city_plan(units), encoding="utf-8")
    city = read_plan(plan)
    await ensure_topics(
        options,
        [prefix + name for name in city.topics],
        single={prefix + name for name in city.own_topics},
        partitions=PARTITIONS,
        replication=stack.broker.replication,
    )
    producer = AIOKafkaProducer(
        **options, acks="all", enable_idempotence=stack.kafka["enable_idempotence"]
    )
    await producer.start()
    database = await asyncpg.connect(dsn)
    service = Service(stack, dsn, prefix, folder, plan, database, producer)
    try:
        yield service
    finally:
        for worker in service.workers:
            if worker.running:
                os.kill(worker.pid, signal.SIGCONT)
                await worker.stop(signal.SIGKILL, 5)
        await producer.stop()
        await database.close()
