"""Calls of clients of every kind are decided by the service, and read as everybody reads them."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import orjson
import pytest

from dispatch.agents.app import create_app, serve
from dispatch.client import Event, Reader, open_reader
from dispatch.clock import SystemClock
from dispatch.cluster import ensure_topics
from dispatch.policy.pack import load_pack
from dispatch.settings import KafkaSettings, load_settings
from dispatch.stack.embedded import Stack
from dispatch.store.desk import Desk
from dispatch.topics import topic_names
from dispatch.topics.cloudevents import write_headers
from tests.integration.kafka.clients import send_by_librdkafka, send_bytes
from tests.integration.store.conftest import call_body, small_city
from tests.unit.kafka.batch_bytes import CODECS, Headers, Plain, batch

LIMIT = 60.0  # seconds
CITY = small_city()


@pytest.fixture
async def reader(stack: Stack, migrated: str, topic_prefix: str) -> AsyncIterator[Reader]:
    """Yield a reader of what a worker of its own says."""
    names = topic_names(CITY.parties)
    await ensure_topics(
        {"bootstrap_servers": stack.bootstrap},
        [topic_prefix + name for name in names],
        partitions=1,
        replication=stack.broker.replication,
    )
    settings = load_settings(
        overrides={
            "kafka": stack.kafka,
            "database": {"dsn": migrated},
            "topic_prefix": topic_prefix,
            "web": {"port": 0},
        }
    )
    desk = Desk(
        {"dsn": migrated},
        plan=CITY,
        pack=load_pack("covid-19"),
        clock=SystemClock(),
        topic_prefix=topic_prefix,
    )
    await desk.open()
    stop = asyncio.Event()
    serving = asyncio.ensure_future(serve(create_app(settings, desk), stop))
    kafka = KafkaSettings(**stack.kafka)
    async with open_reader(kafka, topic_prefix, ["incidents", "dead-letters"]) as opened:
        yield opened
    stop.set()
    await serving
    await desk.close()


def call(call_id: str, number: int) -> tuple[bytes, Headers]:
    """Return a call at a place of its own, as a record's value and headers."""
    at = datetime.now(UTC)
    body = call_body(call_id, at)
    body["location"]["latitude"] += 0.01 * number
    headers = write_headers(
        event_id=f"e-{call_id}",
        event_type="call.received",
        at=at,
        subject=call_id,
        source="console",
    )
    return orjson.dumps(body), [(name.encode(), value) for name, value in headers]


async def told(reader: Reader, event_type: str, number: int) -> list[Event]:
    found: list[Event] = []
    async with asyncio.timeout(LIMIT):
        async for event in reader.new():
            if event.type == event_type:
                found.append(event)
            if len(found) == number:
                return found
    raise AssertionError


async def test_a_call_in_every_codec_of_kafka_is_decided(
    stack: Stack, topic_prefix: str, reader: Reader
) -> None:
    for number, codec in enumerate(CODECS):
        sent = [call(f"c-{codec}", number)]
        await send_by_librdkafka(
            stack.bootstrap, f"{topic_prefix}calls", codec, sent, f"c-{codec}".encode()
        )
    decided = await told(reader, "call.decided", len(CODECS))
    assert {event.data["call_id"] for event in decided} == {f"c-{codec}" for codec in CODECS}


async def test_a_call_behind_one_that_can_not_be_read_is_decided(
    stack: Stack, topic_prefix: str, reader: Reader
) -> None:
    value, headers = call("c-1", 0)
    bad = Plain(key=b"c-1", value=value, headers=[*headers, (b"\xff", b"x")])
    value, headers = call("c-2", 1)
    good = Plain(key=b"c-2", value=value, headers=headers)
    topic = f"{topic_prefix}calls"
    await send_bytes(stack.bootstrap, topic, batch([bad, good], codec="zstd"), 2)
    seen: dict[str, Event] = {}
    async with asyncio.timeout(LIMIT):
        async for event in reader.new():
            seen[event.type] = event
            if {"call.decided", "input.rejected"} <= seen.keys():
                break
    assert seen["call.decided"].data["call_id"] == "c-2"
    letter = seen["input.rejected"].data
    assert (letter["topic"], letter["partition"], letter["offset"]) == (topic, 0, 0)
    assert letter["reasons"][0]["field"] == "record"
    assert base64.b64decode(letter["value_base64"]) == bad.value
