"""The database's binding to one Kafka cluster and one prefix: nobody else may read those topics."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

import asyncpg

from dispatch.claim import Claim, contested_by
from dispatch.errors import BoundElsewhere, ConfigurationError
from dispatch.store.database import Database
from dispatch.store.sql import STATEMENTS


class ReadTopics(Protocol):
    """The topics that a worker reads."""

    async def cluster_id(self) -> str:
        """Return the id of the cluster that they are on; raises Unavailable."""
        ...

    async def claims(self) -> Sequence[Claim]:
        """Return the databases that have claimed them; raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is: its name for people, its server's identifier, its oid there."""

    name: str
    server: str
    oid: int


@dataclass(frozen=True, slots=True)
class Bound:
    """What a database is bound to."""

    claim: Claim
    cluster_id: str
    topic_prefix: str
    server: str
    oid: int

    def is_at(self, place: Place) -> bool:
        """Tell whether it was bound where it is now: elsewhere it is a copy.

        A server whose identifier can't be read is known by the database's oid alone.
        """
        same = "" in {self.server, place.server} or self.server == place.server
        return same and self.oid == place.oid


@dataclass(frozen=True, slots=True)
class Adopted:
    """What an adoption has changed: what was bound before, and whom the topics named."""

    claim: Claim
    cluster_id: str
    before: Bound | None
    others: Sequence[Claim]


async def bind(database: Database, topics: ReadTopics, prefix: str) -> Claim:
    """Bind the database to the topics, unless it is already; return its claim to them.

    Raises:
        BoundElsewhere: it is bound to others, is a copy, or another database reads the topics.
        Unavailable: the database or the brokers can't be reached.
    """
    cluster_id = await topics.cluster_id()
    claims = await topics.claims()
    async with _lend(database) as connection:
        place = await _place(connection, database)
        bound = await _bound(connection)
        if bound is None:
            claim = _new_claim(place, ())
            refuse_contested(claim, claims)
            await connection.execute(
                STATEMENTS["bind"], *_columns(claim, cluster_id, prefix, place)
            )
            bound = await _bound(connection)
            assert bound is not None, "somebody has bound it"
    refuse_other(bound, cluster_id, prefix, place)
    refuse_contested(bound.claim, claims)
    return bound.claim


async def adopt(database: Database, topics: ReadTopics, prefix: str) -> Adopted:
    """Bind the database to the topics, whatever it was bound to and whoever reads them.

    It takes a new identity where it is a copy or takes another's place: the other gives way.
    Raises Unavailable when the database or the brokers can't be reached.
    """
    cluster_id = await topics.cluster_id()
    async with _lend(database) as connection:
        place = await _place(connection, database)
        before = await _bound(connection)
        own = None if before is None else before.claim
        claims = await topics.claims()
        others = [
            claim
            for claim in dict.fromkeys(claims)
            if own is None or claim.database not in {own.database, *own.succeeds}
        ]
        claim = own
        if claim is None or others or (before is not None and not before.is_at(place)):
            known = () if own is None else (*own.succeeds, own.database)
            named = (each for other in others for each in (*other.succeeds, other.database))
            claim = _new_claim(place, tuple(dict.fromkeys([*known, *named])))
        await connection.execute(
            STATEMENTS["bind_anew"], *_columns(claim, cluster_id, prefix, place)
        )
    return Adopted(claim, cluster_id, before, others)


def refuse_other(bound: Bound, cluster_id: str, prefix: str, place: Place) -> None:
    """Refuse a database that is bound to other topics, or is a copy.

    Raises:
        BoundElsewhere: naming what it is bound to, and what to do.
    """
    if (bound.cluster_id, bound.topic_prefix) != (cluster_id, prefix):
        raise BoundElsewhere(
            f"this database ({place.name}) is bound to the topics {bound.topic_prefix}* of the "
            f"Kafka cluster {bound.cluster_id}, and these are {prefix}* of {cluster_id}: correct "
            "the settings, or bind it to these for good by `dispatch adopt`"
        )
    if not bound.is_at(place):
        raise BoundElsewhere(
            f"this database ({place.name}) is a copy of {bound.claim}, which the topics {prefix}* "
            "belong to: if it is to take its place, stop the other's workers and run "
            "`dispatch adopt`"
        )


def refuse_contested(own: Claim, claims: Sequence[Claim]) -> None:
    """Refuse topics that another database reads.

    Raises:
        BoundElsewhere: naming the other, and what to do.
    """
    if (other := contested_by(own, claims)) is not None:
        raise BoundElsewhere(
            f"another database reads these topics: {other}, since {other.since}; this one is "
            f"{own}: if it is to take the other's place, stop the other's workers and run "
            "`dispatch adopt`"
        )


@asynccontextmanager
async def _lend(database: Database) -> AsyncIterator[Any]:
    try:
        async with database.lend() as connection:
            yield connection
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigurationError(
            f"the database's user may not do its work ({error}): grant it its rights again, as "
            "after each migration (SECURITY.md)"
        ) from error


async def _place(connection: Any, database: Database) -> Place:
    row = await connection.fetchrow(STATEMENTS["whereabouts"])
    server = await connection.fetchval(STATEMENTS["server"]) if row["may_know_server"] else ""
    return Place(f"{row['name']} on {database.where}", server, row["oid"])


async def _bound(connection: Any) -> Bound | None:
    row = await connection.fetchrow(STATEMENTS["binding"])
    if row is None:
        return None
    claim = Claim(
        row["database_id"], row["name"], row["bound_at"].isoformat(), tuple(row["succeeds"])
    )
    return Bound(claim, row["cluster_id"], row["topic_prefix"], row["server"], row["database_oid"])


def _new_claim(place: Place, succeeds: tuple[str, ...]) -> Claim:
    return Claim(str(uuid4()), place.name, datetime.now(UTC).isoformat(), succeeds)


def _columns(claim: Claim, cluster_id: str, prefix: str, place: Place) -> tuple[Any, ...]:
    since = datetime.fromisoformat(claim.since)
    mine = claim.database, claim.name, since, list(claim.succeeds)
    return *mine, cluster_id, prefix, place.server, place.oid
