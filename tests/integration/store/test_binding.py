"""A database is bound to one cluster and prefix, and a copy is refused until it is adopted."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import asyncpg
import pytest
import pytest_asyncio

from dispatch import cli
from dispatch.claim import Claim
from dispatch.errors import BoundElsewhere, ConfigurationError
from dispatch.store.binding import adopt, bind
from dispatch.store.database import Database

PREFIX = "city."


@dataclass
class Topics:
    cluster: str = "cluster-1"
    written: list[Claim] = field(default_factory=list)

    async def cluster_id(self) -> str:
        return self.cluster

    async def claims(self) -> Sequence[Claim]:
        return self.written


@pytest_asyncio.fixture
async def opened(migrated: str) -> AsyncIterator[Database]:
    database = Database({"dsn": migrated})
    await database.open()
    yield database
    database.close()


async def test_the_first_worker_binds_and_the_others_find_the_same(opened: Database) -> None:
    topics = Topics()
    first, second = await asyncio.gather(bind(opened, topics, PREFIX), bind(opened, topics, PREFIX))
    assert first == second == await bind(opened, topics, PREFIX)


@pytest.mark.parametrize(("cluster", "prefix"), [("cluster-2", PREFIX), ("cluster-1", "town.")])
async def test_other_topics_are_refused_until_they_are_adopted(
    opened: Database, cluster: str, prefix: str
) -> None:
    claim = await bind(opened, Topics(), PREFIX)
    other = Topics(cluster)
    with pytest.raises(BoundElsewhere, match=r"bound to .*city\.\* .*cluster-1.*adopt") as said:
        await bind(opened, other, prefix)
    assert "\n" not in str(said.value)
    adopted = await adopt(opened, other, prefix)
    # The same database still: nobody else can be taken for it.
    assert adopted.claim == claim == await bind(opened, other, prefix)
    with pytest.raises(BoundElsewhere):
        await bind(opened, Topics(), PREFIX)


async def test_topics_of_another_database_are_refused_until_they_are_adopted(
    opened: Database,
) -> None:
    other = Claim("other", "dispatch on db-2", "2020-01-01T00:00:00+00:00", ("older",))
    topics = Topics(written=[other])
    with pytest.raises(BoundElsewhere, match=r"dispatch on db-2 \(other\).*adopt"):
        await bind(opened, topics, PREFIX)
    # It was refused before it was bound to anything.
    free = await bind(opened, Topics("cluster-2"), PREFIX)
    adopted = await adopt(opened, topics, PREFIX)
    assert adopted.claim.database != free.database
    assert {"other", "older", free.database} <= set(adopted.claim.succeeds)
    assert await bind(opened, topics, PREFIX) == adopted.claim


async def test_a_copy_is_refused_until_it_is_adopted(opened: Database, migrated: str) -> None:
    topics = Topics()
    original = await bind(opened, topics, PREFIX)
    topics.written.append(original)
    connection = await asyncpg.connect(migrated)
    await connection.execute("UPDATE binding SET server = '1'")
    await connection.close()
    with pytest.raises(BoundElsewhere, match=f"copy of .*{original.database}.*adopt"):
        await bind(opened, topics, PREFIX)
    copy = (await adopt(opened, topics, PREFIX)).claim
    assert copy.database != original.database
    assert copy.succeeds == (original.database,)
    assert await bind(opened, topics, PREFIX) == copy


async def test_a_restored_database_is_to_be_adopted(
    opened: Database, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bind(opened, Topics(), PREFIX)
    monkeypatch.setenv("DISPATCH_DATABASE__DSN", migrated)
    assert await asyncio.to_thread(cli.run, ["migrate", "--restored"]) == 0
    with pytest.raises(BoundElsewhere, match="adopt"):
        await bind(opened, Topics(), PREFIX)


async def test_a_server_that_does_not_tell_which_it_is_is_known_by_its_oid(
    opened: Database, migrated: str
) -> None:
    claim = await bind(opened, Topics(), PREFIX)
    connection = await asyncpg.connect(migrated)
    await connection.execute("UPDATE binding SET server = ''")
    assert await bind(opened, Topics(), PREFIX) == claim
    await connection.execute("UPDATE binding SET database_oid = 1")
    await connection.close()
    with pytest.raises(BoundElsewhere):
        await bind(opened, Topics(), PREFIX)


async def test_rights_that_were_not_granted_again_are_said_in_one_line(
    migrated: str,
) -> None:
    connection = await asyncpg.connect(migrated)
    await connection.execute(
        "CREATE ROLE nobody_much LOGIN; GRANT SELECT ON schema_version TO nobody_much"
    )
    database = Database({"dsn": migrated, "user": "nobody_much"})
    try:
        await database.open()
        with pytest.raises(ConfigurationError, match="grant"):
            await bind(database, Topics(), PREFIX)
    finally:
        database.close()
        await connection.execute("DROP OWNED BY nobody_much; DROP ROLE nobody_much")
        await connection.close()


async def test_of_two_claims_at_once_the_older_one_may_start_again(opened: Database) -> None:
    topics = Topics()
    own = await bind(opened, topics, PREFIX)
    later = replace(own, database="later", since="9999-01-01T00:00:00+00:00")
    topics.written = [own, later]
    assert await bind(opened, topics, PREFIX) == own
