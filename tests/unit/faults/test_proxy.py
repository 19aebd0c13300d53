"""A line: it passes, is cut, holds, and heals."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.faults.proxy import Line

LIMIT = 5.0


@pytest_asyncio.fixture
async def line() -> AsyncIterator[Line]:
    """Yield a line to somebody who answers with what was said."""

    talks: set[asyncio.Task[None]] = set()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        talks.add(talk)
        with contextlib.suppress(OSError):
            while data := await reader.read(100):
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    line = Line(lambda: asyncio.open_connection("127.0.0.1", port))
    await line.start()
    yield line
    await line.stop()
    server.close()
    # Until the line's end has reached it, a talk leaves its connection open.
    await asyncio.gather(*talks)


async def call(line: Line) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", line.port)


async def test_it_passes_both_ways(line: Line) -> None:
    reader, writer = await call(line)
    writer.write(b"hello")
    async with asyncio.timeout(LIMIT):
        assert await reader.read(5) == b"hello"
    writer.close()


async def test_cut_it_ends_what_passes_and_takes_nothing_new(line: Line) -> None:
    reader, writer = await call(line)
    writer.write(b"hello")
    assert await reader.read(5) == b"hello"
    await line.cut()
    assert await _ends(reader)
    again, rejected = await call(line)
    assert await _ends(again)
    await line.heal(dropping=True)
    healed, third = await call(line)
    third.write(b"again")
    async with asyncio.timeout(LIMIT):
        assert await healed.read(5) == b"again"
    for each in (writer, rejected, third):
        each.close()


async def test_what_was_held_arrives(line: Line) -> None:
    reader, writer = await call(line)
    line.hold()
    writer.write(b"hello")
    waiting = asyncio.ensure_future(reader.read(5))
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done
    await line.heal(dropping=False)
    async with asyncio.timeout(LIMIT):
        assert await waiting == b"hello"
    writer.close()


async def test_what_was_held_may_be_lost_with_its_connection(line: Line) -> None:
    reader, writer = await call(line)
    # A connection is there before the line knows of it.
    writer.write(b"hello")
    assert await reader.read(5) == b"hello"
    line.hold()
    writer.write(b"again")
    await line.heal(dropping=True)
    assert await _ends(reader)
    writer.close()


async def _ends(reader: asyncio.StreamReader) -> bool:
    async with asyncio.timeout(LIMIT):
        try:
            return await reader.read(5) == b""
        except OSError:
            return True
