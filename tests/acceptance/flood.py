"""A flood of bad inputs of one source beside another's good calls: what it costs whom.

    python -m tests.acceptance.flood 200000     # as fast as librdkafka sends them
    python -m tests.acceptance.flood 200000 6   # in six seconds

measures beside one broker of Apache Kafka, on a stack of its own; it prints how long good calls
waited, and when all is dealt with a line of what it cost. The test runs the same with fewer.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Producer

from dispatch.stack.embedded import running_stack
from dispatch.store.schema import amigrate
from tests.acceptance.service import Service, open_service
from tests.apache_kafka import ApacheKafka, fetch

CALLS_A_SECOND: Final = 20
FIRST_BAD: Final = 1_000_000
FIRST_GOOD: Final = 0
# How many good calls are measured before it.
BEFORE: Final = 50
# How long good calls go on after the last bad input was sent, at least.
AFTER_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Cost:
    """What a flood cost: waits of good calls from receipt to decision, in seconds; bytes each."""

    quiet: list[float]
    """Waits before the flood."""
    waits: list[float]
    sent_in: float
    drained_in: float
    database_bytes: float
    log_bytes: float

    @property
    def p99(self) -> float:
        """The wait that one in a hundred calls exceeds, in seconds."""
        return quantile(self.waits)

    @property
    def quiet_p99(self) -> float:
        """The same before the flood."""
        return quantile(self.quiet)

    def __str__(self) -> str:
        """Return all of it in a line."""
        return (
            f"p99 {self.quiet_p99:.3f} s before; {len(self.waits)} good calls beside it:"
            f" p50 {statistics.median(self.waits):.3f} s,"
            f" p99 {self.p99:.3f} s, max {max(self.waits):.3f} s; flood sent in"
            f" {self.sent_in:.1f} s, dealt with in {self.drained_in:.1f} s;"
            f" {self.database_bytes:.0f} B of database and {self.log_bytes:.1f} B of log each"
        )


def quantile(waits: list[float]) -> float:
    """Return the wait that one in a hundred exceeds, in seconds."""
    return statistics.quantiles(waits, n=100)[98]


async def flood(service: Service, bad: int, seconds: float = 0) -> Cost:
    """Send so many bad inputs, in so many seconds at least, and good calls meanwhile.

    Return what it cost.
    """
    log = service.folder / "worker-0.log"
    options = {"bootstrap_servers": service.stack.bootstrap, "auto_offset_reset": "earliest"}
    consumer = AIOKafkaConsumer(service.prefix + "incidents", **options)
    await consumer.start()
    decided: dict[str, float] = {}

    async def read() -> None:
        async for record in consumer:
            if ("ce_type", b"call.decided") in record.headers and record.key is not None:
                decided.setdefault(record.key.decode(), time.monotonic())

    reading = asyncio.ensure_future(read())
    try:
        await service.send_calls([FIRST_GOOD])
        await service.until(lambda: len(decided) == 1)
        before, logged = await _database(service), log.stat().st_size
        quiet = await _waits(service, decided, lambda sent: sent == BEFORE)
        began = time.monotonic()
        sending = asyncio.ensure_future(asyncio.to_thread(_send, service, bad, seconds))
        ends: list[float] = []

        def over(_: int) -> bool:
            if sending.done() and not ends:
                ends.append(time.monotonic() + AFTER_SECONDS)
            return bool(ends) and time.monotonic() > ends[0]

        waits = await _waits(service, decided, over)
        sent_in = await sending
        sys.stdout.write(
            f"flood sent in {sent_in:.1f} s; of {len(waits)} good calls"
            f" p50 {statistics.median(waits):.3f} s, p99 {quantile(waits):.3f} s\n"
        )
        sys.stdout.flush()
        await service.until(partial(_dealt_with, service, bad), 600)
        drained_in = time.monotonic() - began
        await service.until(service.published)
        after, lines = await _database(service), log.read_text()[logged:].splitlines()
    finally:
        reading.cancel()
        await consumer.stop()
    of_bad = sum(len(line) + 1 for line in lines if "refused" in line or "flood" in line)
    return Cost(
        quiet=quiet,
        waits=waits,
        sent_in=sent_in,
        drained_in=drained_in,
        database_bytes=(after - before) / bad,
        log_bytes=of_bad / bad,
    )


async def _waits(
    service: Service, decided: dict[str, float], over: Callable[[int], bool]
) -> list[float]:
    """Send good calls until that is over; return how long each waited once the broker had it."""
    first = len(decided)
    received: dict[str, float] = {}
    while not over(len(received)):
        number = first + len(received)
        await service.send_calls([number])
        received[f"c{number}"] = time.monotonic()
        await asyncio.sleep(1 / CALLS_A_SECOND)
    await service.until(lambda: received.keys() <= decided.keys(), 300)
    return [max(0.0, decided[call_id] - at) for call_id, at in received.items()]


def _send(service: Service, bad: int, seconds: float) -> float:
    """Send bad inputs as fast as librdkafka does, or in so long; return the seconds it took."""
    producer = Producer(
        {"bootstrap.servers": service.stack.bootstrap, "queue.buffering.max.messages": bad}
    )
    began = time.monotonic()
    for number in range(bad):
        producer.produce(
            service.prefix + "calls",
            b'{"call_id": "x"}',
            key=f"b{number % 1_000}",
            headers=[
                ("ce_specversion", b"1.0"),
                ("ce_id", b"%d" % (FIRST_BAD + number)),
                ("ce_source", b"flood"),
                ("ce_type", b"call.received"),
            ],
        )
        if number % 1_000 == 0:
            producer.poll(0)
            time.sleep(max(0.0, began + seconds * number / bad - time.monotonic()))
    producer.flush()
    return time.monotonic() - began


async def _dealt_with(service: Service, bad: int) -> bool:
    letters = await service.database.fetchval(
        "SELECT (SELECT count(*) FROM events WHERE type = 'input.rejected')"
        " + (SELECT coalesce(sum((data ->> 'count')::integer), 0) FROM events"
        " WHERE type = 'inputs.refused')"
    )
    return bool(letters >= bad)


async def _database(service: Service) -> int:
    """Return the size of the database in bytes, without what is dead in it."""
    connection = await asyncpg.connect(service.dsn)
    try:
        await connection.execute("VACUUM FULL")
        size: int = await connection.fetchval("SELECT pg_database_size(current_database())")
    finally:
        await connection.close()
    return size


async def _measure(bad: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        folder.chmod(0o711)
        async with running_stack(durable=True, kafka=partial(ApacheKafka, fetch(), 1)) as stack:
            dsn = stack.postgres.dsn_of("flood")
            connection = await asyncpg.connect(stack.dsn)
            await connection.execute("CREATE DATABASE flood")
            await connection.close()
            await amigrate({"dsn": dsn})
            async with open_service(stack, dsn, "flood.", folder, units=20) as service:
                service.batch_size = 500
                service.start_worker()
                sys.stdout.write(f"{await flood(service, bad, seconds)}\n")


if __name__ == "__main__":
    asyncio.run(_measure(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0))
