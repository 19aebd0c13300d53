"""A worker with the real desk of a small city, in this process, whose faults a test can make."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer

from dispatch.agents.app import DispatchApp, create_app, serve
from dispatch.agents.patience import Patience
from dispatch.cluster import ensure_topics
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics
from dispatch.policy.pack import load_pack
from dispatch.settings import load_settings
from dispatch.stack.embedded import Stack
from dispatch.store.desk import Desk
from dispatch.store.plan import CityPlan
from dispatch.topics.envelope import Outgoing, Record
from dispatch.web import Web
from tests.integration.agents.bench import until
from tests.integration.store.conftest import PREFIX, HandClock, Post, small_city

PARTITIONS = 4


class StuckDesk(Desk):
    """A desk for which the inputs of some topics (without the prefix) meet with a fault."""

    stuck: frozenset[str] = frozenset()

    async def take(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        if any(record.topic.rpartition(".")[2] in self.stuck for record in records):
            raise Unavailable("a fault of this record's own")
        return await super().take(records)


@dataclass
class CityWorker:
    """The worker, what it works with, and who writes to it."""

    stack: Stack
    dsn: str
    prefix: str
    desk: StuckDesk
    clock: HandClock
    metrics: Metrics
    app: DispatchApp
    web: Web
    producer: AIOKafkaProducer
    post: Post = field(init=False)

    def __post_init__(self) -> None:
        self.post = Post(self.clock)

    @property
    def url(self) -> str:
        assert self.web._server is not None
        return f"http://127.0.0.1:{self.web._server.sockets[0].getsockname()[1]}"

    async def send(self, record: Record, partition: int | None = None) -> None:
        """Publish a record as its sender does."""
        await self.producer.send_and_wait(
            self.prefix + record.topic.removeprefix(PREFIX),
            record.value,
            key=record.key,
            partition=partition,
            headers=[(name, value or b"") for name, value in record.headers],
        )

    async def fetch(self, query: str, *arguments: Any) -> list[Any]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def told(self, kind: str, about: str) -> bool:
        """Return whether an escalation of a kind about a subject is in the event log."""
        found = await self.fetch(
            "SELECT FROM events WHERE type = 'escalation.raised'"
            " AND data ->> 'kind' = $1 AND data ->> 'subject' = $2",
            kind,
            about,
        )
        return bool(found)

    async def orders(self, number: int) -> dict[str, str]:
        """Wait for so many orders; return the unit of each incident's first."""

        async def issued() -> dict[str, str]:
            rows = await self.fetch(
                "SELECT data ->> 'incident_id' AS incident, data ->> 'unit_id' AS unit"
                " FROM events WHERE type = 'order.issued' ORDER BY position DESC"
            )
            found = {row["incident"]: row["unit"] for row in rows}
            return found if len(found) >= number else {}

        found: dict[str, str] = await until(issued)
        return found

    async def ready(self) -> bool:
        return not await self.app.readiness.reasons()


async def make_topics(stack: Stack, prefix: str, plan: CityPlan) -> None:
    await ensure_topics(
        {"bootstrap_servers": stack.bootstrap},
        [prefix + name for name in plan.topics],
        single={prefix + name for name in plan.own_topics},
        partitions=PARTITIONS,
        replication=stack.broker.replication,
    )


@contextlib.asynccontextmanager
async def city_worker(
    stack: Stack,
    dsn: str,
    prefix: str,
    *,
    patience: Patience | None = None,
    units: int = 3,
    session_timeout_ms: int = 2_000,
    clock: HandClock | None = None,
    whole: bool = True,
) -> AsyncIterator[CityWorker]:
    """Run a worker of a small city until it is ready, and stop it in the end.

    Where the cluster is not `whole`, topics must be there already, and nobody waits until it is.
    """
    clock, metrics, plan = clock or HandClock(), Metrics(), small_city(units)
    if whole:
        await make_topics(stack, prefix, plan)
    settings = load_settings(
        overrides={
            "kafka": {**stack.kafka, "session_timeout_ms": session_timeout_ms},
            "database": {"dsn": dsn},
            "topic_prefix": prefix,
            "web": {"port": 0},
        }
    )
    desk = StuckDesk(
        {"dsn": dsn}, plan=plan, pack=load_pack("covid-19"), clock=clock, topic_prefix=prefix
    )
    await desk.open()
    web, stop = Web(settings.web, metrics), asyncio.Event()
    await web.start()
    app = create_app(
        settings, desk, metrics=metrics, patience=patience or Patience(longest_pause=0.3)
    )
    web.ask(app.readiness.reasons, desk.health)
    serving = asyncio.ensure_future(serve(app, stop))
    try:
        async with AIOKafkaProducer(bootstrap_servers=stack.bootstrap, acks="all") as producer:
            worker = CityWorker(stack, dsn, prefix, desk, clock, metrics, app, web, producer)
            if whole:
                await until(worker.ready)
            yield worker
    finally:
        stop.set()
        await serving
        await web.stop()
        await desk.close()
