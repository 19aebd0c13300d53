"""What a batch costs, counted: a regression fails here on any machine, however quick it is."""

import asyncio
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from benchmarks.city import city_plan, ordinary_call
from dispatch.agents.batch import Batch
from dispatch.agents.desk_work import DeskWork
from dispatch.agents.publisher import Publisher
from dispatch.clock import SystemClock
from dispatch.cluster import ensure_topics
from dispatch.metrics import Metrics
from dispatch.policy.pack import load_pack
from dispatch.stack.embedded import Stack
from dispatch.store.desk import Desk
from dispatch.store.plan import read_plan
from dispatch.topics.cloudevents import write_headers
from dispatch.topics.envelope import Outgoing, Record

PARTITIONS = 4
UNITS = 400

# Begin, the centre, what is known of the batch, what becomes of it, records, timers, 2 for the
# events, commit; what is published.
STATEMENTS = 10
# Calls of Python's and built-in functions for each call in a batch of a hundred: 2,990 on Python
# 3.11, and some room, as versions of Python and of the libraries differ. A third is the whole order
# on the unit's own topic: of a hundred units that is a hundred batches.
FUNCTION_CALLS = 3_200
# Said now and then so that much work is not taken for a stopped process: a matter of time.
BREATH = "SELECT"
EVENTS = {
    "clock.started": 2,
    "clock.met": 1,
    "call.decided": 1,
    "incident.assigned": 1,
    "order.issued": 1,
    "unit.changed": 1,
}
TOPICS = ("clocks", "incidents", "orders", "fleet")
# The topic of the unit that has the order.
OWN = re.compile(r"orders\.U\d+")


@dataclass
class Count:
    """What was done since it was reset."""

    statements: list[str] = field(default_factory=list)
    published: list[tuple[str, int]] = field(default_factory=list)
    events: list[Outgoing] = field(default_factory=list)

    def reset(self) -> None:
        self.statements.clear()
        self.published.clear()
        self.events.clear()


class CountedDesk(Desk):
    def __init__(self, count: Count, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._count = count

    async def take(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        outgoing = await super().take(records)
        self._count.events.extend(outgoing)
        return outgoing


@dataclass
class Counted:
    work: DeskWork
    count: Count
    prefix: str
    offset: int = 0

    async def settle(self, calls: int) -> Count:
        """Let so many new calls be settled as one batch; return what that took."""
        now = datetime.now(UTC)
        records = []
        for _ in range(calls):
            call = ordinary_call(self.offset, now)
            # No complaint is read for another's sake.
            said = f"{call.chief_complaint}，{self.offset} 号"
            call = call.model_copy(update={"chief_complaint": said})
            headers = write_headers(
                event_id=call.call_id,
                event_type=call.event_type,
                at=now,
                subject=call.call_id,
                source="console-1",
            )
            records.append(
                Record(
                    topic=f"{self.prefix}calls",
                    partition=self.offset % PARTITIONS,
                    offset=self.offset // PARTITIONS,
                    timestamp_ms=0,
                    key=call.call_id.encode(),
                    value=call.model_dump_json().encode(),
                    headers=tuple(headers),
                )
            )
            self.offset += 1
        self.count.reset()
        batch = Batch(records, asyncio.get_running_loop().create_future())
        await self.work.serve(only(batch))
        await batch.done
        return self.count


async def only(batch: Batch) -> AsyncIterator[Batch]:
    yield batch


@pytest.fixture
async def counted(
    stack: Stack, migrated: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Counted]:
    count = Count()
    count_statements(count, monkeypatch)
    count_publishes(count, monkeypatch)
    file = tmp_path / "city.toml"
    file.write_text(city_plan(UNITS), encoding="utf-8")
    plan = read_plan(file)
    options = {"bootstrap_servers": stack.bootstrap}
    await ensure_topics(
        options,
        [topic_prefix + name for name in plan.topics],
        single={topic_prefix + name for name in plan.own_topics},
        partitions=PARTITIONS,
        replication=stack.broker.replication,
    )
    desk = CountedDesk(
        count,
        {"dsn": migrated},
        plan=plan,
        pack=load_pack("covid-19"),
        clock=SystemClock(),
        topic_prefix=topic_prefix,
    )
    await desk.open()
    publisher = Publisher(
        options, enable_idempotence=stack.kafka["enable_idempotence"], metrics=Metrics()
    )
    try:
        work = DeskWork(desk, publisher, batch_size=100)
        async with publisher, work:
            found = Counted(work, count, topic_prefix)
            # What is prepared once, and what the city's plan brought, does not count.
            await found.settle(1)
            yield found
    finally:
        await desk.close()


def count_statements(count: Count, monkeypatch: pytest.MonkeyPatch) -> None:
    create_pool: Callable[..., Any] = asyncpg.create_pool

    def note(logged: Any) -> None:
        if logged.query != BREATH:
            count.statements.append(logged.query)

    async def watch(connection: Any) -> None:
        # The pool clears the loggers of a connection that it takes back, but for the same one.
        connection.add_query_logger(note)

    monkeypatch.setattr(asyncpg, "create_pool", lambda **o: create_pool(**o, setup=watch))


def count_publishes(count: Count, monkeypatch: pytest.MonkeyPatch) -> None:
    send_batch: Callable[..., Any] = AIOKafkaProducer.send_batch

    async def counting(self: AIOKafkaProducer, batch: Any, topic: str, *, partition: int) -> Any:
        count.published.append((topic, partition))
        return await send_batch(self, batch, topic, partition=partition)

    monkeypatch.setattr(AIOKafkaProducer, "send_batch", counting)


async def test_a_batch_costs_the_same_statements_however_many_calls_it_has(
    counted: Counted,
) -> None:
    one = list((await counted.settle(1)).statements)
    many = list((await counted.settle(100)).statements)
    assert Counter(many) == Counter(one)
    assert len(one) <= STATEMENTS


async def test_a_call_costs_so_many_calls_of_functions(counted: Counted) -> None:
    """What stands for the time that it takes: it is the same on every machine."""
    made = 0

    def note(_frame: Any, kind: str, _argument: Any) -> None:
        nonlocal made
        made += kind in {"call", "c_call"}

    await counted.settle(100)
    sys.setprofile(note)
    try:
        await counted.settle(100)
    finally:
        sys.setprofile(None)
    assert made / 100 <= FUNCTION_CALLS


async def test_a_call_makes_so_many_events(counted: Counted) -> None:
    kinds = Counter(dict(e.headers)["ce_type"].decode() for e in (await counted.settle(1)).events)
    assert kinds == EVENTS
    many = Counter(dict(e.headers)["ce_type"].decode() for e in (await counted.settle(100)).events)
    assert many == {kind: 100 * number for kind, number in EVENTS.items()}


async def test_a_batch_is_published_in_one_go_to_each_partition(counted: Counted) -> None:
    one = (await counted.settle(1)).published
    own = [topic for topic, _ in one if OWN.fullmatch(topic.removeprefix(counted.prefix))]
    assert len(own) == 1
    others = [topic for topic, _ in one if topic not in own]
    assert sorted(topic.removeprefix(counted.prefix) for topic in others) == sorted(TOPICS)
    many = (await counted.settle(100)).published
    assert len(many) == len(set(many)) <= PARTITIONS * len(TOPICS) + 100
