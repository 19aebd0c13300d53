import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable
from importlib import resources
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from dispatch import cli
from dispatch.errors import SchemaMismatch, Unavailable
from dispatch.policy.pack import load_pack
from dispatch.store import schema
from dispatch.store.desk import Desk
from dispatch.store.schema import amigrate, check_version, wanted_version
from tests.integration.store.conftest import (
    PREFIX,
    HandClock,
    Post,
    fire_due,
    kinds,
    of_kind,
    small_city,
)

SECURITY = Path(__file__).parents[3] / "SECURITY.md"
SPINE = resources.files("dispatch.store.migrations") / "versions" / "0001_spine.sql"
# What the first schema kept of a city in which a unit was ordered to c1, the transfer unit took c2
# to the place promised at D1, and c3 was still being asked.
ROWS = Path(__file__).parent / "first_schema.json"


async def test_an_empty_database_comes_to_the_version_wanted_and_stays(database: str) -> None:
    assert await amigrate({"dsn": database}) == (None, wanted_version())
    assert await amigrate({"dsn": database}) == (wanted_version(), wanted_version())


async def test_a_newer_database_is_left_alone(migrated: str) -> None:
    connection = await asyncpg.connect(migrated)
    await connection.execute("UPDATE schema_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="9999"):
        await amigrate({"dsn": migrated})
    with pytest.raises(SchemaMismatch, match="9999"):
        await check_version(connection)
    await connection.close()


async def test_a_database_that_is_not_there_is_said_in_few_words(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="can't be reached") as raised:
        await amigrate({"dsn": f"postgresql://nobody@/nothing?host={tmp_path}"})
    assert "sqlalche.me" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest_asyncio.fixture
async def of_the_first_schema(migrated: str) -> str:
    """Return a database that was full of the first schema's records when it was migrated."""
    connection = await asyncpg.connect(migrated)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.execute(SPINE.read_text("utf-8"))
    for table, rows in json.loads(ROWS.read_text("utf-8")).items():
        await connection.execute(
            f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, $1)",
            json.dumps(rows),
        )
    await connection.execute("CREATE TABLE schema_version (version_num text PRIMARY KEY)")
    await connection.execute("INSERT INTO schema_version VALUES ('0001')")
    await connection.close()
    assert await amigrate({"dsn": migrated}) == ("0001", wanted_version())
    return migrated


async def test_a_place_promised_under_the_first_schema_is_not_promised_again(
    of_the_first_schema: str, open_desk: Callable[..., Any], post: Post
) -> None:
    connection = await asyncpg.connect(of_the_first_schema)
    rows = await connection.fetch("SELECT * FROM promises")
    await connection.close()
    assert [tuple(row.values()) for row in rows] == [("c2/A1/H1", "D1", "isolation", 1, True)]
    desk: Desk = await open_desk()
    (reserved,) = of_kind(await desk.take([post.transfer("t1")]), "bed.reserved")
    assert (reserved["hospital_id"], reserved["room"], reserved["place"]) == ("D1", "isolation", 2)


@pytest.mark.usefixtures("of_the_first_schema")
async def test_the_work_of_the_first_schema_goes_on(
    open_desk: Callable[..., Any], clock: HandClock, post: Post
) -> None:
    desk: Desk = await open_desk()
    await desk.take([post.unit("T1", "order.acknowledged", assignment_id="c2/A1")])
    for status in ("rolling", "on_scene", "transporting", "at_hospital"):
        clock.forward(60)
        await desk.take([post.unit("T1", status=status)])
    signed = {"handover_id": "c2/A1/H1", "by": "somebody"}
    events = await desk.take(
        [
            post.unit("T1", "handover.signed_by_crew", **signed),
            post.hospital("D1", "handover.signed_by_hospital", **signed),
        ]
    )
    assert "input.rejected" not in kinds(events)
    (closed,) = of_kind(events, "handover.closed")
    assert closed["keeps_cases"]
    (occupied,) = of_kind(events, "bed.occupied")
    assert (occupied["hospital_id"], occupied["place"]) == ("D1", 1)


@pytest.mark.usefixtures("of_the_first_schema")
async def test_of_the_hospitals_of_the_first_schema_the_plan_says_how_many_beds_there_are(
    open_desk: Callable[..., Any], post: Post
) -> None:
    desk: Desk = await open_desk()
    await desk.take([post.hospital("D1", "hospital.reported", rooms={"isolation": 6})])
    events = await fire_due(desk)
    (refused,) = of_kind(events, "hospital.rejected")
    assert refused["reasons"][0]["reason"] == "6 free are more than the 5 there are"


