"""What brokers take from clients of any kind is read, or stepped over with its place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import TopicPartition

from dispatch.client import open_reader
from dispatch.cluster import ensure_topics
from dispatch.kafka.consumer import Consumer, UnreadableRecord, _Read
from dispatch.settings import KafkaSettings
from dispatch.stack.embedded import Stack
from tests.integration.kafka.clients import send_by_librdkafka, send_bytes
from tests.unit.kafka.batch_bytes import CODECS, Plain, batch

LIMIT = 60.0  # seconds


@pytest.fixture
async def topic(stack: Stack, topic_prefix: str) -> str:
    name = f"{topic_prefix}calls"
    options = {"bootstrap_servers": stack.bootstrap}
    await ensure_topics(options, [name], partitions=1, replication=stack.broker.replication)
    return name


@asynccontextmanager
async def consumer(stack: Stack, topic: str, limit: int = 1 << 20) -> AsyncIterator[Consumer]:
    async with Consumer(
        bootstrap_servers=stack.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        unpacked_limit=limit,
    ) as reading:
        reading.assign([TopicPartition(topic, 0)])
        yield reading


async def read(reading: Consumer, number: int) -> list[_Read]:
    """Read until so many offsets are accounted for."""
    found: list[_Read] = []
    async with asyncio.timeout(LIMIT):
        while not found or found[-1].offset + 1 < number:
            for records in (await reading.getmany(timeout_ms=500)).values():
                found += records
    return found


async def test_every_codec_of_another_client_is_read(stack: Stack, topic: str) -> None:
    values = [b'{"n": %d}' % number for number in range(40)]
    for codec in CODECS:
        sent = [(value, [(b"ce_id", codec.encode())]) for value in values]
        await send_by_librdkafka(stack.bootstrap, topic, codec, sent, b"k")
    async with consumer(stack, topic) as reading:
        found = await read(reading, len(CODECS) * len(values))
    assert [record.value for record in found] == values * len(CODECS)
    said = [dict(record.headers)["ce_id"].decode() for record in found]
    assert said == [codec for codec in CODECS for _ in values]
    # A reader of the same topic shows them, too.
    prefix = topic.removesuffix("calls")
    async with open_reader(KafkaSettings(**stack.kafka), prefix, ["calls"]) as reader:
        shown = [event async for event in reader.past()]
    assert [event.data["n"] for event in shown] == [*range(40)] * len(CODECS)


@pytest.mark.parametrize("codec", CODECS)
async def test_a_record_that_a_broker_takes_and_nobody_can_read_stops_no_other(
    stack: Stack, topic: str, codec: str
) -> None:
    bad = Plain(key=b"c-2", value=b"{}", headers=[(b"ce_id", b"2"), (b"\xff", b"x")])
    records = [Plain(value=b"1"), bad, Plain(value=b"3")]
    await send_bytes(stack.bootstrap, topic, batch(records, codec=codec), len(records))
    await send_bytes(stack.bootstrap, topic, batch([Plain(value=b"4")]), 1)
    async with consumer(stack, topic) as reading:
        one, letter, three, four = await read(reading, 4)
    assert [record.value for record in (one, three, four)] == [b"1", b"3", b"4"]
    assert isinstance(letter, UnreadableRecord)
    assert (letter.topic, letter.partition, letter.offset) == (topic, 0, 1)
    assert (letter.key, letter.value) == (b"c-2", b"{}")
    assert letter.headers == (("ce_id", b"2"), ("\\xff", b"x"))
    prefix = topic.removesuffix("calls")
    async with open_reader(KafkaSettings(**stack.kafka), prefix, ["calls"]) as reader:
        shown = [event async for event in reader.past()]
    assert [event.offset for event in shown] == [0, 1, 2, 3]
    assert shown[1].unreadable is not None
    assert shown[1].as_json()["unreadable"] == shown[1].unreadable


async def test_a_batch_of_much_in_little_is_stepped_over(stack: Stack, topic: str) -> None:
    for codec in CODECS[1:]:
        much = batch([Plain(value=bytes(40_000)), Plain(value=bytes(40_000))], codec=codec)
        await send_bytes(stack.bootstrap, topic, much, 2)
        await send_bytes(stack.bootstrap, topic, batch([Plain(value=codec.encode())]), 1)
    async with consumer(stack, topic, limit=50_000) as reading:
        found = await read(reading, 3 * len(CODECS[1:]))
    letters = [record for record in found if isinstance(record, UnreadableRecord)]
    assert [(letter.first_offset, letter.offset) for letter in letters] == [
        (0, 1), (3, 4), (6, 7), (9, 10),
    ]  # fmt: skip
    assert all("unpacks to more than 50000 bytes" in letter.unreadable for letter in letters)
    assert [record.value for record in found if record not in letters] == [
        codec.encode() for codec in CODECS[1:]
    ]
