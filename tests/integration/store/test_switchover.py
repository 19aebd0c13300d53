"""A switchover to a real streaming standby: the desk follows to the server that takes writes."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dispatch.errors import ReadOnly, Unavailable
from dispatch.policy.pack import load_pack
from dispatch.store.connecting import Hosts
from dispatch.store.desk import Desk
from dispatch.store.schema import amigrate
from dispatch.topics.envelope import Outgoing, Record
from tests.integration.store.conftest import PREFIX, HandClock, Post, kinds, small_city
from tests.postgres_pair import Server, caught_up, open_pair

DECIDED_WITHIN = 15.0  # seconds

Pair = tuple[Server, Server, str]


@pytest_asyncio.fixture
async def pair(data_dir: Path) -> AsyncIterator[Pair]:
    async with open_pair(data_dir) as pair:
        await amigrate({"dsn": pair[2]})
        yield pair


@pytest_asyncio.fixture
async def desk(pair: Pair, clock: HandClock) -> AsyncIterator[Desk]:
    desk = Desk(
        {"dsn": pair[2]},
        plan=small_city(),
        pack=load_pack("covid-19"),
        clock=clock,
        topic_prefix=PREFIX,
    )
    await desk.open()
    yield desk
    await desk.close()


async def decided(desk: Desk, record: Record) -> Sequence[Outgoing]:
    begun = time.monotonic()
    while True:
        try:
            return await desk.take([record])
        except Unavailable:
            assert time.monotonic() - begun < DECIDED_WITHIN
            await asyncio.sleep(0.1)


async def test_after_the_primary_became_a_standby_calls_are_decided_on_the_new_one(
    pair: Pair, desk: Desk, post: Post
) -> None:
    first, second, _ = pair
    assert "order.issued" in kinds(await desk.take([post.call("c1")]))
    await caught_up(first)
    await first.stop()
    await second.promote()
    await first.follow(second)
    assert "order.issued" in kinds(await decided(desk, post.call("c2")))
    assert (await desk.health()).writable
    assert sorted(filter(None, (u.assignment_id for u in desk._city.units.values()))) == [
        "c1/A1",
        "c2/A1",
    ]
    # And back again.
    await caught_up(second)
    await second.stop()
    await first.promote()
    assert "order.issued" in kinds(await decided(desk, post.call("c3")))


async def test_a_primary_that_became_read_only_is_left_though_it_closes_no_connection(
    pair: Pair, desk: Desk, post: Post
) -> None:
    first, second, _ = pair
    ended = asyncio.Event()

    async def listen() -> None:
        try:
            async for _ in desk.wakeups():
                pass
        except Unavailable:
            pass
        ended.set()

    listening = asyncio.create_task(listen())
    assert "order.issued" in kinds(await desk.take([post.call("c1")]))
    await caught_up(first)
    await first.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    await first.execute("SELECT pg_reload_conf()")
    await second.promote()
    assert "order.issued" in kinds(await decided(desk, post.call("c2")))
    async with asyncio.timeout(DECIDED_WITHIN):
        await ended.wait()
    await listening


async def test_a_standby_alone_is_refused_until_it_takes_writes(
    pair: Pair, clock: HandClock, post: Post
) -> None:
    first, second, both = pair
    alone = both.replace(f"127.0.0.1:{first.port},", "")
    pack = load_pack("covid-19")
    desk = Desk({"dsn": alone}, plan=small_city(), pack=pack, clock=clock, topic_prefix=PREFIX)
    with pytest.raises(ReadOnly):
        await desk.open()
    await first.stop()
    await second.promote()
    await desk.open()
    try:
        assert "order.issued" in kinds(await desk.take([post.call("c1")]))
    finally:
        await desk.close()


async def test_a_host_that_swallows_everything_keeps_nobody_from_the_next(
    pair: Pair, clock: HandClock, post: Post
) -> None:
    first, _, _ = pair

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    dsn = f"postgresql://postgres@127.0.0.1:{port},127.0.0.1:{first.port}/dispatch"
    pack = load_pack("covid-19")
    desk = Desk({"dsn": dsn}, plan=small_city(), pack=pack, clock=clock, topic_prefix=PREFIX)
    try:
        async with asyncio.timeout(DECIDED_WITHIN):
            await desk.open()
            assert "order.issued" in kinds(await desk.take([post.call("c1")]))
    finally:
        await desk.close()
        silent.close()


async def test_while_no_server_takes_writes_it_is_said_so(pair: Pair, desk: Desk) -> None:
    first, _, _ = pair
    await first.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    await first.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(DECIDED_WITHIN):
        while (await desk.health()).writable:  # noqa: ASYNC110 - the server only answers
            await asyncio.sleep(0.05)
    with pytest.raises(ReadOnly, match=r"takes (no )?writes"):
        await desk.health()


async def test_a_silent_server_is_asked_whether_it_is_there(pair: Pair) -> None:
    connection: Any = await Hosts({"dsn": pair[2]}).connect()
    there = connection._transport.get_extra_info("socket")
    assert there.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert there.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000
    await connection.close()
