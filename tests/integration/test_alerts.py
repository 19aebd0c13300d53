"""Each alert fires on what a real worker's /metrics tell when its fault is made, and not before.

The expressions are evaluated over scrapes before, at the first sign of the fault, and later; where
there is promtool (Debian's package prometheus) it does so as well, with windows and `for`, over the
same series stretched in time.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.structs import OffsetAndMetadata
from prometheus_client.parser import text_string_to_metric_families

from dispatch import process_memory
from dispatch.agents import apart, lag
from dispatch.agents.patience import Patience
from dispatch.agents.publisher import Publisher
from dispatch.clock import wall_now
from dispatch.cluster import cluster_id_of
from dispatch.errors import Unavailable
from dispatch.kafka.consumer import Consumer
from dispatch.kafka.placement import number_of
from dispatch.log_writer import WAITING, LineWriter
from dispatch.stack.embedded import Stack
from dispatch.store.database_clock import DatabaseClock
from dispatch.store.refusals import MOST_IN_WINDOW
from dispatch.topics.envelope import Record
from tests.apache_kafka import ApacheKafka
from tests.integration.agents.bench import until
from tests.integration.city_worker import PARTITIONS, CityWorker, city_worker, make_topics
from tests.integration.store.conftest import small_city
from tests.promql import Scrape, fires

pytestmark = pytest.mark.thorough

ALERTS = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yaml"
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    for rule in group["rules"]
}
# Seconds without an answer are seconds of these tests.
QUICK = Patience(longest_pause=0.2, standing_limit=0.5, standstill_limit=0.5)

Run = Callable[..., AbstractAsyncContextManager[CityWorker]]


@dataclass(frozen=True, slots=True)
class Story:
    """What Prometheus would have seen: before the fault, at its first sign, and later."""

    before: Scrape
    first: Scrape
    later: Scrape


async def scrape(worker: CityWorker) -> Scrape:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{worker.url}/metrics") as answer,
    ):
        text = await answer.text()
    return {
        frozenset({"__name__": sample.name, "instance": "one", **sample.labels}.items()): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("dispatch_") and not sample.name.endswith(("_bucket", "_created"))
    }


async def seen(
    worker: CityWorker,
    alert: str,
    before: Scrape,
    more: Callable[[], Awaitable[None]] | None = None,
) -> Story:
    """Scrape until the alert's expression has a value; `more` goes on with the fault."""
    first = await scrape(worker)

    async def told() -> Scrape | None:
        if more is not None:
            await more()
        later = await scrape(worker)
        return later if fires(RULES[alert]["expr"], first, later) else None

    later: Scrape = await until(told)
    return Story(before, first, later)


async def no_worker(run: Run) -> Story:
    async with run() as worker:
        before = await scrape(worker)
    return Story(before, {}, {})


async def calls_not_taken(run: Run) -> Story:
    async with run() as worker:
        before = await scrape(worker)
        worker.desk.stuck = frozenset({"calls"})
        for number in range(105):
            await worker.send(worker.post.call(f"c{number}"), partition=0)
        return await seen(worker, "DispatchCallsNotTaken", before)


async def events_not_published(run: Run) -> Story:
    async def fail(*_: Any) -> None:
        raise Unavailable("the broker takes no events")

    with pytest.MonkeyPatch.context() as patch:
        async with run() as worker:
            before = await scrape(worker)
            patch.setattr(Publisher, "publish", fail)
            await worker.send(worker.post.call("c1"))

            async def left() -> bool:
                return bool(await worker.fetch("SELECT FROM outbox"))

            await until(left)
            await worker.fetch("UPDATE outbox SET written_at = written_at - interval '1 min'")
            story = await seen(worker, "DispatchEventsNotPublished", before)
            patch.undo()
            return story


