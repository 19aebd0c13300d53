"""What intakes make of producers' transactions, which only Apache Kafka has."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

import orjson
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from dispatch.agents.app import create_app, serve
from dispatch.agents.intake import Intake
from dispatch.agents.unread import Unread
from dispatch.client import open_reader
from dispatch.cluster import cluster_id_of
from dispatch.kafka.consumer import Consumer
from dispatch.log_end import readable_end
from dispatch.metrics import Metrics
from dispatch.settings import KafkaSettings
from tests.apache_kafka import ApacheKafka
from tests.integration.agents.bench import INPUTS, Bench, until
from tests.integration.agents.small_desk import SmallDesk


@pytest.fixture(autouse=True)
def _transactional(bench: Bench) -> None:
    if not isinstance(bench.stack.broker, ApacheKafka):
        pytest.skip("the embedded broker has no transactions")


@pytest.fixture
async def desk(bench: Bench) -> AsyncIterator[SmallDesk]:
    desk = SmallDesk(bench.dsn, bench.prefix, bench.gate)
    await desk.open()
    yield desk
    await desk.close()


@contextlib.asynccontextmanager
async def worker(bench: Bench, desk: SmallDesk, metrics: Metrics) -> AsyncIterator[None]:
    stop = asyncio.Event()
    serving = asyncio.ensure_future(
        serve(create_app(bench.settings(), desk, metrics=metrics), stop)
    )
    yield
    stop.set()
    await serving


@contextlib.asynccontextmanager
async def producer(bench: Bench) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(
        bootstrap_servers=bench.stack.bootstrap,
        transactional_id=f"{bench.prefix}t",
        transaction_timeout_ms=60_000,
    ) as started:
        yield started


async def put(producer: AIOKafkaProducer, bench: Bench, identity: str) -> None:
    await producer.send_and_wait(
        bench.topic("calls"),
        key=b"k",
        value=orjson.dumps({"poison": False}),
        headers=[("ce_id", identity.encode())],
        partition=0,
    )


def standing(metrics: Metrics) -> float:
    found = re.findall(rb"dispatch_open_transaction_seconds\{[^}]*\} ([0-9.]+)", metrics.render())
    return max(map(float, found), default=0.0)


async def unread(bench: Bench, desk: SmallDesk) -> dict[TopicPartition, int]:
    """Return what limits would wait for."""
    intakes = []
    options = {"bootstrap_servers": bench.stack.bootstrap}
    incarnation = await cluster_id_of(options)
    for name in INPUTS:
        intake = Intake.__new__(Intake)
        intake.topic, intake.incarnation = bench.topic(name), incarnation
        intakes.append(intake)
    looking = Unread(intakes, desk, client_options=options)
    try:
        return await looking.left(await looking.ends())
    finally:
        await looking.close()


async def test_only_what_is_committed_takes_effect_and_positions_come_behind_it(
    bench: Bench, desk: SmallDesk
) -> None:
    metrics = Metrics()

    async def all_read() -> bool:
        return not await unread(bench, desk)

    async with worker(bench, desk, metrics), producer(bench) as sending:
        async with sending.transaction():
            await put(sending, bench, "k/1")
        await sending.begin_transaction()
        await put(sending, bench, "k/aborted")
        await sending.abort_transaction()
        await bench.settled(1)
        # The log ends with what nobody takes: limits don't wait for it.
        await until(all_read)

        await sending.begin_transaction()
        await put(sending, bench, "k/2")
        # Nobody waits for what may never come, and the time is told for which it has stood.
        await until(all_read)
        await bench.send(["other/1"])

        async def stands() -> bool:
            return standing(metrics) > 0.5

        await until(stands)
        prefix = bench.prefix
        async with open_reader(KafkaSettings(**bench.stack.kafka), prefix, ["calls"]) as reader:
            async with asyncio.timeout(30):
                past = [event async for event in reader.past()]
            await sending.commit_transaction()
            async with asyncio.timeout(30):
                new = await anext(reader.new())
        assert "k/aborted" not in [event.attributes["id"] for event in [*past, new]]
        assert new.attributes["id"] == "k/2"
        await bench.settled(3)
        await until(all_read)

        async def over() -> bool:
            return standing(metrics) == 0

        await until(over)
    assert sorted(await bench.effects()) == ["k/1", "k/2", "other/1"]


async def test_a_worker_that_comes_back_finds_nothing_amiss(bench: Bench, desk: SmallDesk) -> None:
    async with producer(bench) as sending:
        async with sending.transaction():
            await put(sending, bench, "k/1")
        async with worker(bench, desk, Metrics()):
            await bench.settled(1)
        # It ends in an aborted transaction and in an open one.
        await sending.begin_transaction()
        await put(sending, bench, "k/aborted")
        await sending.abort_transaction()
        await sending.begin_transaction()
        await put(sending, bench, "k/2")
        metrics = Metrics()
        async with worker(bench, desk, metrics):

            async def all_read() -> bool:
                return not await unread(bench, desk)

            await until(all_read)
            await sending.commit_transaction()
            await bench.settled(2)
        async with worker(bench, desk, metrics):
            await until(all_read)
    assert await bench.effects() == ["k/1", "k/2"]
    told = metrics.render()
    assert b"dispatch_positions_beyond_end_total{" not in told
    assert b"dispatch_positions_unreadable_total{" not in told


async def test_the_end_that_can_be_read_is_before_an_open_transaction(bench: Bench) -> None:
    tp = TopicPartition(bench.topic("calls"), 0)
    async with (
        producer(bench) as sending,
        Consumer(bootstrap_servers=bench.stack.bootstrap, enable_auto_commit=False) as consumer,
    ):
        await sending.begin_transaction()
        await put(sending, bench, "k/1")
        consumer.assign([tp])
        consumer.seek(tp, 0)

        async def told() -> bool:
            await consumer.getmany(timeout_ms=100)
            return bool(consumer.highwater(tp) == 1)

        await until(told)
        assert readable_end(consumer, tp) == 0
        assert await consumer.end_offsets([tp]) == {tp: 0}
        await sending.abort_transaction()

        async def behind() -> bool:
            await consumer.getmany(timeout_ms=100)
            return bool(await consumer.position(tp) == 2)

        await until(behind)
        assert readable_end(consumer, tp) == 2


async def test_positions_come_behind_an_aborted_transaction_while_others_are_busy(
    bench: Bench, desk: SmallDesk
) -> None:
    async with worker(bench, desk, Metrics()), producer(bench) as sending:
        await sending.begin_transaction()
        await put(sending, bench, "k/aborted")
        await sending.abort_transaction()
        tp = TopicPartition(bench.topic("calls"), 0)
        other = 0

        async def noted_while_others_come() -> bool:
            nonlocal other
            other += 1
            async with AIOKafkaProducer(
                bootstrap_servers=bench.stack.bootstrap, acks="all"
            ) as busy:
                for number in range(50):
                    await busy.send(
                        bench.topic("calls"),
                        key=b"other",
                        value=b"{}",
                        headers=[("ce_id", f"other/{other}-{number}".encode())],
                        partition=1,
                    )
            return tp not in await unread(bench, desk)

        await until(noted_while_others_come)
