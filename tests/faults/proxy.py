"""A line that can be cut: a port on loopback, before a broker or the database."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

CHUNK: Final = 64 * 1024  # bytes

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Line:
    """Passes bytes both ways until it is cut, or held: then they neither arrive nor are refused."""

    def __init__(self, connect: Connect) -> None:
        """Prepare a line to what `connect` connects to."""
        self._connect = connect
        self._open = asyncio.Event()
        self._open.set()
        self._cut = False
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and end what passes."""
        if self._server is not None:
            self._server.close()
        await self.cut()

    async def cut(self) -> None:
        """End every connection and take no new one."""
        self._cut = True
        await self._end_talks()

    def hold(self) -> None:
        """Let nothing through, as a network that swallows everything."""
        self._open.clear()

    async def heal(self, *, dropping: bool) -> None:
        """Let everything through again; `dropping`: what was held is lost with its connections."""
        if dropping:
            await self._end_talks()
        self._cut = False
        self._open.set()

    async def _end_talks(self) -> None:
        talks = list(self._talks)
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        try:
            if not self._cut:
                await self._talk(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._talks.discard(talk)
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        there, back = await self._connect()
        ways = [
            asyncio.ensure_future(self._pass(reader, back)),
            asyncio.ensure_future(self._pass(there, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for way in ways:
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await way
            back.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._open.wait()
            if writer.is_closing():
                # Its end came while this was held up; uvloop raises at a word to who is gone.
                return
            writer.write(data)
            await writer.drain()