async def queue_grows_old(run: Run) -> Story:
    async with run(units=1) as worker:
        before = await scrape(worker)
        for number in range(1, 4):
            await worker.send(worker.post.call(f"c{number}"))

        async def waits() -> bool:
            return (await worker.desk.health()).queue_length > 0

        await until(waits)
        worker.clock.forward(700)
        return await seen(worker, "DispatchQueueGrowsOld", before)


async def clocks_breached(run: Run) -> Story:
    # Nobody is left for whoever calls after the second.
    async with run(units=1) as worker:
        before = await scrape(worker)
        numbers = iter(range(1, 100))

        async def unanswered() -> None:
            call_id = f"c{next(numbers)}"
            await worker.send(worker.post.call(call_id))

            async def decided() -> bool:
                return bool(
                    await worker.fetch(
                        "SELECT FROM events WHERE type = 'call.decided' AND key = $1", call_id
                    )
                )

            await until(decided)
            worker.clock.forward(70)

        async def counted() -> bool:
            return any(("outcome", "breached") in each for each in await scrape(worker))

        async def counted_after_more() -> bool:
            await unanswered()
            return await counted()

        await until(counted_after_more)
        return await seen(worker, "DispatchClocksBreached", before, unanswered)


async def inputs_refused(run: Run) -> Story:
    async with run() as worker:
        before = await scrape(worker)

        async def refused() -> None:
            for _ in range(12):
                call = worker.post.call("c1")
                await worker.send(
                    worker.post.record("calls", "call.received", "c1", (call.value or b"")[:-1])
                )

        await refused()

        async def counted() -> bool:
            return any(
                ("__name__", "dispatch_dead_letters_total") in each for each in await scrape(worker)
            )

        await until(counted)
        return await seen(worker, "DispatchInputsRefused", before, refused)


async def infrastructure_faults(run: Run) -> Story:
    async with run() as worker:
        before = await scrape(worker)
        worker.desk.stuck = frozenset({"calls"})
        await worker.send(worker.post.call("c1"))

        async def counted() -> bool:
            return any(
                ("work", f"settle {worker.prefix}calls") in each for each in await scrape(worker)
            )

        await until(counted)
        return await seen(worker, "DispatchInfrastructureFaults", before)


async def records_lost(run: Run) -> Story:
    async def forget(dsn: str, prefix: str, options: dict[str, Any]) -> None:
        """The log ends before what the database has seen."""
        await put_position(dsn, await cluster_id_of(options), f"{prefix}calls", 0, 50)

    async with run(first=forget) as worker:
        return await seen(worker, "DispatchRecordsLost", {})


async def database_went_back(run: Run) -> Story:
    async def forget(_dsn: str, prefix: str, options: dict[str, Any]) -> None:
        """Records are committed of which the database knows nothing."""
        topic = f"{prefix}calls"
        async with AIOKafkaConsumer(
            **options, group_id=topic, enable_auto_commit=False
        ) as consumer:
            tp = TopicPartition(topic, 0)
            consumer.assign([tp])
            await consumer.commit({tp: OffsetAndMetadata(1, "")})

    async with run(first=forget, published=1) as worker:
        return await seen(worker, "DispatchDatabaseWentBack", {})


async def worker_not_ready(run: Run) -> Story:
    return await a_standing_partition(run, "DispatchWorkerNotReady")


async def partition_stands(run: Run) -> Story:
    real = time.monotonic

    class Hurried:
        """A minute a second."""

        monotonic = staticmethod(lambda: real() * 60)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lag, "time", Hurried)
        return await a_standing_partition(run, "DispatchPartitionStands")


async def limits_pass_inputs(run: Run) -> Story:
    async with run() as worker:
        before = await scrape(worker)
        await worker.send(worker.post.call("c1"))
        unit = (await worker.orders(1))["c1"]
        worker.desk.stuck = frozenset({"units"})
        await worker.send(worker.post.unit(unit))
        worker.clock.forward(60)
        return await seen(worker, "DispatchLimitsPassInputs", before)


