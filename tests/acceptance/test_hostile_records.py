"""`dispatch tail` on a terminal, beside records that nobody should publish."""

import asyncio
import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from dispatch.cluster import ensure_topics
from dispatch.stack.embedded import Stack
from dispatch.topics import TOPICS
from tests.apache_kafka import ApacheKafka

PATIENCE = 60.0  # seconds
FULL = 61_440  # bytes in a pipe of 64 KiB, whose last page may be begun
LAST = "the-last-one"
ESCAPES = "\x1b]0;owned\x07\x1b[2J"
FORGED = "c-1\n12-23 08:00:00  unit.changed"

Sent = tuple[bytes | None, bytes | None, int | None, dict[str, bytes]]
HOSTILE: list[Sent] = [
    (ESCAPES.encode(), b"{}", None, {"ce_type": ESCAPES.encode()}),
    (FORGED.encode(), b"{}", None, {"ce_type": FORGED.encode()}),
    (b"\xff\xfe", b"\xff\xfe", None, {"ce_type": b"\xff"}),
    (b"time", b"{}", None, {"ce_time": b"9999-12-31T23:59:59-14:00"}),
    (b"time", b"{}", None, {"ce_time": b"0001-01-01T00:00:00+14:00"}),
    (b"stamp", b"{}", 2**62, {}),
    (b"stamp", b"{}", 0, {}),
    (b"deep", b'{"a":' * 900 + b"1" + b"}" * 900, None, {"ce_type": b"call.received"}),
    (b"deep", b"[" * 90_000 + b"]" * 90_000, None, {"ce_type": b"call.received"}),
    (b"lone", b'{"district": "\\ud800"}', None, {"ce_type": b"call.received"}),
    (b"numbers", b'{"district": [NaN, 1e999, ' + b"9" * 900 + b"]}", None, {}),
    (
        b"symptoms",
        orjson.dumps({"patient": {"symptoms": [ESCAPES, FORGED, "\u202efever\u200b\x9b"]}}),
        None,
        {"ce_type": b"call.received"},
    ),
    (b"13800138000", orjson.dumps({"reason": ESCAPES}), None, {"ce_type": b"order.withdrawn"}),
    (None, b"", None, {}),
    (LAST.encode(), b"{}", None, {"ce_type": b"call.received"}),
]


@contextmanager
def tail_on_a_terminal(
    environment: dict[str, str], *options: str
) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[str], str]]]:
    """Yield a tail, and what waits until its terminal has shown a text and returns all it shows."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dispatch", "tail", "--from-beginning", *options],
        stdout=theirs,
        stderr=theirs,
        env=os.environ | environment,
    )
    os.close(theirs)
    shown = b""

    def until(text: str) -> str:
        nonlocal shown
        deadline = time.monotonic() + PATIENCE
        while text.encode() not in shown or not shown.endswith(b"\n"):
            assert time.monotonic() < deadline, shown
            shown += os.read(ours, 65_536)
        return shown.decode()

    try:
        yield process, until
    finally:
        process.kill()
        process.wait()
        os.close(ours)


async def take_any_time(stack: Stack, name: str) -> None:
    """Create a topic that takes records of any time: by itself, Apache Kafka 4 takes none ahead."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
    await admin.start()
    try:
        any_time = {"message.timestamp.after.max.ms": str(2**63 - 1)}
        topic = NewTopic(name, 1, stack.broker.replication, topic_configs=any_time)
        await admin.create_topics([topic])
    finally:
        await admin.close()


async def publish(stack: Stack, prefix: str, records: Iterable[Sent]) -> dict[str, str]:
    """Publish the records; return the environment of who reads them."""
    names = [prefix + topic.name for topic in TOPICS]
    options: dict[str, Any] = {"bootstrap_servers": stack.bootstrap}
    if isinstance(stack.broker, ApacheKafka):
        await take_any_time(stack, prefix + "calls")
    await ensure_topics(options, names, partitions=1, replication=stack.broker.replication)
    async with AIOKafkaProducer(
        **options, acks="all", enable_idempotence=stack.kafka["enable_idempotence"]
    ) as producer:
        for key, value, timestamp, headers in records:
            await producer.send_and_wait(
                prefix + "calls",
                value,
                key=key,
                timestamp_ms=timestamp,
                headers=list(headers.items()),
            )
    return {
        "DISPATCH_KAFKA__BOOTSTRAP_SERVERS": stack.bootstrap,
        "DISPATCH_KAFKA__ENABLE_IDEMPOTENCE": str(stack.kafka["enable_idempotence"]),
        "DISPATCH_TOPIC_PREFIX": prefix,
        "DISPATCH_LANG": "en",
    }


@pytest.mark.parametrize("options", [(), ("--json",)])
async def test_each_record_is_one_line_of_text(stack: Stack, options: tuple[str, ...]) -> None:
    environment = await publish(stack, f"hostile{len(options)}.", HOSTILE)
    with tail_on_a_terminal(environment, *options, "--topic", "calls") as (process, until):
        said = until(LAST)
        lines = said.removesuffix("\r\n").split("\r\n")
        assert len(lines) == len(HOSTILE)
        for line in lines:
            assert line.isprintable()
        assert not [line for line in lines if line.startswith("12-23")]
        if options:
            assert [json.loads(line)["offset"] for line in lines] == list(range(len(HOSTILE)))
        else:
            assert "13800138000" not in said
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


async def test_a_tail_whose_output_nobody_reads_ends_by_ctrl_c(stack: Stack) -> None:
    long: Sent = (b"long", orjson.dumps({"a": "x" * 100_000}), None, {})
    environment = await publish(stack, "unread.", [long, long])
    reads, writes = os.pipe()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "dispatch",
            "tail",
            "--from-beginning",
            "--topic",
            "calls",
            "--json",
        ],
        stdout=writes,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while waiting(reads) < FULL:
            assert process.poll() is None
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[1] == b""
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
        os.close(reads)
        os.close(writes)


def waiting(descriptor: int) -> int:
    """Return how many bytes of a pipe nobody has read."""
    answer = fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4)
    return int.from_bytes(answer, sys.byteorder)