@pytest_asyncio.fixture
async def worker_role(migrated: str) -> AsyncIterator[str]:
    """Yield a role that was granted what SECURITY.md grants a worker."""
    role = f"worker_{uuid.uuid4().hex}"
    (grants,) = re.findall(r"```sql\n(.*?)```", SECURITY.read_text("utf-8"), re.DOTALL)
    owner = await asyncpg.connect(migrated)
    await owner.execute(grants.replace("dispatch_worker", role))
    yield role
    await owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    await owner.close()


async def test_a_worker_needs_no_more_than_it_is_granted(
    migrated: str, worker_role: str, clock: HandClock, post: Post
) -> None:
    desk = Desk(
        {"dsn": migrated, "user": worker_role},
        plan=small_city(),
        pack=load_pack("covid-19"),
        clock=clock,
        topic_prefix=PREFIX,
    )
    await desk.open()
    try:
        events = await desk.take([post.call("c1", condition="critical"), post.unit("nobody")])
        assert "order.issued" in kinds(events)
        await desk.published(events)
        clock.forward(3_600)
        assert await fire_due(desk)
        assert await desk.lease("relay", "me", 5)
        assert await desk.noted("broker-1")
        assert (await desk.health()).writable
    finally:
        await desk.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET type = 'x'",
        "DELETE FROM events",
        "DROP TABLE events",
        "UPDATE schema_version SET version_num = '9999'",
        "CREATE TABLE mine (id int)",
    ],
)
async def test_a_worker_cannot_change_the_past(
    migrated: str, worker_role: str, statement: str
) -> None:
    connection = await asyncpg.connect(migrated, user=worker_role)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)
    await connection.close()


@pytest_asyncio.fixture
async def to_be_migrated(migrated: str) -> str:
    """Return an empty database of the first schema."""
    connection = await asyncpg.connect(migrated)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.execute(SPINE.read_text("utf-8"))
    await connection.execute("CREATE TABLE schema_version (version_num text PRIMARY KEY)")
    await connection.execute("INSERT INTO schema_version VALUES ('0001')")
    await connection.close()
    return migrated


@pytest_asyncio.fixture
async def backup(to_be_migrated: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection that holds what a backup does."""
    settings = {"application_name": "pg_dump", "idle_in_transaction_session_timeout": "0"}
    holding = await asyncpg.connect(to_be_migrated, server_settings=settings)
    await holding.execute("BEGIN")
    await holding.execute("SELECT FROM centre")
    yield holding
    await holding.close()


@pytest.mark.thorough
async def test_a_migration_behind_a_backup_names_it_lets_others_through_and_gives_up(
    to_be_migrated: str, backup: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "PAUSE", 1.0)
    told: list[str] = []
    started = asyncio.get_running_loop().time()
    options = {"dsn": to_be_migrated}
    migrating = asyncio.create_task(
        asyncio.to_thread(schema.migrate, options, wait=5.0, tell=told.append)
    )
    worker = await asyncpg.connect(to_be_migrated)
    while not migrating.done():
        # A worker waits behind it no longer than its own limit.
        await worker.execute("SET lock_timeout = '5s'; SELECT FROM centre FOR UPDATE")
        await asyncio.wait({migrating}, timeout=0.05)
    await worker.close()
    with pytest.raises(Unavailable, match="gave up after 5 s") as raised:
        await migrating
    assert asyncio.get_running_loop().time() - started < 20
    holder = f"centre is held by pg_dump, process {backup.get_server_pid()}"
    assert told
    assert all(holder in line and "\n" not in line for line in [*told, str(raised.value)])


@pytest.mark.thorough
async def test_a_migration_goes_on_when_the_backup_has_ended(
    to_be_migrated: str, backup: asyncpg.Connection
) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(_line: str) -> None:
        loop.call_soon_threadsafe(told.set)

    options = {"dsn": to_be_migrated}
    migrating = asyncio.create_task(asyncio.to_thread(schema.migrate, options, tell=tell))
    async with asyncio.timeout(20):
        await told.wait()
    await backup.execute("COMMIT")
    assert await migrating == ("0001", wanted_version())


async def test_whoever_migrates_beside_one_that_does_not_end_gives_up_too(
    to_be_migrated: str,
) -> None:
    other = await asyncpg.connect(to_be_migrated)
    await other.execute(f"SELECT pg_advisory_lock({schema._LOCK})")
    with pytest.raises(Unavailable, match=f"process {other.get_server_pid()}"):
        await asyncio.to_thread(schema.migrate, {"dsn": to_be_migrated}, wait=0.0)
    await other.close()


async def test_the_command_says_in_one_line_who_holds_it_up(
    to_be_migrated: str,
    backup: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DISPATCH_DATABASE__DSN", to_be_migrated)
    assert await asyncio.to_thread(cli.run, ["migrate", "--wait", "0"]) != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert f"pg_dump, process {backup.get_server_pid()}" in line
