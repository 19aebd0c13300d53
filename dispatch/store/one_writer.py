"""The one writer: every transaction takes the row `centre` first, and memory follows its fate.

Each process keeps the working set in memory, tagged with the version it has seen; what others wrote
since is read before anything is decided. So rules read memory, nothing deadlocks, and the order of
the event log is the order of the commits.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

import asyncpg
import structlog

from dispatch.clock import Clock
from dispatch.domain import handling
from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.domain.model import CITY
from dispatch.policy.pack import Pack
from dispatch.store import codec, memory
from dispatch.store.database import Database, Transaction
from dispatch.store.database_clock import SLOWLY, DatabaseClock
from dispatch.store.guards import Clash, Disputes, clash
from dispatch.store.plan import CityPlan
from dispatch.store.sql import STATEMENTS
from dispatch.store.writing import as_outgoing, write_changes
from dispatch.topics.envelope import Outgoing

log = structlog.get_logger(__name__)

# ms; one stopped between two bytes of a request counts neither as idle nor as in a statement.
TRANSACTION: Final = 120_000
INCIDENTS_AT_ONCE: Final = 1_000
# Guards of the database that may stand against one transaction until it is given up.
REMEDIES: Final = 100

T = TypeVar("T")


class OneWriter:
    """The working set of one city, and the transactions in which it is changed."""

    def __init__(
        self,
        connect_options: Mapping[str, Any],
        *,
        plan: CityPlan,
        pack: Pack,
        clock: Clock,
        topic_prefix: str,
    ) -> None:
        self._database = Database(connect_options)
        self._plan = plan
        self._pack = pack
        self._clock = clock
        self._prefix = topic_prefix
        # Places that the database says are promised, and nobody is known to have.
        self._held_places: set[tuple[str, str, int]] = set()
        self._city = self._nothing_known()
        self._seen = -1
        self._timeline: str | None = None
        self._one_at_a_time = asyncio.Lock()
        self._disputes = Disputes()
        # Owners of what was read from the database: they may be over, and need not stay.
        self._read_back: set[str] = set()

    # -- transactions

    async def _transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` in a transaction as the one writer; memory follows the database's fate.

        Where a guard of the database stands against what memory thought right, that is mended, and
        decided again: nobody is refused for it.
        """
        async with self._one_at_a_time:
            self._disputes = Disputes()
            for _ in range(REMEDIES):
                try:
                    return await self._transact_once(work)
                except asyncpg.UniqueViolationError as error:
                    against = clash(error)
                    if against is None or not self._remedy(against):
                        raise
                    log.warning(
                        "the database knows otherwise: deciding again",
                        guard=error.constraint_name,
                        about=against.what,
                    )
            return await self._transact_once(work)

    async def _transact_once(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        async with self._database.lend() as connection:
            try:
                async with connection.transaction():
                    tx = await self._begin(connection)
                    await self._load_incidents(tx, self._disputes.read_again)
                    self._give_up_disputed(tx)
                    result = await work(tx)
            except BaseException:
                self._abandon()
                raise
            self._seen = tx.version
            self._settle()
            return result

    def _abandon(self) -> None:
        """Take back in memory what a transaction that has not been had changed."""
        self._city.abandon()

    def _settle(self) -> None:
        """Make the changes final in memory, and forget incidents that are over."""
        city = self._city
        over = memory.may_be_over(city) | self._read_back
        self._read_back.clear()
        city.settle()
        city.forget([owner for owner in over if memory.is_over(city, owner)])
        city.forget_ended(CITY)

    async def _begin(self, connection: asyncpg.Connection) -> Transaction:
        clock = self._clock
        told = isinstance(clock, DatabaseClock)
        (row,) = await connection.fetch(STATEMENTS["lock_centre"], str(TRANSACTION), told, SLOWLY)
        if isinstance(clock, DatabaseClock):
            now = clock.hear(row["last_now"], row["last_clock"])
        else:
            now = clock.now()
        tx = Transaction(connection, row["version"], row["mode"], now, row["parked_version"])
        written = tx.version - 1
        timeline = self._database.timeline
        if self._seen > written or (self._seen >= 0 and timeline != self._timeline):
            # A standby that was promoted may have lost commits, and others may have written since:
            # what memory holds of them is not true any more.
            log.error("the database may be behind memory", seen=self._seen, version=written)
            self._city, self._seen = self._nothing_known(), -1
        self._timeline = timeline
        if self._seen != written:
            await self._catch_up(tx)
            self._city.mode = tx.mode
            self._city.settle()
            self._seen = written
        self._city.begin(now=now, cause="")
        return tx

    async def _write(self, tx: Transaction, replayed: Sequence[str]) -> Sequence[Outgoing]:
        """Write what changed and return what is to be published, in log order."""
        outgoing = await write_changes(
            tx.connection, self._city, version=tx.version, now=tx.now,
            prefix=self._prefix, parties=self._plan.parties, breathe=tx.breathe,
        )  # fmt: skip
        if replayed:
            rows = await tx.fetch("unpublished_of", list(replayed))
            have = {event.position for event in outgoing}
            parties = self._plan.parties
            again = [as_outgoing(dict(row), self._prefix, parties, earlier=True) for row in rows]
            outgoing += [event for event in again if event.position not in have]
            outgoing.sort(key=lambda event: event.position)
        if self._city.mode != tx.mode:
            await tx.execute("set_mode", self._city.mode)
        return outgoing

    # -- where the database knows otherwise

    def _remedy(self, against: Clash) -> bool:
        """Do the next thing about a guard that stands in the way; return whether there was one.

        An id is looked up; then memory is read anew; then the unit or room is taken out, or a call
        goes on under another id.
        """
        disputes = self._disputes
        if against.what == "id" and against.key[0] not in disputes.read_again:
            disputes.read_again.add(against.key[0])
        elif not disputes.memory_is_fresh:
            disputes.memory_is_fresh = True
            self._city, self._seen = self._nothing_known(), -1
        elif against in disputes.given_up:
            return False
        else:
            disputes.given_up.append(against)
        return True

    def _give_up_disputed(self, tx: Transaction) -> None:
        """Leave units and rooms alone of which database and memory say different things."""
        city = self._city
        for against in self._disputes.given_up:
            cause = f"guard/{'/'.join(against.key)}@{tx.version}"
            city.begin(now=tx.now, cause=cause)
            match against:
                case Clash("unit", (unit_id,)) if unit_id in city.units:
                    handling.take_out(city, unit_id, "is on another run in the database")
                case Clash("room", (hospital_id, room, place)):
                    held = hospital_id, room, int(place)
                    if held not in self._held_places:
                        self._held_places.add(held)
                        city.hold_place(*held)
                    explanation = f"{room} {place} is promised in the database, nobody knows whom"
                    escalate(city, "room_inconsistent", None, hospital_id, explanation)
                case Clash("id", (owner,)):
                    self._disputes.taken.add(owner)

    # -- what memory holds

    def _nothing_known(self) -> City:
        city = City(
            pack=self._pack,
            districts=self._plan.districts,
            mode=self._plan.mode,
            travel=self._plan.travel_under(self._pack),
            bounds=self._plan.bounds_under(self._pack),
        )
        for held in self._held_places:
            city.hold_place(*held)
        return city

    async def _catch_up(self, tx: Transaction) -> None:
        """Read what other processes wrote since the version that this one has seen."""
        await self._load(tx, await tx.fetch("load_fleet", self._seen))
        if self._seen < 0:
            rows = await tx.fetch("open_incidents")
            await self._load_incidents(tx, {row["incident_id"] for row in rows})
            return
        rows = await tx.fetch("changed_incidents", self._seen)
        await self._load_incidents(tx, {row["incident_id"] for row in rows})
        rows = await tx.fetch("changed_alone", self._seen)
        await self._load(tx, [row for row in rows if memory.knows(self._city, row["owner"])])
        self._city.forget_ended(CITY)

    async def _load_incidents(self, tx: Transaction, incident_ids: Collection[str]) -> None:
        self._read_back.update(incident_ids)
        # As many as are open at once would need much memory, or time, in one go.
        ids = sorted(incident_ids)
        for first in range(0, len(ids), INCIDENTS_AT_ONCE):
            some = ids[first : first + INCIDENTS_AT_ONCE]
            await self._load(tx, await tx.fetch("load_incidents", some))

    async def _load(self, tx: Transaction, rows: Sequence[asyncpg.Record]) -> None:
        for row in rows:
            await tx.breathe()
            self._city.load([codec.load(row["kind"], row["state"])])

    async def _load_clocks(self, tx: Transaction, clock_ids: list[str]) -> None:
        """Read clocks alone: to run out they need nothing else of their owners."""
        if clock_ids:
            await self._load(tx, await tx.fetch("load_clocks", clock_ids))
