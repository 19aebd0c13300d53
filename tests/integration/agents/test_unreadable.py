"""Whatever clients and brokers bring about, the inputs beside and behind it take effect."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from dispatch.agents.app import create_app, serve
from tests.integration.agents.bench import Bench
from tests.integration.agents.small_desk import SmallDesk
from tests.integration.kafka.clients import send_by_librdkafka, send_bytes
from tests.unit.kafka.batch_bytes import CODECS, Plain, batch

GOOD = orjson.dumps({"poison": False})


@pytest.fixture
async def serving(bench: Bench) -> AsyncIterator[None]:
    desk = SmallDesk(bench.dsn, bench.prefix, bench.gate)
    await desk.open()
    stop = asyncio.Event()
    working = asyncio.ensure_future(serve(create_app(bench.settings(), desk), stop))
    yield
    stop.set()
    await working
    await desk.close()


@pytest.mark.usefixtures("serving")
async def test_calls_take_effect_whatever_codec_their_client_has(bench: Bench) -> None:
    identities = []
    for codec in CODECS:
        mine = [f"{codec}/{number}" for number in range(20)]
        sent = [(GOOD, [(b"ce_id", identity.encode())]) for identity in mine]
        await send_by_librdkafka(
            bench.stack.bootstrap, bench.topic("calls"), codec, sent, codec.encode()
        )
        identities += mine
    await bench.settled(len(identities))
    await bench.check(identities)


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize("codec", ["none", "zstd"])
async def test_calls_beside_and_behind_a_record_that_can_not_be_read_take_effect(
    bench: Bench, codec: str
) -> None:
    def call(identity: str, *more: tuple[bytes, bytes | None]) -> Plain:
        return Plain(key=b"k", value=GOOD, headers=[(b"ce_id", identity.encode()), *more])

    records = [call("k/1"), call("k/2", (b"\xfe\xff", b"x")), call("k/3")]
    topic = bench.topic("calls")
    first = await send_bytes(bench.stack.bootstrap, topic, batch(records, codec=codec), 3)
    await send_bytes(bench.stack.bootstrap, topic, batch([call("k/4")]), 1)
    await bench.settled(3)
    await bench.check_effects(["k/1", "k/3", "k/4"])
    [letter] = await bench.read("dead-letters")
    assert b"name is not UTF-8" in (letter.value or b"")
    assert first == 0
