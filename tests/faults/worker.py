"""A worker that can be ended or stopped at any step: `python -m tests.faults.worker`.

It is the worker of the service; only the steps are watched from outside. It reaches every broker
through the ports that the bench has put before them.
"""

import asyncio
import os
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import aiokafka.client
import aiokafka.conn
import asyncpg
import orjson
import uvloop
from aiokafka import AIOKafkaProducer, TopicPartition

import dispatch.agents.app
import dispatch.clock
from dispatch import logs
from dispatch.agents.intake import Intake
from dispatch.agents.publisher import Publisher
from dispatch.agents.worker import work
from dispatch.clock import ScenarioClock
from dispatch.policy.pack import load_pack
from dispatch.settings import load_settings
from dispatch.store.database_clock import DatabaseClock
from dispatch.store.desk import Desk
from dispatch.store.plan import read_plan
from dispatch.topics.envelope import Outgoing, Record
from dispatch.topics.unread import Unread
from tests.faults.steps import (
    ASSIGNMENT_FILE,
    CLOCK_AHEAD,
    COMMIT_FIRST,
    FOLDER,
    PORTS,
    Orders,
    Step,
)

_FOLDER = Path(os.environ[FOLDER])
_PORTS: dict[str, int] = orjson.loads(os.environ.get(PORTS, "{}"))
_COMMIT_FIRST = COMMIT_FIRST in os.environ
_orders = Orders(_FOLDER)
_create_conn: Any = aiokafka.conn.create_conn


async def _connect_through(host: str, port: int, **options: Any) -> Any:
    """Connect to a broker by way of the bench's port for it."""
    return await _create_conn(host, _PORTS.get(str(port), port), **options)


def _set_clock_ahead(seconds: float) -> None:
    """Have this machine's clock be wrong, for all that this process asks of it from now on."""
    right = time.time

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(time.time(), tz)

    for module, name, wrong in (
        (time, "time", lambda: right() + seconds),
        (dispatch.clock, "datetime", Wrong),
    ):
        setattr(module, name, wrong)


class CityClock(DatabaseClock):
    """The service's own clock: the database's, by which the scenario's time is told.

    A scenario's clock by itself goes by this machine's, which may be wrong. That of the database is
    the bench's own.
    """

    def __init__(self, scenario: ScenarioClock) -> None:
        super().__init__()
        _, start, since, self._speed = scenario._latest()
        self._start = datetime.fromtimestamp(start, UTC)
        self._since = datetime.fromtimestamp(since, UTC)

    def now(self) -> datetime:
        return self._told_by(super().now())

    def hear(self, now: datetime, clock: datetime) -> datetime:
        return self._told_by(super().hear(now, clock))

    def _told_by(self, database: datetime) -> datetime:
        return self._start + max(timedelta(0), database - self._since) * self._speed


class WatchedDesk(Desk):
    """The desk, watched."""

    async def take(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        outgoing = await super().take(records)
        _orders.carry_out(Step.COMMITTED)
        return outgoing

    async def fire_due(
        self, by: datetime, unread: Unread | None = None, *, parked: bool = True
    ) -> Sequence[Outgoing]:
        outgoing = await super().fire_due(by, unread, parked=parked)
        if outgoing:
            _orders.carry_out(Step.COMMITTED)
        return outgoing

    async def published(self, events: Sequence[Outgoing]) -> None:
        _orders.carry_out(Step.PUBLISHED)
        await super().published(events)
        _orders.carry_out(Step.MARKED)

    async def note_first(self, records: Sequence[Record]) -> None:
        """Note positions in a transaction of their own: what the service must not do."""

        async def run(tx: Any) -> None:
            await self._note(tx, {}, records)

        await self._transact(run)

    async def _begin(self, connection: asyncpg.Connection) -> Any:
        tx = await super()._begin(connection)
        _orders.carry_out(Step.BEGUN)
        return tx

    async def _write(self, tx: Any, replayed: Sequence[str]) -> Sequence[Outgoing]:
        _orders.carry_out(Step.DECIDED)
        outgoing = await super()._write(tx, replayed)
        _orders.carry_out(Step.WRITTEN)
        return outgoing


class WatchedPublisher(Publisher):
    """The publisher, watched: some partitions come first, and the others after them."""

    async def _send_round(self, producer: AIOKafkaProducer, waiting: dict[Any, Any]) -> None:
        half = list(waiting)[: len(waiting) // 2]
        if half:
            first = {tp: waiting.pop(tp) for tp in half}
            await super()._send_round(producer, first)
            waiting |= first
        _orders.carry_out(Step.PUBLISHING)
        await super()._send_round(producer, waiting)


class WatchedIntake(Intake):
    """The intake, watched."""

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        await super().on_partitions_assigned(assigned)
        file = _FOLDER / f"{self.topic}.{ASSIGNMENT_FILE}"
        file.write_bytes(orjson.dumps(sorted(tp.partition for tp in assigned)))

    async def _put(self, in_hand: Any) -> None:
        if _COMMIT_FIRST:
            assert self._consumer is not None
            ends: dict[TopicPartition, int] = {}
            for record in in_hand.records:
                ends[TopicPartition(record.topic, record.partition)] = record.offset + 1
            assert isinstance(self._desk, WatchedDesk)
            await self._desk.note_first(in_hand.records)
            await self._consumer.commit(ends)
        _orders.carry_out(Step.READ)
        await super()._put(in_hand)

    async def _commit(self, consumer: Any, in_hand: Any) -> None:
        _orders.carry_out(Step.ANSWERED)
        await super()._commit(consumer, in_hand)
        _orders.carry_out(Step.ACKNOWLEDGED)


def main() -> None:
    """Work until told to stop."""
    if ahead := float(os.environ.get(CLOCK_AHEAD, "0")):
        _set_clock_ahead(ahead)
    settings = load_settings()
    logs.configure(settings.log_format, settings.log_level)
    # What the service itself makes is replaced from outside; it knows nothing of it.
    for module, name, watched in (
        (aiokafka.client, "create_conn", _connect_through),
        (dispatch.agents.app, "Publisher", WatchedPublisher),
        (dispatch.agents.app, "Intake", WatchedIntake),
    ):
        setattr(module, name, watched)
    assert settings.city is not None
    assert settings.scenario_clock is not None
    plan, pack = read_plan(settings.city), load_pack(settings.policy)
    clock = CityClock(ScenarioClock(settings.scenario_clock))
    desk = WatchedDesk(
        settings.database.connect_options(),
        plan=plan,
        pack=pack,
        clock=clock,
        topic_prefix=settings.topic_prefix,
    )

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        topics = [settings.topic_prefix + name for name in plan.topics]
        runner.run(work(settings, desk, topics=topics))


if __name__ == "__main__":
    main()