async def a_standing_partition(run: Run, alert: str) -> Story:
    async with run() as worker:
        before = await scrape(worker)
        worker.desk.stuck = frozenset({"hospitals"})
        await worker.send(worker.post.hospital("H1", "hospital.reported", status="open"))
        return await seen(worker, alert, before)


def shapeless(worker: CityWorker) -> Record:
    """Return an answer that has nothing of what an answer needs."""
    return worker.post.record("calls", "call.answered", "b1", b"{}")


async def source_set_apart(run: Run) -> Story:
    async with run() as worker:
        before = await scrape(worker)

        async def refused() -> None:
            for _ in range(30):
                await worker.send(shapeless(worker))

        return await seen(worker, "DispatchSourceSetApart", before, refused)


async def set_apart_grows(run: Run) -> Story:
    """What waits apart, many times over: of whoever writes to Kafka, it would be minutes' work."""
    async with run() as worker:
        before = await scrape(worker)
        # A worker that has stopped just now: its turn is over after its lease.
        await worker.desk.lease(apart.LEASE, "another", 3_600)

        async def refused() -> bool:
            for _ in range(MOST_IN_WINDOW):
                await worker.send(shapeless(worker))
            return bool(await worker.fetch("SELECT FROM set_apart"))

        await until(refused)
        await worker.fetch(
            "INSERT INTO set_apart (topic, source, records, held)"
            " SELECT topic, source, records, held"
            " FROM (SELECT * FROM set_apart ORDER BY records DESC LIMIT 1) AS largest,"
            " generate_series(1, 1000000 / records + 1)"
        )
        return await seen(worker, "DispatchSetApartGrows", before)


async def events_withheld(run: Run) -> Story:
    """A topic takes 500 bytes; where the broker takes anything, its client refuses them."""
    send: Any = AIOKafkaProducer.send_batch

    async def refuse(producer: AIOKafkaProducer, batch: Any, topic: str, **where: Any) -> Any:
        if topic.endswith("incidents") and batch.size() > 500:
            raise MessageSizeTooLargeError
        return await send(producer, batch, topic, **where)

    with pytest.MonkeyPatch.context() as patch:
        async with run() as worker:
            before = await scrape(worker)
            if isinstance(worker.stack.broker, ApacheKafka):
                await limit_messages(worker.stack.bootstrap, f"{worker.prefix}incidents", 500)
            else:
                patch.setattr(AIOKafkaProducer, "send_batch", refuse)
            await worker.send(worker.post.call("c1"))
            return await seen(worker, "DispatchEventsWithheld", before)


async def limit_messages(bootstrap: str, topic: str, size: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        settings = {"max.message.bytes": str(size)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])
    finally:
        await admin.close()


async def open_transaction(run: Run) -> Story:
    """The embedded broker has no transactions: there, the consumer tells of one."""
    told: Any = Consumer.last_poll_timestamp

    def hurried(consumer: Consumer, tp: TopicPartition) -> int | None:
        """Return when was fetched last, with a minute a second."""
        at = told(consumer, tp)
        return None if at is None else at * 60

    with pytest.MonkeyPatch.context() as patch:
        async with run() as worker:
            before = await scrape(worker)
            patch.setattr(Consumer, "last_poll_timestamp", hurried)
            if not isinstance(worker.stack.broker, ApacheKafka):
                held = TopicPartition(f"{worker.prefix}calls", 0)
                stable: Any = Consumer.last_stable_offset
                end: Any = Consumer.highwater
                patch.setattr(
                    Consumer, "last_stable_offset",
                    lambda consumer, tp: 0 if tp == held else stable(consumer, tp),
                )  # fmt: skip
                patch.setattr(
                    Consumer, "highwater",
                    lambda consumer, tp: 1 if tp == held else end(consumer, tp),
                )  # fmt: skip
                return await seen(worker, "DispatchOpenTransaction", before)
            async with (
                AIOKafkaProducer(
                    bootstrap_servers=worker.stack.bootstrap, transactional_id=f"{worker.prefix}t"
                ) as producer,
                producer.transaction(),
            ):
                await producer.send_and_wait(f"{worker.prefix}calls", b"{}", partition=0)
                return await seen(worker, "DispatchOpenTransaction", before)


