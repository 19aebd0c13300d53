"""The desk: one transaction a batch, in which inputs take effect once and leave their events.

What is decided is here; how it is written is in `one_writer`, what is kept beside it in `books`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import structlog

from dispatch.claim import Claim
from dispatch.clock import Clock
from dispatch.domain import (
    awaited,
    batch_problems,
    batches,
    clocks,
    handling,
    lenient_calls,
    subjects,
)
from dispatch.domain.batch_progress import batch_of, needs_plan
from dispatch.domain.city import Crossed, Duplicate, Early, Rejected, Unknown
from dispatch.domain.escalation import escalate
from dispatch.domain.fleet import report_duties
from dispatch.domain.model import Timer
from dispatch.errors import Unavailable
from dispatch.planning.plan import Plan
from dispatch.planning.task import Task
from dispatch.policy.pack import Pack
from dispatch.store import memory
from dispatch.store.binding import ReadTopics, bind
from dispatch.store.books import Books, in_columns
from dispatch.store.database import Transaction
from dispatch.store.dead_letters import answer, defect, reject
from dispatch.store.identities import Came, content_of, identify, other_identities
from dispatch.store.inbound import Inbound, read
from dispatch.store.parking import Parked, Parking, Places
from dispatch.store.plan import CityPlan
from dispatch.store.refusals import Sender
from dispatch.store.retrying import Retrying, Tries, defective
from dispatch.store.set_apart import AT_ONCE, Read, SetApart
from dispatch.store.sql import STATEMENTS
from dispatch.topics.announcement import Reason
from dispatch.topics.calls import Call
from dispatch.topics.envelope import Outgoing, Record
from dispatch.topics.fields import Content
from dispatch.topics.transfers import TransferBatchRequested
from dispatch.topics.unread import Unread

log = structlog.get_logger(__name__)

TIMERS_AT_ONCE: Final = 1_000
PAGES_OF_TIMERS: Final = 5

# The reason of what comes under the source and id of another event.
_TAKEN: Final = Reason(field="ce_id", reason="is taken by an event with another content")

# What became of an input whose refusal is counted: nothing is noted of it by itself.
COUNTED: Final = "counted"
_NOTHING: Final[Mapping[Sender, Sequence[Record]]] = {}

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Run(Protocol[T_co]):
    """What is done in a transaction, which may begin anew."""

    async def __call__(self, tx: Transaction, tries: Tries) -> T_co:
        """Do it, and try of what waits what it may."""
        ...


class _InVain(Exception):
    """A transaction that was only to be tried: nothing of it stays."""


class Desk(Books):
    """The truth of one city, for one worker process."""

    def __init__(
        self,
        connect_options: Mapping[str, Any],
        *,
        plan: CityPlan,
        pack: Pack,
        clock: Clock,
        topic_prefix: str,
        topics: ReadTopics | None = None,
    ) -> None:
        """Prepare to open; with `topics`, the database is bound to them and refuses others."""
        super().__init__(
            connect_options, plan=plan, pack=pack, clock=clock, topic_prefix=topic_prefix
        )
        self._topics = topics
        self._claim: Claim | None = None
        self._salvage = lenient_calls.Salvage(plan.districts, plan.bounds_under(pack), clock.now)
        self._apart = SetApart()
        self._places = Places()
        # That of the transaction in hand.
        self._parking: Parking | None = None
        # How many due timers are known to wait for inputs.
        self._timers_passed = 0
        # Whether anything waited when it was asked last what is due.
        self._anything_parked = True

    @property
    def claim(self) -> Claim | None:
        """The database's claim to the topics; None when it makes none, or is not open yet."""
        return self._claim

    # -- opening and closing

    async def open(self) -> None:
        """Connect, check the schema, read the working set, put the city's plan in where it is new.

        Raises:
            Unavailable: the database can't be reached.
            SchemaMismatch: it has another schema than this program.
            BoundElsewhere: it belongs to other topics, or these to another database.
        """
        await self._database.open()
        try:
            if self._topics is not None:
                self._claim = await bind(self._database, self._topics, self._prefix)
            await self.clock_offset()
            await self._transact(self._install_plan)
            await self.hear_of_set_apart()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    # -- inputs and timers

    async def take(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        """Let the records take effect, in one transaction; return what is to be published.

        What waited for the only one and can't be processed is refused itself. Raises anything but
        Unavailable when one of the records can't be.

        Raises:
            Unavailable: nothing has happened; try again.
        """
        here, apart = self._apart.split(records)
        inputs = [self._read(record) for record in here]

        async def run(tx: Transaction, tries: Tries) -> Sequence[Outgoing]:
            return await self._take(tx, inputs, apart=apart, tries=tries)

        if len(records) == 1:
            return await self._sparing(run)
        return await self._transact(lambda tx: run(tx, Tries()))

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
        reason = defect(error)

        async def run(tx: Transaction) -> Sequence[Outgoing]:
            return await self._take(tx, [inbound], refusal=reason)

        return await self._transact(run)

    # -- what senders sent that were refused too often

    def set_apart(self, read: Iterable[Read]) -> int:
        """Return how many of some records need only be written down, by what is known now."""
        return self._apart.number_of(read)

    @property
    def written_apart(self) -> int:
        """How many records this process has written down as set apart."""
        return self._apart.written

    async def hear_of_set_apart(self) -> bool:
        """Learn what other processes have set apart; return whether anybody is."""
        written = self._apart.written
        async with self._database.lend() as connection:
            senders = await connection.fetch(STATEMENTS["senders_set_apart"])
        self._apart.hear((Sender(*row) for row in senders), self._clock.now(), written)
        return bool(self._apart)

    @property
    def refused_apart(self) -> float:
        """What share of that which was last settled apart was refused, 0 to 1."""
        return self._apart.refused

    async def settle_apart(self, *, worthwhile: bool = False) -> Sequence[Outgoing] | None:
        """Deal with some records of the sender whose turn it is; None when nothing waits apart.

        With `worthwhile`, of those only of whose last turn enough took effect.

        Raises:
            Unavailable: nothing has happened; try again.
        """
        among = self._apart.worthwhile if worthwhile else None
        if among is not None and not among:
            return None
        at_once = AT_ONCE
        # The one that can't be processed, and why.
        culprit: tuple[Record, Reason] | None = None
        while True:
            tried: list[Record] = []
            settle = partial(
                self._settle_apart, among=among, at_once=at_once, tried=tried, culprit=culprit
            )
            try:
                if at_once == 1:
                    return await self._sparing(settle)
                return await self._transact(partial(settle, tries=Tries()))
            except Unavailable:
                raise
            except Exception as error:
                if not tried or (culprit is not None and tried == [culprit[0]]):
                    raise
                if at_once == 1:
                    log.exception("an input that was set apart could not be processed")
                    culprit = tried[0], defect(error)
                at_once = max(1, len(tried) // 2)

    async def _settle_apart(
        self,
        tx: Transaction,
        tries: Tries,
        *,
        among: Collection[Sender] | None,
        at_once: int,
        tried: list[Record],
        culprit: tuple[Record, Reason] | None,
    ) -> Sequence[Outgoing] | None:
        records = await self._apart.next(tx, at_once, among)
        tried[:] = records
        outgoing = None
        if records:
            # Somebody else's turn may have come since: only that one is refused.
            refusal = culprit[1] if culprit and tried == [culprit[0]] else None
            inputs = [self._read(each) for each in records]
            outgoing = await self._take(tx, inputs, refusal=refusal, tries=tries)
        await self._apart.release(tx, tx.now)
        return outgoing

    async def due(self) -> datetime | None:
        """Return the time (aware, UTC) when a timer is due, None when none is."""
        now = self._clock.now()
        async with self._database.lend() as connection:
            told = await connection.fetchrow(STATEMENTS["what_is_due"], now)
        self._anything_parked = told["parked"]
        return now if told["due"] else None

    @property
    def anything_parked(self) -> bool:
        """Whether any input waited to become legal when `due` was asked last."""
        return self._anything_parked

    async def fire_due(
        self, by: datetime, unread: Unread | None = None, *, parked: bool = True
    ) -> Sequence[Outgoing]:
        """Fire the timers that were due by a time (aware), oldest first, a thousand at most.

        Those that `unread` inputs could still change stay due, and unless `parked` all that is. One
        that can't be fired is taken out and escalated, so that it holds up no other.

        Raises:
            Unavailable: nothing has happened; try again.
        """
        waiting = awaited.kinds_that_wait(unread) if unread is not None else []
        if not parked or not self._anything_parked:
            # What was parked since has not been asked for.
            waiting.append(awaited.PARKED)
        parked_by = None
        if unread is not None or not parked:
            if unread is not None and parked and awaited.parked_wait_on(unread):
                limit = timedelta(seconds=self._pack.events.parked_seconds)
                parked_by = self._clock.now() - limit
            async with self._database.lend() as connection:
                if not await connection.fetchval(STATEMENTS["any_due"], by, waiting, parked_by):
                    return ()
        at_once = TIMERS_AT_ONCE
        refused: dict[str, Reason] = {}
        while True:
            tried: list[Timer] = []
            fire = partial(
                self._fire, by=by, at_once=at_once, tried=tried, unread=unread, waiting=waiting,
                parked_by=parked_by,
            )  # fmt: skip
            try:
                if at_once == 1:
                    return await self._sparing(fire, refused)
                return await self._transact(partial(fire, tries=Tries()))
            except Unavailable:
                raise
            except Exception as error:
                if not tried:
                    raise
                if at_once > 1:
                    log.exception("due timers could not be fired together: the first half of them")
                    at_once = max(1, len(tried) // 2)
                    continue
                (timer,) = tried
                log.exception("a due timer could not be fired", timer=timer.timer_id)
                if timer.kind == awaited.PARKED and timer.subject not in refused:
                    # What waits has its letter, instead of waiting for ever without a timer.
                    refused[timer.subject] = defect(error)
                    continue
                drop = partial(self._drop_timer, timer=timer, error=type(error).__name__)
                return await self._transact(drop)

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

        async def describe(tx: Transaction) -> Task | None:
            batch = self._city.batches.get(batch_id)
            if batch is None or not needs_plan(batch):
                return None
            self._city.begin(now=tx.now, cause="")
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
            self._city.begin(now=tx.now, cause=cause)
            batches.adopt(self._city, batch_id, revision, plan)
            return await self._write(tx, [])

        return await self._transact(run)

    # -- within a transaction

    async def _sparing(
        self,
        run: _Run[T],
        refused: Mapping[str, Reason] | None = None,
    ) -> T:
        """Do it in a transaction; what waits and has a defect is refused, not what releases it.

        Some are `refused` from the start. Raises what is the fault of none that waits, if it fails
        twice: a fault may pass.
        """
        refused = dict(refused or {})
        has_failed = False

        async def attempt(tries: Tries) -> None:
            async def run_in_vain(tx: Transaction) -> None:
                await run(tx, tries)
                raise _InVain

            with suppress(_InVain):
                await self._transact(run_in_vain)

        while True:
            tries = Tries(refused)
            try:
                return await self._transact(partial(run, tries=tries))
            except (Unavailable, OSError):
                raise
            except Exception as error:
                identity = await defective(attempt, tries)
                if identity is None and tries.gone and not has_failed:
                    has_failed = True
                    log.warning("a transaction failed by no fault of what waits: once more")
                    continue
                if identity is None or identity in refused:
                    raise
                log.exception("a parked input could not be processed", identity=identity)
                refused = {**refused, identity: defect(error)}

    def _abandon(self) -> None:
        super()._abandon()
        self._apart.abandon()
        if self._parking is not None:
            self._places.abandon()
            self._parking = None

    def _settle(self) -> None:
        super()._settle()
        self._apart.settle()
        if self._parking is not None:
            self._parking.settle()
            self._parking = None

    async def _install_plan(self, tx: Transaction) -> Sequence[Outgoing]:
        """Bring new units and hospitals of the plan into the database, and report the duties."""
        city = self._city
        if tx.version == 1:
            city.mode = self._plan.mode
        # A plan may come back after another was in force.
        city.begin(now=tx.now, cause=f"plan/{self._plan.digest}@{tx.version}")
        if self._plan.put_into(city):
            report_duties(city)
        return await self._write(tx, [])

    def _read(self, record: Record) -> Inbound:
        topic = record.topic.removeprefix(self._prefix)
        return read(record, topic=topic, salvage=self._salvage)

    async def _take(
        self,
        tx: Transaction,
        inputs: Sequence[Inbound],
        *,
        refusal: Reason | None = None,
        apart: Mapping[Sender, Sequence[Record]] = _NOTHING,
        tries: Tries | None = None,
    ) -> Sequence[Outgoing]:
        retrying = await self._begin_waiting(tx, tries or Tries())
        parking = retrying.parking
        seen = await self._look_up(tx, inputs) if inputs else {}
        outcomes: dict[str, tuple[Inbound, str]] = {}
        replayed: list[str] = []
        behind = {sender: list(records) for sender, records in apart.items()}
        for each in inputs:
            identity, used_before = identify(each, seen)
            if identity in seen:
                replayed.append(each.identity)
                continue
            if (sender := self._apart.newly_apart(each.record)) is not None:
                behind.setdefault(sender, []).append(each.record)
                continue
            await tx.breathe()
            verdict = refusal or (_TAKEN if used_before else None)
            outcome = self._handle(each, identity, verdict, parking)
            if outcome != COUNTED:
                seen[identity] = each.digest, each.topic
                outcomes[identity] = each, outcome
                if outcome == "accepted":
                    self._apart.taken.append(each.record)
                    if parking:
                        await retrying.follow()
        await parking.write()
        for identity in parking.outcomes.keys() & outcomes.keys():
            outcomes[identity] = (outcomes[identity][0], parking.outcomes[identity])
        read = [each.record for each in inputs]
        read += (record for records in apart.values() for record in records)
        if behind:
            await self._apart.write(tx, behind)
        await self._apart.tell(tx, self._city, tx.now)
        await self._note(tx, outcomes, read)
        return await self._write(tx, replayed)

    async def _begin_waiting(self, tx: Transaction, tries: Tries) -> Retrying:
        # The transaction may have been begun before, in vain.
        tries.gone.clear()
        await self._places.hear(tx, self._city)
        self._parking = parking = Parking(tx, self._city, self._places, self._read)

        def handle(waiting: Parked) -> str:
            each = waiting.inbound
            since = waiting.since or tx.now
            outcome = self._handle(each, waiting.identity, None, parking, waits_since=since)
            if outcome == "accepted":
                self._apart.taken.append(each.record)
            return outcome

        return Retrying(tx, self._city, parking, handle, tries)

    def _handle(
        self,
        each: Inbound,
        identity: str,
        verdict: Reason | None,
        parking: Parking,
        *,
        waits_since: datetime | None = None,
    ) -> str:
        """Let one input take effect, let it wait, or refuse it; returns what became of it."""
        city = self._city
        city.begin(now=city.now, cause=each.identity, seed=identity, waits_since=waits_since)
        has_waited = waits_since is not None
        event = each.event
        warnings = each.warnings
        if verdict is _TAKEN and type(event) is Call:
            # A console that was installed anew counts from 1 again; the call is another one.
            verdict, warnings = None, (*warnings, _TAKEN)
        if verdict is not None or event is None:
            reasons = [verdict] if verdict is not None else each.reasons
            return self._reject(each, reasons, has_waited=has_waited)
        mark = city.mark()
        content = content_of(each, city)
        try:
            if type(event) is Call:
                event = lenient_calls.take(
                    city, event, content, warnings, taken_ids=self._disputes.taken
                )
            else:
                handling.handle(city, event, content)
        except Duplicate:
            city.roll_back(mark)
            return "duplicate"
        except Crossed as crossed:
            city.roll_back(mark)
            answer(city, each, crossed.reasons)
            self._apart.note_crossed(each.record, city.now)
            return "crossed"
        except (Early, Unknown) as early:
            city.roll_back(mark)
            unknown = isinstance(early, Unknown)
            if has_waited:
                parking.waits_on(identity, early.reasons, unknown=unknown)
                return "parked"
            if self._park(each, event, early.reasons, identity, parking, unknown=unknown):
                return "parked"
            return self._reject(each, early.reasons, has_waited=False)
        except Rejected as rejected:
            city.roll_back(mark)
            return self._reject(each, rejected.reasons, has_waited=has_waited)
        return "accepted"

    def _park(
        self,
        each: Inbound,
        event: Content,
        reasons: Sequence[Reason],
        identity: str,
        parking: Parking,
        *,
        unknown: bool,
    ) -> bool:
        """Let an input wait, unless there is no room for it; return whether it does."""
        subject, sender = subjects.waits_for(event, reasons), self._apart.counted_as(each.record)
        if subject is None or not parking.has_room(subject, sender):
            return False
        parking.park(identity, each, subject=subject, sender=sender, unknown=unknown)
        return True

    def _reject(self, each: Inbound, reasons: list[Reason], *, has_waited: bool) -> str:
        """Refuse an input: with a letter of its own, or counted with others of its sender.

        One that has waited has a letter of its own.
        """
        if not has_waited and self._apart.counts(each, reasons, self._city.now):
            return COUNTED
        reject(self._city, each, reasons)
        return "rejected"

    async def _fire(
        self,
        tx: Transaction,
        *,
        by: datetime,
        at_once: int,
        tried: list[Timer],
        unread: Unread | None,
        waiting: Sequence[str],
        parked_by: datetime | None = None,
        tries: Tries | None = None,
    ) -> Sequence[Outgoing]:
        """Fire up to `at_once` timers, and note in `tried` which, lest one of them fails.

        Those of the `waiting` kinds stay due, and those that `unread` inputs could still change;
        with `parked_by` (aware UTC) those of inputs that were read later.
        """
        # It was asked for between transactions, when the time is only nearly known.
        by = min(by, tx.now)
        retrying = await self._begin_waiting(tx, tries or Tries())
        parking = retrying.parking
        timers: list[Timer] = []
        # Those who wait are passed over, a few thousand a time; the next time goes on behind them.
        passed = 0 if unread is None else self._timers_passed
        for _ in range(PAGES_OF_TIMERS):
            rows = await tx.fetch("due_timers", by, TIMERS_AT_ONCE, waiting, passed, parked_by)
            timers = [Timer(**row) for row in rows]
            await self._read_for(tx, timers, parking)
            if unread is not None:
                timers = [timer for timer in timers if not self._waits(timer, unread)]
            passed += len(rows)
            if timers or len(rows) < TIMERS_AT_ONCE:
                passed = 0
                break
        self._timers_passed = passed
        tried[:] = timers = timers[:at_once]
        touched: set[str] = set()
        over: list[str] = []
        known = 0
        for timer in timers:
            await tx.breathe()
            changed = self._city.changes.timers
            touched.update(timer_id for timer_id, _ in changed[known:])
            known = len(changed)
            if timer.timer_id in touched:
                # One before it has cancelled it, or set it anew.
                continue
            self._city.begin(now=tx.now, cause=f"timer/{timer.timer_id}@{timer.due_at.isoformat()}")
            self._city.cancel_timer(timer.kind, timer.subject)
            if timer.kind == awaited.PARKED:
                over.append(timer.subject)
                continue
            handling.fire(self._city, timer)
            if parking:
                await retrying.follow()
        if over:
            for each in await retrying.end(over):
                if not each.unknown:
                    self._apart.note_refused(each.inbound.record, tx.now)
            await self._apart.tell(tx, self._city, tx.now)
        await parking.write()
        return await self._write(tx, [])

    async def _read_for(self, tx: Transaction, timers: Sequence[Timer], parking: Parking) -> None:
        """Read what timers are about and is not in memory."""
        if parked := [t.subject for t in timers if t.kind == awaited.PARKED]:
            await parking.read((), parked)
            await self._look_up(tx, [each.inbound for each in parking.named(parked)])
        unknown: dict[str, str] = {
            timer.subject: owner
            for timer in timers
            if timer.kind != awaited.PARKED
            and not memory.knows(self._city, owner := subjects.owner_in(timer.subject))
        }
        alone = [t.subject for t in timers if t.kind == clocks.TIMER and t.subject in unknown]
        await self._load_clocks(tx, alone)
        self._read_back.update(unknown.pop(clock_id) for clock_id in alone)
        await self._load_incidents(tx, set(unknown.values()))

    def _waits(self, timer: Timer, unread: Unread) -> bool:
        try:
            return awaited.waits(self._city, timer, unread)
        except Exception:
            # It is fired: what is wrong with it is found then, and holds up no other.
            log.exception("whether a timer waits can't be told", timer=timer.timer_id)
            return False

    async def _drop_timer(self, tx: Transaction, *, timer: Timer, error: str) -> Sequence[Outgoing]:
        """Take a timer out and tell the consoles that it did nothing, unless another was faster."""
        if not await tx.connection.fetchval(STATEMENTS["is_set"], timer.timer_id, timer.due_at):
            return ()
        cause = f"timer/{timer.timer_id}@{timer.due_at.isoformat()}"
        self._city.begin(now=tx.now, cause=cause)
        self._city.cancel_timer(timer.kind, timer.subject)
        explanation = f"the timer {timer.timer_id} could not be dealt with ({error})"
        escalate(self._city, "timer_failed", None, timer.timer_id, explanation)
        return await self._write(tx, [])

    async def _look_up(self, tx: Transaction, inputs: Sequence[Inbound]) -> dict[str, Came]:
        """Read what the inputs refer to and is not in memory.

        Returns the contents of the inputs that came before, by their identities.
        """
        city = self._city
        call_ids: set[str] = set(self._disputes.read_again)
        incident_ids: set[str] = set()
        new_batches: list[str] = []
        for event in (each.event for each in inputs if each.event is not None):
            call_id = memory.call_named(event)
            if call_id is not None and call_id not in city.calls:
                call_ids.add(call_id)
            if (brought := memory.opens(event)) is not None:
                if ".T" in brought and (batch := batch_of(brought)) is not None:
                    call_ids.add(batch)
                if isinstance(event, TransferBatchRequested):
                    new_batches.append(brought)
            for owner in memory.owners_named(city, event):
                if not memory.knows(city, owner):
                    incident_ids.add(owner)
        seen: dict[str, Came] = {}
        incidents: set[str] = set()

        async def ask(identities: list[str], *about: Sequence[str]) -> None:
            for row in await tx.fetch("known_of_inputs", identities, *about):
                if row["kind"] == "seen":
                    seen[row["id"]] = row["digest"], row["topic"]
                else:
                    incidents.add(row["id"])

        await ask([each.identity for each in inputs], list(call_ids), new_batches)
        if elsewhere := [
            other
            for each in inputs
            if seen.get(each.identity, (each.digest, each.topic)) != (each.digest, each.topic)
            for other in other_identities(each)
        ]:
            await ask(elsewhere, [], [])
        await self._load_incidents(tx, incident_ids | incidents)
        return seen

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
            tx.now,
            *in_columns(reached),
        )


def _named(inbound: Inbound) -> dict[str, str]:
    """Return how log lines name who an input is about: call, unit or hospital."""
    return {name.removesuffix("_id"): value for name, value in inbound.sender.items()}
