"""Faults about a single desk: of clocks, timers and the database, and none of an input."""

import asyncio
import warnings
from urllib.parse import urlsplit

import asyncpg
import pytest

from dispatch.domain import handling
from dispatch.domain.city import City
from dispatch.domain.model import Timer
from dispatch.errors import Unavailable
from dispatch.store.books import WAKE
from dispatch.store.database import POOL_SIZE
from dispatch.store.desk import Desk
from tests.integration.store.conftest import HandClock, Post, fire_due, kinds


async def test_what_is_read_back_for_a_refusal_leaves_memory_again(desk: Desk, post: Post) -> None:
    await desk.take([post.call("c1")])
    cancelled = {"call_id": "c1", "at": post.clock.time.isoformat(), "by": "d", "reason": "x"}
    events = await desk.take([post.record("calls", "call.cancelled", "c1", cancelled)])
    assert "incident.closed" in kinds(events)
    again = await desk.take(
        [post.record("calls", "call.cancelled", "c1", {**cancelled, "by": "e"})]
    )
    assert "call.rejected" in kinds(again)
    assert desk._city.incidents == {}


async def test_a_timer_that_another_has_set_anew_waits(
    desk: Desk, post: Post, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.take([post.call(f"c{n}", symptoms=["fever"]) for n in range(2)])
    fired = []

    def postponing(city: City, timer: Timer) -> None:
        if timer.kind == "screening":
            fired.append(timer.subject)
        if timer.subject == "c0":
            city.set_timer("screening", "c1", city.in_seconds(30))

    monkeypatch.setattr(handling, "fire", postponing)
    clock.forward(60)
    await fire_due(desk)
    assert fired == ["c0"]
    clock.forward(30)
    await fire_due(desk)
    assert fired == ["c0", "c1"]


async def test_a_clock_set_back_lets_no_event_overtake_another(
    desk: Desk, post: Post, migrated: str
) -> None:
    events = await desk.take([post.call("c1")])
    connection = await asyncpg.connect(migrated)
    try:
        await connection.execute(
            "UPDATE outbox SET written_at = written_at - interval '1 minute' WHERE position > $1",
            events[0].position,
        )
    finally:
        await connection.close()
    found = await desk.leftovers(30, 100)
    assert found
    stream = (events[0].topic, events[0].key)
    assert stream not in [(event.topic, event.key) for event in found]


async def test_a_database_that_lets_nobody_in_is_no_fault_of_an_input(
    desk: Desk, post: Post, migrated: str
) -> None:
    name = urlsplit(migrated).path.removeprefix("/")
    connection = await asyncpg.connect(migrated, database="template1")
    try:
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", name
        )
        for _ in range(POOL_SIZE + 1):
            with pytest.raises(Unavailable):
                await desk.take([post.call("c1")])
    finally:
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await connection.close()


async def test_a_schema_that_changes_meanwhile_is_no_fault_of_an_input(
    desk: Desk, post: Post, migrated: str
) -> None:
    for _ in range(2):
        await desk.take([post.call("c1")])
    connection = await asyncpg.connect(migrated)
    try:
        await connection.execute("ALTER TABLE centre ALTER COLUMN mode TYPE varchar")
    finally:
        await connection.close()
    record = post.call("c2")
    with pytest.raises(Unavailable):
        await desk.take([record])
    assert "order.issued" in kinds(await desk.take([record]))


async def test_a_database_that_lost_its_last_commits_is_read_anew(
    desk: Desk, post: Post, migrated: str
) -> None:
    # As after the failover to a replica that lagged behind.
    connection = await asyncpg.connect(migrated)
    try:
        await connection.execute("CREATE TABLE kept AS SELECT * FROM units")
        version = await connection.fetchval("SELECT version FROM centre")
        record = post.call("c1")
        await desk.take([record])
        await connection.execute(
            """TRUNCATE units, incidents, calls, assignments, occupations, timers, inbox, events,
                        outbox, streams;
               INSERT INTO units SELECT * FROM kept"""
        )
        await connection.execute("UPDATE centre SET version = $1", version)
    finally:
        await connection.close()
    events = await desk.take([record])
    assert "order.issued" in kinds(events)
    assert list(desk._city.assignments) == ["c1/A1"]


async def test_a_driver_that_loses_its_thread_is_no_fault_of_an_input(
    desk: Desk, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(_tx: object) -> None:
        # So asyncpg says when a connection ends while it begins the next statement.
        raise asyncpg.InternalClientError("cannot switch to state 15")

    with monkeypatch.context() as patched:
        patched.setattr(desk, "_begin", lost)
        with pytest.raises(Unavailable):
            await desk.take([post.call("c1")])
    assert "order.issued" in kinds(await desk.take([post.call("c1")]))


async def test_nobody_gets_a_connection_that_still_listens(desk: Desk) -> None:
    async def listen() -> None:
        async for _ in desk.wakeups():
            heard.set()

    heard = asyncio.Event()
    listening = asyncio.create_task(listen())
    connection = await asyncpg.connect(**desk._database._connect_options)
    try:
        while not heard.is_set():
            await connection.execute(f"NOTIFY {WAKE}")
            await asyncio.wait({listening}, timeout=0.01)
        # What is wrong with a connection that is given back comes as a warning.
        with warnings.catch_warnings(record=True) as warned:
            listening.cancel()
            await asyncio.wait({listening})
            for _ in range(POOL_SIZE + 1):
                await desk.health()
        assert not warned
        listeners = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        async with asyncio.timeout(30):
            while await connection.fetchval(listeners):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        await connection.close()


async def test_a_full_disk_is_no_fault_of_an_input(desk: Desk, post: Post, migrated: str) -> None:
    connection = await asyncpg.connect(migrated)
    try:
        await connection.execute(
            """CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                   RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';
               END $$;
               CREATE TRIGGER no_room BEFORE INSERT ON events EXECUTE FUNCTION no_room()"""
        )
        record = post.call("c1")
        for _ in range(2):
            with pytest.raises(Unavailable):
                await desk.take([record])
        await connection.execute("DROP TRIGGER no_room ON events")
    finally:
        await connection.close()
    assert "order.issued" in kinds(await desk.take([record]))