async def inputs_misplaced(run: Run) -> Story:
    async with run() as worker:
        before = await scrape(worker)
        call = worker.post.call("c1")
        elsewhere = (number_of(call.key or b"") + 1) % PARTITIONS

        async def placed() -> None:
            await worker.send(call, partition=elsewhere)

        return await seen(worker, "DispatchInputsMisplaced", before, placed)


async def memory_nearly_full(run: Run) -> Story:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        own, allowed = Path(folder) / "cgroup", Path(folder) / "memory.max"
        own.write_text("0::/\n", "utf-8")
        allowed.write_text("max\n", "ascii")
        patch.setattr(process_memory, "limit", partial(process_memory.limit, Path(folder), own))
        async with run() as worker:
            before = await scrape(worker)
            allowed.write_text(f"{process_memory.resident() * 10 // 9}\n", "ascii")
            return await seen(worker, "DispatchMemoryNearlyFull", before)


async def clock_wrong(run: Run) -> Story:
    async with run() as worker:
        worker.desk._clock = DatabaseClock()
        await until(lambda: tells_the_offset(worker))
        before = await scrape(worker)
        worker.desk._clock = DatabaseClock(wall=lambda: wall_now() + timedelta(seconds=90))
        return await seen(worker, "DispatchClockWrong", before)


async def tells_the_offset(worker: CityWorker) -> bool:
    (offset,) = [
        value
        for each, value in (await scrape(worker)).items()
        if ("__name__", "dispatch_clock_offset_seconds") in each
    ]
    return offset != 0


async def call_unreadable(run: Run) -> Story:
    async with run() as worker:
        before = await scrape(worker)

        async def refused() -> None:
            await worker.send(worker.post.record("calls", "call.received", "c1", b"garbled"))

        return await seen(worker, "DispatchCallUnreadable", before, refused)


async def books_inconsistent(run: Run) -> Story:
    async with run() as worker:
        before = await scrape(worker)
        await worker.fetch(
            "INSERT INTO occupations (occupation_id, unit_id, kind, since)"
            " VALUES ('nobody/A1', 'R1', 'assignment', now())"
        )
        numbers = iter(range(1, 100))

        async def called() -> None:
            await worker.send(worker.post.call(f"c{next(numbers)}"))

        return await seen(worker, "DispatchBooksInconsistent", before, called)


