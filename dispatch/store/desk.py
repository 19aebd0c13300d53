"""The desk: one transaction a batch, in which inputs take effect once and leave their events.

One writer at a time: every transaction takes the row `centre` first. Each process keeps the
working set in memory, tagged with the version it has seen; what others wrote since is read before
it decides. So rules read memory, nothing deadlocks, and the order of the event log is the order of
the commits.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

import asyncpg
import structlog

from dispatch.clock import Clock
from dispatch.domain import batch_problems, batches, clocks, handling, lenient_calls
from dispatch.domain.batch_progress import batch_of, needs_plan
from dispatch.domain.city import City, Duplicate, Early, Rejected
from dispatch.domain.escalation import escalate
from dispatch.domain.fleet import report_duties
from dispatch.domain.model import CITY, Timer
from dispatch.errors import Unavailable
from dispatch.health import DeskHealth
from dispatch.planning.plan import Plan
from dispatch.planning.task import Task
from dispatch.policy.pack import Pack
from dispatch.store import codec, memory
from dispatch.store.database import Database, Transaction
from dispatch.store.dead_letters import reject
from dispatch.store.guards import Clash, Disputes, clash
from dispatch.store.identities import Came, identify, other_identities
from dispatch.store.inbound import Inbound, read
from dispatch.store.parking import Parked, Parking
from dispatch.store.plan import CityPlan
from dispatch.store.sql import STATEMENTS
from dispatch.store.writing import as_outgoing, write_changes
from dispatch.topics.announcement import Reason
from dispatch.topics.calls import Call
from dispatch.topics.envelope import Outgoing, Record
from dispatch.topics.transfers import TransferBatchRequested

log = structlog.get_logger(__name__)

# ms; one stopped between two bytes of a request counts neither as idle nor as in a statement.
TRANSACTION: Final = 120_000
TIMERS_AT_ONCE: Final = 1_000
WAKE: Final = "dispatch_wake"
# Guards of the database that may stand against one transaction until it is given up.
REMEDIES: Final = 100

# The reason of what comes under the source and id of another event.
_TAKEN: Final = Reason(field="ce_id", reason="is taken by an event with another content")

T = TypeVar("T")


class Desk:
    """The truth of one city, for one worker process."""

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
        self._salvage = lenient_calls.Salvage(plan.districts, clock.now)
        # Places that the database says are promised, and nobody is known to have.
        self._held_places: set[tuple[str, str, int]] = set()
        self._city = self._nothing_known()
        self._seen = -1
        self._one_at_a_time = asyncio.Lock()
        self._disputes = Disputes()
        # Owners of what was read from the database: they may be over, and need not stay.
        self._read_back: set[str] = set()

    # -- opening and closing

    async def open(self) -> None:
        """Connect, check the schema, read the working set, put the city's plan in where it is new.

        Raises:
            Unavailable: the database can't be reached.
            SchemaMismatch: it has another schema than this program.
        """
        await self._database.open()
        try:
            await self._transact(self._install_plan)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    # -- inputs and timers

    async def take(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        """Let the records take effect, in one transaction; return what is to be published.

        Raises:
            Unavailable: nothing has happened; try again.
        """
        inputs = [self._read(record) for record in records]
        return await self._transact(lambda tx: self._take(tx, inputs))

    async def refuse(self, record: Record, error: BaseException) -> Sequence[Outgoing]:
        """Dead-letter the one record whose processing raised `error`.

        Raises:
            Unavailable: nothing has happened; try again.
        """
        inbound = self._read(record)
        log.error(
            "an input could not be processed",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            **_named(inbound),
            exc_info=error,
        )
        reason = _defect(error)

        async def run(tx: Transaction) -> Sequence[Outgoing]:
            return await self._take(tx, [inbound], refusal=reason)

        return await self._transact(run)

    async def due(self) -> datetime | None:
        """Return the time (aware, UTC) when a timer is due, None when none is."""
        now = self._clock.now()
        async with self._database.lend() as connection:
            return now if await connection.fetchval(STATEMENTS["any_due"], now) else None

    async def fire_due(self, by: datetime) -> Sequence[Outgoing]:
        """Fire the timers that were due by a time (aware), oldest first, a thousand at most.

        One that can't be fired is taken out and escalated, so that it holds up no other.

        Raises:
            Unavailable: nothing has happened; try again.
        """
        at_once = TIMERS_AT_ONCE
        while True:
            tried: list[Timer] = []
            fire = partial(self._fire, by=by, at_once=at_once, tried=tried)
            try:
                return await self._transact(fire)
            except Unavailable:
                raise
            except Exception as error:
                if not tried:
                    raise
                if len(tried) == 1:
                    log.exception("a due timer could not be fired", timer=tried[0].timer_id)
                    drop = partial(self._drop_timer, timer=tried[0], error=type(error).__name__)
                    return await self._transact(drop)
                log.exception("due timers could not be fired together: the first half of them")
                at_once = len(tried) // 2

    # -- plans of batches

    async def unplanned(self) -> Sequence[str]:
        """Return the batches that wait for a plan, by their ids."""
        async with self._database.lend() as connection:
            rows = await connection.fetch(STATEMENTS["unplanned"])
        return [row["id"] for row in rows]

    async def planning_task(self, batch_id: str) -> Task | None:
        """Return what a batch's plan is asked for, now; None when it waits for none any more.

        Raises:
            Unavailable: the database can't be reached.
        """

        async def describe(_: Transaction) -> Task | None:
            batch = self._city.batches.get(batch_id)
            if batch is None or not needs_plan(batch):
                return None
            self._city.begin(now=self._clock.now(), cause="")
            asked = batch_problems.problem(self._city, batch)
            return Task(batch.revision, asked, self._pack.transfers.batches.solve_seconds)

        return await self._transact(describe)

    async def adopt(self, batch_id: str, revision: int, plan: Plan) -> Sequence[Outgoing]:
        """Take a plan over, unless its batch has changed since; return what is to be published.

        Raises:
            Unavailable: nothing has happened; try again.
        """

        async def run(tx: Transaction) -> Sequence[Outgoing]:
            cause = f"plan/{batch_id}@{revision}"
            self._city.begin(now=self._clock.now(), cause=cause)
            batches.adopt(self._city, batch_id, revision, plan)
            return await self._write(tx, [])

        return await self._transact(run)

    # -- the event log

    async def leftovers(self, older_than_seconds: float, limit: int) -> Sequence[Outgoing]:
        """Return up to `limit` unpublished events of at least that age, in log order."""
        async with self._database.lend() as connection:
            rows = await connection.fetch(STATEMENTS["leftovers"], older_than_seconds, limit)
        return [as_outgoing(dict(row), self._prefix) for row in rows]

    async def published(self, events: Sequence[Outgoing]) -> None:
        """Note that the brokers have acknowledged the events."""
        if events:
            async with self._database.lend() as connection:
                await connection.execute(
                    STATEMENTS["published"], [event.position for event in events]
                )

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Take or renew a lease, which expires by itself; false while another holds it."""
        async with self._database.lend() as connection:
            taken = await connection.fetchval(STATEMENTS["take_lease"], name, holder, seconds)
        return taken is not None

    async def noted(self, incarnation: str) -> Mapping[tuple[str, int], int]:
        """Return the next offset to read by (topic, partition), as it was noted."""
        async with self._database.lend() as connection:
            rows = await connection.fetch(STATEMENTS["noted_positions"], incarnation)
        return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}

    async def note(self, incarnation: str, positions: Mapping[tuple[str, int], int]) -> None:
        """Note next offsets to read where there was nothing to take; they are never lowered."""
        places = {(incarnation, *place): offset for place, offset in positions.items()}
        async with self._database.lend() as connection:
            await connection.execute(
                STATEMENTS["note_inputs"], [], [], [], self._clock.now(), *_in_columns(places)
            )

    async def health(self) -> DeskHealth:
        """Return how the desk is doing."""
        async with self._database.lend() as connection:
            (row,) = await connection.fetch(STATEMENTS["health"])
            read_only = await connection.fetchval("SHOW transaction_read_only")
        since = row["waiting_since"]
        return DeskHealth(
            writable=read_only == "off",
            unpublished=row["unpublished"],
            unpublished_age=float(row["oldest_unpublished_seconds"]),
            queue_length=row["waiting"],
            queue_age=(self._clock.now() - since).total_seconds() if since else 0.0,
            parked=row["parked"],
        )

    async def wakeups(self) -> AsyncIterator[None]:
        """Yield when somebody says that timers may be due; only a hint."""
        heard = asyncio.Event()
        async with self._database.lend() as connection:

            def hear(*_: object) -> None:
                heard.set()

            await connection.add_listener(WAKE, hear)
            connection.add_termination_listener(hear)
            try:
                while not connection.is_closed():
                    await heard.wait()
                    heard.clear()
                    yield
            finally:
                # Nobody else may get it while it listens; to be told so it may be too far away.
                connection.terminate()

    # -- within a transaction

    async def _install_plan(self, tx: Transaction) -> Sequence[Outgoing]:
        """Bring new units and hospitals of the plan into the database, and report the duties."""
        city = self._city
        if tx.version == 1:
            city.mode = self._plan.mode
        # A plan may come back after another was in force.
        city.begin(now=self._clock.now(), cause=f"plan/{self._plan.digest}@{tx.version}")
        if self._plan.put_into(city):
            report_duties(city)
        return await self._write(tx, [])

    def _read(self, record: Record) -> Inbound:
        topic = record.topic.removeprefix(self._prefix)
        return read(record, topic=topic, salvage=self._salvage)

    async def _take(
        self, tx: Transaction, inputs: Sequence[Inbound], *, refusal: Reason | None = None
    ) -> Sequence[Outgoing]:
        parking = Parking(tx.connection, self._city)
        seen = await self._look_up(tx, inputs, parking)
        outcomes: dict[str, tuple[Inbound, str]] = {}
        replayed: list[str] = []
        for each in inputs:
            identity, used_before = identify(each, seen)
            if identity in seen:
                replayed.append(each.identity)
                continue
            await tx.breathe()
            seen[identity] = each.digest, each.topic
            verdict = refusal or (_TAKEN if used_before else None)
            outcomes[identity] = each, self._handle(each, identity, verdict, parking)
        await parking.write()
        for identity in parking.outcomes.keys() & outcomes.keys():
            outcomes[identity] = (outcomes[identity][0], parking.outcomes[identity])
        await self._note(tx, outcomes, [each.record for each in inputs])
        return await self._write(tx, replayed)

    def _handle(
        self, each: Inbound, identity: str, verdict: Reason | None, parking: Parking
    ) -> str:
        """Let one input take effect, or refuse it; returns what became of it."""
        city = self._city
        city.begin(now=self._clock.now(), cause=each.identity, seed=identity)
        event = each.event
        warnings = each.warnings
        if verdict is _TAKEN and type(event) is Call:
            # A console that was installed anew counts from 1 again; the call is another one.
            verdict, warnings = None, (*warnings, _TAKEN)
        if verdict is not None or event is None:
            reject(city, each, [verdict] if verdict is not None else each.reasons)
            return "rejected"
        mark = city.mark()
        content = each.content.hex()
        try:
            if type(event) is Call:
                event = lenient_calls.take(
                    city, event, content, warnings, taken_ids=self._disputes.taken
                )
            else:
                handling.handle(city, event, content)
        except Rejected as rejected:
            city.roll_back(mark)
            reject(city, each, rejected.reasons)
            return "rejected"
        except Duplicate:
            city.roll_back(mark)
            return "duplicate"
        except Early as early:
            city.roll_back(mark)
            parking.park(early.call_id, identity, each)
            return "parked"
        if (opened := memory.opens(event)) is not None:
            for waiting in parking.release(opened):
                self._follow(waiting, parking)
        return "accepted"

    def _follow(self, waiting: Parked, parking: Parking) -> None:
        """Let what has waited take effect; a defect in it is not one of the call it waited for."""
        inbound = self._read(waiting.record)
        mark = self._city.mark()
        try:
            outcome = self._handle(inbound, waiting.identity, None, parking)
        except Exception as error:
            log.exception(
                "a parked input could not be processed",
                identity=waiting.identity,
                **_named(inbound),
            )
            self._city.roll_back(mark)
            reject(self._city, inbound, [_defect(error)])
            outcome = "rejected"
        parking.outcomes[waiting.identity] = outcome

    async def _fire(
        self, tx: Transaction, *, by: datetime, at_once: int, tried: list[Timer]
    ) -> Sequence[Outgoing]:
        """Fire up to `at_once` timers, and note in `tried` which, lest one of them fails."""
        now = self._clock.now()
        rows = await tx.fetch("due_timers", by, at_once)
        timers = [Timer(**row) for row in rows]
        tried[:] = timers
        parking = Parking(tx.connection, self._city)
        await parking.open_for([], [t.subject for t in timers if t.kind == "parked"])
        unknown: dict[str, str] = {
            timer.subject: owner
            for timer in timers
            if timer.kind != "parked"
            and not memory.knows(self._city, owner := memory.owner_in(timer.subject))
        }
        alone = [t.subject for t in timers if t.kind == clocks.TIMER and t.subject in unknown]
        await self._load_clocks(tx, alone)
        self._read_back.update(unknown.pop(clock_id) for clock_id in alone)
        await self._load_incidents(tx, set(unknown.values()))
        touched: set[str] = set()
        known = 0
        for timer in timers:
            await tx.breathe()
            changed = self._city.changes.timers
            touched.update(timer_id for timer_id, _ in changed[known:])
            known = len(changed)
            if timer.timer_id in touched:
                # One before it has cancelled it, or set it anew.
                continue
            self._city.begin(now=now, cause=f"timer/{timer.timer_id}@{timer.due_at.isoformat()}")
            self._city.cancel_timer(timer.kind, timer.subject)
            if timer.kind == "parked":
                self._give_up_waiting(parking, timer.subject)
            else:
                handling.fire(self._city, timer)
        await parking.write()
        return await self._write(tx, [])

    async def _drop_timer(self, tx: Transaction, *, timer: Timer, error: str) -> Sequence[Outgoing]:
        """Take a timer out and tell the consoles that it did nothing, unless another was faster."""
        if not await tx.connection.fetchval(STATEMENTS["is_set"], timer.timer_id, timer.due_at):
            return ()
        cause = f"timer/{timer.timer_id}@{timer.due_at.isoformat()}"
        self._city.begin(now=self._clock.now(), cause=cause)
        self._city.cancel_timer(timer.kind, timer.subject)
        explanation = f"the timer {timer.timer_id} could not be dealt with ({error})"
        escalate(self._city, "timer_failed", None, timer.timer_id, explanation)
        return await self._write(tx, [])

    def _give_up_waiting(self, parking: Parking, identity: str) -> None:
        parked = parking.expire(identity)
        if parked is not None:
            # As if it had been refused when it came: the dead letter is its own.
            inbound = self._read(parked.record)
            self._city.begin(now=self._clock.now(), cause=inbound.identity, seed=identity)
            reject(self._city, inbound, [Reason(field="call_id", reason="its call has never come")])
            parking.outcomes[identity] = "rejected"

    async def _look_up(
        self, tx: Transaction, inputs: Sequence[Inbound], parking: Parking
    ) -> dict[str, Came]:
        """Read what the inputs refer to and is not in memory, and what waits for their calls.

        Returns the contents of the inputs that came before, by their identities.
        """
        city = self._city
        call_ids: set[str] = set(self._disputes.read_again)
        incident_ids: set[str] = set()
        opened: list[str] = []
        new_batches: list[str] = []
        for event in (each.event for each in inputs if each.event is not None):
            call_id = memory.call_named(event)
            if call_id is not None and call_id not in city.calls:
                call_ids.add(call_id)
            if (brought := memory.opens(event)) is not None:
                opened.append(brought)
                if ".T" in brought and (batch := batch_of(brought)) is not None:
                    call_ids.add(batch)
                if isinstance(event, TransferBatchRequested):
                    new_batches.append(brought)
            for owner in memory.owners_named(event):
                if not memory.knows(city, owner):
                    incident_ids.add(owner)
        seen: dict[str, Came] = {}
        incidents: set[str] = set()
        awaited: list[str] = []

        async def ask(identities: list[str], *about: Sequence[str]) -> None:
            for row in await tx.fetch("known_of_inputs", identities, *about):
                match row["kind"]:
                    case "seen":
                        seen[row["id"]] = row["digest"], row["topic"]
                    case "incident":
                        incidents.add(row["id"])
                    case _:
                        awaited.append(row["id"])

        await ask([each.identity for each in inputs], list(call_ids), opened, new_batches)
        if elsewhere := [
            other
            for each in inputs
            if seen.get(each.identity, (each.digest, each.topic)) != (each.digest, each.topic)
            for other in other_identities(each)
        ]:
            await ask(elsewhere, [], [], [])
        await self._load_incidents(tx, incident_ids | incidents)
        await parking.open_for(awaited)
        return seen

    async def _load_incidents(self, tx: Transaction, incident_ids: Collection[str]) -> None:
        if incident_ids:
            self._read_back.update(incident_ids)
            await self._load(tx, await tx.fetch("load_incidents", list(incident_ids)))

    async def _load(self, tx: Transaction, rows: Sequence[asyncpg.Record]) -> None:
        for row in rows:
            await tx.breathe()
            self._city.load([codec.load(row["kind"], row["state"])])

    async def _load_clocks(self, tx: Transaction, clock_ids: list[str]) -> None:
        """Read clocks alone: to run out they need nothing else of their owners."""
        if clock_ids:
            await self._load(tx, await tx.fetch("load_clocks", clock_ids))

    async def _note(
        self,
        tx: Transaction,
        outcomes: Mapping[str, tuple[Inbound, str]],
        records: Sequence[Record],
    ) -> None:
        """Note what became of inputs, by their identities, and how far was read."""
        reached: dict[tuple[str, str, int], int] = {}
        for record in records:
            place = (record.incarnation, record.topic, record.partition)
            reached[place] = max(reached.get(place, 0), record.offset + 1)
        await tx.execute(
            "note_inputs",
            list(outcomes),
            [each.digest for each, _ in outcomes.values()],
            [outcome for _, outcome in outcomes.values()],
            [each.topic for each, _ in outcomes.values()],
            self._clock.now(),
            *_in_columns(reached),
        )

    async def _write(self, tx: Transaction, replayed: Sequence[str]) -> Sequence[Outgoing]:
        """Write what changed and return what is to be published, in log order."""
        outgoing = await write_changes(
            tx.connection, self._city, version=tx.version, now=self._clock.now(),
            prefix=self._prefix, breathe=tx.breathe,
        )  # fmt: skip
        if replayed:
            rows = await tx.fetch("unpublished_of", list(replayed))
            have = {event.position for event in outgoing}
            again = [as_outgoing(dict(row), self._prefix) for row in rows]
            outgoing += [event for event in again if event.position not in have]
            outgoing.sort(key=lambda event: event.position)
        if self._city.mode != tx.mode:
            await tx.execute("set_mode", self._city.mode)
        return outgoing

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
                self._city.abandon()
                raise
            self._seen = tx.version
            self._settle()
            return result

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
            city.begin(now=self._clock.now(), cause=cause)
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

    async def _begin(self, connection: asyncpg.Connection) -> Transaction:
        (row,) = await connection.fetch(STATEMENTS["lock_centre"], str(TRANSACTION))
        tx = Transaction(connection, row["version"], row["mode"])
        written = tx.version - 1
        if self._seen > written:
            # A failover has lost commits: what memory holds of them is not true any more.
            log.error("the database is behind memory", seen=self._seen, version=written)
            self._city, self._seen = self._nothing_known(), -1
        if self._seen != written:
            await self._catch_up(tx)
            self._city.mode = tx.mode
            self._city.settle()
            self._seen = written
        return tx

    def _nothing_known(self) -> City:
        city = City(
            pack=self._pack,
            districts=self._plan.districts,
            mode=self._plan.mode,
            travel=self._plan.travel_under(self._pack),
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

    def _settle(self) -> None:
        """Make the changes final in memory, and forget incidents that are over."""
        city = self._city
        over = memory.may_be_over(city) | self._read_back
        self._read_back.clear()
        city.settle()
        city.forget([owner for owner in over if memory.is_over(city, owner)])
        city.forget_ended(CITY)


def _in_columns(positions: Mapping[tuple[str, str, int], int]) -> tuple[list[Any], ...]:
    """Return incarnations, topics, partitions and next offsets, each a column."""
    rows = [(*place, offset) for place, offset in positions.items()]
    return tuple([row[number] for row in rows] for number in range(4))


def _defect(error: BaseException) -> Reason:
    """Return the reason of a refusal that is the service's own fault."""
    return Reason(field="body", reason=f"could not be processed ({type(error).__name__})")


def _named(inbound: Inbound) -> dict[str, str]:
    """Return how log lines name who an input is about: call, unit or hospital."""
    return {name.removesuffix("_id"): value for name, value in inbound.sender.items()}
