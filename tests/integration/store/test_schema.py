import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from dispatch.errors import SchemaMismatch, Unavailable
from dispatch.policy.pack import load_pack
from dispatch.store.desk import Desk
from dispatch.store.schema import amigrate, check_version, wanted_version
from tests.integration.store.conftest import PREFIX, HandClock, Post, kinds, small_city

SECURITY = Path(__file__).parents[3] / "SECURITY.md"


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
        incarnation="broker-1",
    )
    await desk.open()
    try:
        events = await desk.take([post.call("c1", condition="critical"), post.unit("nobody")])
        assert "order.issued" in kinds(events)
        await desk.published(events)
        clock.forward(3_600)
        assert await desk.fire_due()
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