async def log_lines_dropped(run: Run) -> Story:
    read_end, write_end = os.pipe()
    try:
        async with run() as worker:
            before = await scrape(worker)
            writer = LineWriter(write_end, "{} lines were dropped".format)

            async def logged() -> None:
                for _ in range(20):
                    writer.write("x" * (WAITING // 10))

            return await seen(worker, "DispatchLogLinesDropped", before, logged)
    finally:
        # The writer's thread ends its waiting at once: nobody can read any more.
        os.close(read_end)
        writer.flush()
        os.close(write_end)


FAULTS: dict[str, Callable[[Run], Awaitable[Story]]] = {
    "DispatchNoWorker": no_worker,
    "DispatchCallsNotTaken": calls_not_taken,
    "DispatchEventsNotPublished": events_not_published,
    "DispatchQueueGrowsOld": queue_grows_old,
    "DispatchClocksBreached": clocks_breached,
    "DispatchInputsRefused": inputs_refused,
    "DispatchInfrastructureFaults": infrastructure_faults,
    "DispatchRecordsLost": records_lost,
    "DispatchDatabaseWentBack": database_went_back,
    "DispatchWorkerNotReady": worker_not_ready,
    "DispatchPartitionStands": partition_stands,
    "DispatchLimitsPassInputs": limits_pass_inputs,
    "DispatchSourceSetApart": source_set_apart,
    "DispatchSetApartGrows": set_apart_grows,
    "DispatchEventsWithheld": events_withheld,
    "DispatchInputsMisplaced": inputs_misplaced,
    "DispatchOpenTransaction": open_transaction,
    "DispatchMemoryNearlyFull": memory_nearly_full,
    "DispatchClockWrong": clock_wrong,
    "DispatchCallUnreadable": call_unreadable,
    "DispatchBooksInconsistent": books_inconsistent,
    "DispatchLogLinesDropped": log_lines_dropped,
}


def test_every_alert_has_its_fault() -> None:
    assert FAULTS.keys() == RULES.keys()


@pytest.mark.parametrize("alert", FAULTS)
async def test_an_alert_fires_when_its_fault_is_made(alert: str, run: Run, tmp_path: Path) -> None:
    story = await FAULTS[alert](run)
    expression = RULES[alert]["expr"]
    if story.before:
        assert not fires(expression, story.before, story.before)
    assert fires(expression, story.first, story.later)
    await check_with_promtool(alert, story, tmp_path)


async def check_with_promtool(alert: str, story: Story, directory: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        return
    test = directory / "test.yaml"
    test.write_text(json.dumps(rule_test(alert, story)), encoding="utf-8")
    done = subprocess.run(  # noqa: ASYNC221 - nothing else runs
        [promtool, "test", "rules", test], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def rule_test(alert: str, story: Story) -> dict[str, Any]:
    """Return promtool's test: half a minute a value; ten minutes before, then what came."""

    def values(series: Any) -> str:
        told = (story.before, 20), (story.first, 4), (story.later, 10)
        return " ".join(
            f"{scrape[series]:g}x{times - 1}" if series in scrape else f"_x{times}"
            for scrape, times in told
        )

    def named(series: Any) -> str:
        labels = dict(series)
        name: str = labels.pop("__name__")
        return name + "{" + ", ".join(f"{key}={json.dumps(labels[key])}" for key in labels) + "}"

    everything = {*story.before, *story.first, *story.later}
    return {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "30s",
                "input_series": [
                    {"series": named(each), "values": values(each)} for each in everything
                ],
                "promql_expr_test": [
                    firing(alert, "16m", True),
                    *([firing(alert, "9m", False)] if story.before else []),
                ],
            }
        ],
    }


def firing(alert: str, at: str, expected: bool) -> dict[str, Any]:
    """Return what promtool is to find of an alert at a time."""
    return {
        "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) > bool 0',
        "eval_time": at,
        "exp_samples": [{"labels": "{}", "value": 1}] if expected else [],
    }


async def put_position(dsn: str, incarnation: str, topic: str, partition: int, at: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "INSERT INTO positions (incarnation, topic, partition, next_offset)"
            " VALUES ($1, $2, $3, $4)",
            incarnation, topic, partition, at,
        )  # fmt: skip
    finally:
        await connection.close()


async def publish(options: dict[str, Any], topic: str, number: int) -> None:
    async with AIOKafkaProducer(**options, acks="all") as producer:
        for _ in range(number):
            await producer.send_and_wait(topic, b"{}", partition=0)


@pytest.fixture
def run(stack: Stack, migrated: str, topic_prefix: str) -> Run:
    """Return what runs a worker; `first` does something before it, `published` calls are there."""

    @asynccontextmanager
    async def running(
        *,
        first: Callable[[str, str, dict[str, Any]], Awaitable[None]] | None = None,
        published: int = 0,
        units: int = 3,
    ) -> AsyncIterator[CityWorker]:
        options = {"bootstrap_servers": stack.bootstrap}
        await make_topics(stack, topic_prefix, small_city(units))
        await publish(options, f"{topic_prefix}calls", published)
        if first is not None:
            await first(migrated, topic_prefix, options)
        async with city_worker(
            stack, migrated, topic_prefix, patience=QUICK, units=units
        ) as worker:
            yield worker

    return running
