"""A console that reads decisions and orders, and crews that end their runs.

`python -m benchmarks.console` notes when it has consumed the decision and the order of each call
(monotonic seconds, the same for every process of the machine) and writes them as JSON. A crew calls
its run off so many seconds after its order has come, which makes its unit free.
"""

import argparse
import asyncio
import contextlib
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from benchmarks.bed import PARTITIONS
from benchmarks.caller import started_producer
from dispatch.settings import Settings, load_settings
from dispatch.topics.cloudevents import write_headers
from dispatch.topics.units import RunEnded

POLL_MS = 200


class Console:
    """What was consumed, and the crews' answers."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer, run_seconds: float) -> None:
        self.decided: dict[str, float] = {}
        self.ordered: dict[str, float] = {}
        self._topic = f"{settings.topic_prefix}units"
        self._producer = producer
        self._run_seconds = run_seconds
        self._crews: set[asyncio.Task[None]] = set()

    def see(self, record: ConsumerRecord[bytes, bytes], at: float) -> None:
        """Take an event in."""
        assert record.key is not None
        assert record.value is not None
        key = record.key.decode()
        match dict(record.headers)["ce_type"]:
            case b"call.decided":
                self.decided.setdefault(key, at)
            case b"incident.assigned":
                self.ordered.setdefault(key, at)
            case b"order.issued":
                order = orjson.loads(record.value)
                task = asyncio.create_task(self._run(order["unit_id"], order["assignment_id"]))
                self._crews.add(task)
                task.add_done_callback(self._crews.discard)

    async def _run(self, unit_id: str, assignment_id: str) -> None:
        await asyncio.sleep(self._run_seconds)
        now = datetime.now(UTC)
        ended = RunEnded(
            unit_id=unit_id,
            assignment_id=assignment_id,
            at=now,
            outcome="aborted",
            reason="called_off",
        )
        headers = write_headers(
            event_id=f"ended-{assignment_id}",
            event_type=ended.event_type,
            at=now,
            subject=unit_id,
            source="crews",
        )
        await self._producer.send_and_wait(
            self._topic,
            ended.model_dump_json().encode(),
            key=unit_id.encode(),
            headers=list(headers),
        )


async def listen(arguments: argparse.Namespace) -> None:
    """Read until every call has its order, or the time is over; write what was seen."""
    settings = load_settings()
    partitions = [
        TopicPartition(f"{settings.topic_prefix}{topic}", number)
        for topic in ("incidents", "orders")
        for number in range(PARTITIONS)
    ]
    consumer = AIOKafkaConsumer(
        **settings.kafka.client_options(),
        enable_auto_commit=False,
        fetch_max_wait_ms=settings.kafka.fetch_max_wait_ms,
    )
    async with started_producer(settings.kafka) as producer, consumer:
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        console = Console(settings, producer, arguments.run_seconds)
        arguments.ready.touch()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(arguments.limit):
                while len(console.ordered) < arguments.calls:
                    await _look(consumer, console)
    arguments.seen.write_bytes(
        orjson.dumps({"decided": console.decided, "ordered": console.ordered})
    )


async def _look(consumer: AIOKafkaConsumer, console: Console) -> None:
    found = await consumer.getmany(timeout_ms=POLL_MS)
    at = time.monotonic()
    for records in found.values():
        for record in records:
            console.see(record, at)


def main() -> None:
    """Listen as the arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--run-seconds", type=float, required=True)
    parser.add_argument("--limit", type=float, required=True, help="seconds")
    parser.add_argument("--ready", type=Path, required=True, help="made when it listens")
    parser.add_argument("--seen", type=Path, required=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(listen(parser.parse_args()))


if __name__ == "__main__":
    main()
