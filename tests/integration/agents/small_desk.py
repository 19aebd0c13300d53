"""A small desk on a real PostgreSQL: it decides nothing, but keeps every promise of delivery."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from dispatch.errors import Unavailable
from dispatch.health import DeskHealth
from dispatch.planning.plan import Plan
from dispatch.planning.task import Task
from dispatch.topics.envelope import Outgoing, Record
from dispatch.topics.unread import Unread

SCHEMA = Path(__file__).with_suffix(".sql")
_NOTE = """INSERT INTO positions VALUES ($1, $2, $3, $4)
    ON CONFLICT (incarnation, topic, partition)
    DO UPDATE SET next = greatest(positions.next, excluded.next)"""
AWAY = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)


@dataclass(frozen=True, slots=True)
class Gate:
    """A file that makes a process wait at a stage, and one by which it says that it does."""

    directory: Path

    def shut(self, stage: str) -> None:
        (self.directory / stage).touch()

    def open(self, stage: str) -> None:
        (self.directory / stage).unlink()

    def waiting(self, stage: str) -> bool:
        return (self.directory / f"{stage}.waiting").exists()

    def holder(self, stage: str) -> int:
        return int((self.directory / f"{stage}.waiting").read_text())

    async def pass_through(self, stage: str) -> None:
        draft = self.directory / f"{stage}.{os.getpid()}"
        while (self.directory / stage).exists():
            # Whoever finds the file finds the whole of it.
            draft.write_text(str(os.getpid()))
            draft.replace(self.directory / f"{stage}.waiting")
            await asyncio.sleep(0.01)


class SmallDesk:
    """Every fresh record is one effect and one event; `{"poison": true}` can't be processed."""

    claim = None

    def __init__(self, dsn: str, prefix: str, gate: Gate) -> None:
        self._dsn = dsn
        self._prefix = prefix
        self._gate = gate
        self._pool: asyncpg.Pool[Any] | None = None

    async def open(self) -> None:
        try:
            self._pool = await asyncpg.create_pool(
                self._dsn, min_size=1, max_size=4, timeout=5, command_timeout=10
            )
        except AWAY as error:
            raise Unavailable(str(error)) from error

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()

    async def take(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        async with self._connection() as db:
            await self._gate.pass_through("taken")
            async with db.transaction():
                await self._note(db, records)
                if any(record.unreadable is not None for record in records):
                    raise ValueError("unreadable")
                identities = {_header(record, "ce_id"): record for record in records}
                fresh = await db.fetch(
                    "INSERT INTO inbox SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
                    " RETURNING identity",
                    list(identities),
                )
                known = {row["identity"] for row in fresh}
                for identity, record in identities.items():
                    value = orjson.loads(record.value or b"")
                    if value.get("poison"):
                        raise ValueError("poison")
                    if identity in known:
                        await self._take_effect(db, record, identity)
                await self._gate.pass_through("transaction")
            await self._gate.pass_through("committed")
            return await self._unpublished(db, [_key(record) for record in records])

    async def refuse(self, record: Record, error: BaseException) -> Sequence[Outgoing]:
        async with self._connection() as db, db.transaction():
            await self._note(db, [record])
            reason = {"field": "poison", "reason": record.unreadable or str(error)}
            letter = orjson.dumps({"refused": "call.received", "reasons": [reason]})
            await self._log(db, "dead-letters", _key(record), "input.rejected", letter)
            return await self._unpublished(db, [_key(record)])

    @property
    def written_apart(self) -> int:
        return 0

    def set_apart(self, _: Sequence[Any]) -> int:
        return 0

    async def hear_of_set_apart(self) -> bool:
        return False

    @property
    def refused_apart(self) -> float:
        return 0.0

    async def settle_apart(self, **_: bool) -> Sequence[Outgoing] | None:
        return None

    async def due(self) -> datetime | None:
        async with self._connection() as db:
            now: datetime | None = await db.fetchval(
                "SELECT clock_timestamp() WHERE EXISTS"
                " (SELECT FROM timers WHERE due <= clock_timestamp())"
            )
            return now

    @property
    def anything_parked(self) -> bool:
        return False

    async def fire_due(
        self, by: datetime, unread: Unread | None = None, *, parked: bool = True
    ) -> Sequence[Outgoing]:
        del parked
        if unread is not None and unread.somewhere("calls"):
            return ()
        async with self._connection() as db, db.transaction():
            due = await db.fetch("DELETE FROM timers WHERE due <= $1 RETURNING key", by)
            for row in due:
                await self._log(db, "incidents", row["key"], "timer.fired", b"{}")
            return await self._unpublished(db, [row["key"] for row in due])

    async def leftovers(self, older_than_seconds: float, limit: int) -> Sequence[Outgoing]:
        async with self._connection() as db:
            rows = await db.fetch(
                "SELECT * FROM log WHERE NOT published"
                " AND logged_at <= clock_timestamp() - make_interval(secs => $1)"
                " ORDER BY position LIMIT $2",
                older_than_seconds,
                limit,
            )
            return [self._outgoing(row) for row in rows]

    async def still_unpublished(self, positions: Sequence[int]) -> set[int]:
        async with self._connection() as db:
            rows = await db.fetch(
                "SELECT position FROM log WHERE NOT published AND position = ANY($1::bigint[])",
                list(positions),
            )
            return {row["position"] for row in rows}

    async def published(self, events: Sequence[Outgoing]) -> None:
        await self._gate.pass_through("published")
        async with self._connection() as db:
            await db.execute(
                "UPDATE log SET published = true WHERE position = ANY($1::bigint[])",
                [event.position for event in events],
            )
        await self._gate.pass_through("marked")

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        async with self._connection() as db:
            held = await db.fetchval(
                "INSERT INTO leases VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))"
                " ON CONFLICT (name) DO UPDATE SET holder = $2, expires = excluded.expires"
                " WHERE leases.holder = $2 OR leases.expires < clock_timestamp() RETURNING 1",
                name,
                holder,
                seconds,
            )
            return held is not None

    async def writable(self) -> bool:
        async with self._connection() as db:
            return bool(await db.fetchval("SHOW transaction_read_only") == "off")

    async def noted(self, incarnation: str) -> Mapping[tuple[str, int], int]:
        async with self._connection() as db:
            await db.execute("SELECT nextval('looks_at_positions')")
            rows = await db.fetch("SELECT * FROM positions WHERE incarnation = $1", incarnation)
            return {(row["topic"], row["partition"]): row["next"] for row in rows}

    async def note(self, incarnation: str, positions: Mapping[tuple[str, int], int]) -> None:
        async with self._connection() as db:
            await db.executemany(
                _NOTE, [(incarnation, *place, offset) for place, offset in positions.items()]
            )

    async def clock_offset(self) -> float | None:
        return None

    async def unplanned(self) -> Sequence[str]:
        return ()

    async def planning_task(self, batch_id: str) -> Task | None:
        raise AssertionError(f"there is no batch {batch_id}")

    async def adopt(self, batch_id: str, revision: int, plan: Plan) -> Sequence[Outgoing]:
        raise AssertionError(f"there is no batch {batch_id} ({revision}, {plan})")

    async def health(self) -> DeskHealth:
        async with self._connection() as db:
            row = await db.fetchrow(
                "SELECT count(*) AS unpublished, coalesce(extract(epoch FROM"
                " clock_timestamp() - min(logged_at)), 0)::float AS age"
                " FROM log WHERE NOT published"
            )
            assert row is not None
            return DeskHealth(
                writable=True,
                unpublished=row["unpublished"],
                unpublished_age=row["age"],
                queue_length=0,
                queue_age=0.0,
                parked=0,
            )

    async def wakeups(self) -> AsyncIterator[None]:
        while True:
            await asyncio.sleep(60)
            yield

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        assert self._pool is not None
        try:
            async with self._pool.acquire(timeout=5) as connection:
                yield connection
        except ValueError:
            # What asyncpg can't encode is an InterfaceError too, and no fault of the database.
            raise
        except AWAY as error:
            raise Unavailable(f"The database is away: {error!r}") from error

    async def _note(self, db: Any, records: Sequence[Record]) -> None:
        await db.execute("SELECT FROM centre FOR UPDATE")
        for record in records:
            await db.execute(
                _NOTE,
                record.incarnation,
                record.topic,
                record.partition,
                record.offset + 1,
            )

    async def _take_effect(self, db: Any, record: Record, identity: str) -> None:
        key = _key(record)
        await db.execute("INSERT INTO effects (key, identity) VALUES ($1, $2)", key, identity)
        value = orjson.dumps({"decision": {"rule": "R1"}, "identity": identity})
        await self._log(db, "incidents", key, "call.decided", value)

    async def _log(self, db: Any, topic: str, key: str, kind: str, value: bytes) -> None:
        sequence = await db.fetchval(
            "INSERT INTO sequences VALUES ($1, 1) ON CONFLICT (key)"
            " DO UPDATE SET last = sequences.last + 1 RETURNING last",
            key,
        )
        await db.execute(
            "INSERT INTO log (topic, key, type, sequence, value) VALUES ($1, $2, $3, $4, $5)",
            self._prefix + topic,
            key,
            kind,
            sequence,
            value,
        )

    async def _unpublished(self, db: Any, keys: Sequence[str]) -> Sequence[Outgoing]:
        rows = await db.fetch(
            "SELECT * FROM log WHERE NOT published AND key = ANY($1::text[]) ORDER BY position",
            keys,
        )
        return [self._outgoing(row) for row in rows]

    def _outgoing(self, row: Mapping[str, Any]) -> Outgoing:
        headers = {"ce_type": row["type"], "ce_sequence": str(row["sequence"])}
        return Outgoing(
            position=row["position"],
            topic=row["topic"],
            key=row["key"],
            headers=tuple((name, value.encode()) for name, value in headers.items()),
            value=row["value"],
        )


def _header(record: Record, name: str) -> str:
    return next((value or b"").decode() for found, value in record.headers if found == name)


def _key(record: Record) -> str:
    return (record.key or b"").decode()
