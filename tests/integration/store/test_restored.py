"""What a database tells that was restored from a backup is not dropped by readers."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import asyncpg
import pytest
import pytest_asyncio

from dispatch import cli
from dispatch.policy.pack import load_pack
from dispatch.stack.embedded import Stack
from dispatch.store.desk import Desk
from dispatch.topics.envelope import Outgoing, Record
from tests.integration.store.conftest import PREFIX, HandClock, Post, header, small_city

Copy = Callable[[str], Awaitable[str]]


class Reader:
    """Drops what is not above the last number of its topic and key, as readers shall."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str | None], int] = {}

    def dropped(self, events: Iterable[Outgoing]) -> int:
        """Read events; return how many of them were dropped."""
        dropped = 0
        for event in events:
            stream, sequence = (event.topic, event.key), int(header(event, "ce_sequence"))
            if sequence > self._latest.get(stream, 0):
                self._latest[stream] = sequence
            else:
                dropped += 1
        return dropped


@pytest_asyncio.fixture
async def copy(stack: Stack) -> AsyncIterator[Copy]:
    """Yield a function that copies a database which nobody is connected to."""
    names: list[str] = []
    connection = await asyncpg.connect(stack.dsn)

    async def copied(dsn: str) -> str:
        source = await asyncpg.connect(dsn)
        name = await source.fetchval("SELECT current_database()")
        await source.close()
        names.append(f"copy_{uuid.uuid4().hex}")
        await connection.execute(f"CREATE DATABASE {names[-1]} TEMPLATE {name}")
        return stack.postgres.dsn_of(names[-1])

    yield copied
    for name in names:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def told(dsn: str, clock: HandClock, *records: Record) -> list[Outgoing]:
    """Return what a desk that is opened on a database for it tells of some inputs."""
    pack = load_pack("covid-19")
    desk = Desk({"dsn": dsn}, plan=small_city(), pack=pack, clock=clock, topic_prefix=PREFIX)
    await desk.open()
    try:
        events = [*await desk.leftovers(0, 1_000), *await desk.take(list(records))]
        await desk.published(events)
        return events
    finally:
        await desk.close()


@pytest.mark.parametrize("restored", [True, False])
async def test_what_a_restored_database_tells_is_new_to_readers(
    migrated: str,
    copy: Copy,
    clock: HandClock,
    post: Post,
    *,
    restored: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = Reader()
    assert reader.dropped(await told(migrated, clock, post.call("c1"))) == 0
    backup = await copy(migrated)
    lost = post.unit("R1", "order.acknowledged", assignment_id="c1/A1"), post.call("c2")
    assert reader.dropped(await told(migrated, clock, *lost)) == 0

    # Kafka has the inputs still; a backup may be restored more than once.
    for _ in range(2):
        again = await copy(backup)
        monkeypatch.setenv("DISPATCH_DATABASE__DSN", again)
        migrate = ["migrate", "--restored"] if restored else ["migrate"]
        assert await asyncio.to_thread(cli.run, migrate) == 0
        events = await told(again, clock, *lost)
        assert {"order.issued", "incident.assigned"} <= {header(e, "ce_type") for e in events}
        events += await told(again, clock, post.call("c3"))
        assert bool(reader.dropped(events)) != restored
