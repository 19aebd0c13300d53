"""A network that swallows everything: answers of the database, or what a worker goes on to say."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from dispatch.errors import Unavailable
from dispatch.policy.pack import load_pack
from dispatch.store import database
from dispatch.store.desk import Desk
from dispatch.topics.envelope import Outgoing, Record
from tests.integration.store.conftest import PREFIX, HandClock, Post, kinds, small_city


class Wire:
    """Relays bytes between a desk and the database, until it swallows the answers."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._writers: list[asyncio.StreamWriter] = []
        self._relays: set[asyncio.Task[None]] = set()
        self.swallow_after: bytes | None = None
        self._silent = False
        self.requests = 0
        self.last_request: int | None = None

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        self._relays.add(this)
        there_reader, there_writer = await asyncio.open_unix_connection(self._socket)
        self._writers += [writer, there_writer]
        await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                answer = writer not in self._writers[1::2]
                if self.swallow_after is not None and self.swallow_after in data and not answer:
                    self._silent = True
                if not answer:
                    data = self._until_last(data)
                if not (self._silent and answer):
                    writer.write(data)
                    await writer.drain()
        except OSError:
            # The database ends a session while a request is on its way to it.
            pass
        finally:
            writer.close()

    def _until_last(self, data: bytes) -> bytes:
        """Return what of this gets through; a request ends with its text, or what executes it."""
        through = b""
        while data and self.requests != self.last_request:
            end = 1 + int.from_bytes(data[1:5])
            through += data[:end]
            self.requests += data[:1] in (b"Q", b"S")
            data = data[end:]
        return through

    def heal(self) -> None:
        self._silent, self.swallow_after, self.last_request = False, None, None
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def stop(self) -> None:
        """End what passes, and wait until it has ended."""
        self.heal()
        await asyncio.gather(*self._relays, return_exceptions=True)


@pytest_asyncio.fixture
async def wire(migrated: str) -> AsyncIterator[tuple[Wire, str]]:
    parts = urlsplit(migrated)
    (directory,) = parse_qs(parts.query)["host"]
    wire = Wire(f"{directory}/.s.PGSQL.5432")
    server = await asyncio.start_server(wire.relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield wire, f"postgresql://postgres@127.0.0.1:{port}{parts.path}"
    server.close()
    await wire.stop()


async def test_a_commit_without_an_answer_takes_effect_once(
    wire: tuple[Wire, str], post: Post, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Far longer than an answer takes that is not swallowed, on a slow machine too.
    monkeypatch.setattr(database, "ANSWER", 3.0)
    between, dsn = wire
    desk = Desk(
        {"dsn": dsn},
        plan=small_city(),
        pack=load_pack("covid-19"),
        clock=clock,
        topic_prefix=PREFIX,
    )
    await desk.open()
    try:
        await desk.published(await desk.leftovers(0, 100))
        first, second = post.call("c1"), post.call("c2")
        between.swallow_after = b"COMMIT"
        begun = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(desk.take([first]), 20)
        assert asyncio.get_running_loop().time() - begun < 15
        between.heal()
        # Another input must see what the lost answer was about: its unit is taken.
        events = await _until_there(desk, second)
        assert "order.issued" in kinds(events)
        again = await desk.take([first])
        assert "order.issued" in kinds(again)
        assert len({event.position for event in [*again, *events]}) == len(again) + len(events)
        units = {unit.unit_id: unit.assignment_id for unit in desk._city.units.values()}
        assert sorted(filter(None, units.values())) == ["c1/A1", "c2/A1"]
    finally:
        await desk.close()


async def test_a_worker_that_stops_after_any_request_holds_nobody_up(
    wire: tuple[Wire, str],
    open_desk: Callable[..., Any],
    post: Post,
    clock: HandClock,
) -> None:
    other = await open_desk()
    numbers = itertools.count()
    between, dsn = wire

    async def stop_after(request: int | None) -> int:
        stopping = Desk(
            {"dsn": dsn},
            plan=small_city(),
            pack=load_pack("covid-19"),
            clock=clock,
            topic_prefix=PREFIX,
        )
        await stopping.open()
        if request is not None:
            # Not while it opens: on a slow machine nothing may be said for so long then.
            async with stopping._database.lend() as connection:
                await connection.execute("SET idle_in_transaction_session_timeout = 100")
        between.requests, between.last_request = 0, request
        taking = asyncio.ensure_future(stopping.take([post.call(f"c{next(numbers)}")]))
        try:
            async with asyncio.timeout(20):
                while not taking.done() and between.requests != request:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                assert await other.take([post.call(f"c{next(numbers)}")])
        finally:
            between.heal()
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
            await stopping.close()
        return between.requests

    everything = await stop_after(None)
    # The last of them write the events and commit.
    for request in range(everything - 20, everything):
        await stop_after(request)


async def _until_there(desk: Desk, record: Record) -> Sequence[Outgoing]:
    async with asyncio.timeout(20):
        while True:
            try:
                return await desk.take([record])
            except Unavailable:
                continue
