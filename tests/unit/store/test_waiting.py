"""What waits and when it is tried again: the desk's own way, on a database that is none."""

import copy
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import orjson
import pytest

from dispatch.domain.city import City
from dispatch.policy.pack import load_pack
from dispatch.store import dead_letters, parking, retrying
from dispatch.store.database import Transaction
from dispatch.store.desk import Desk
from dispatch.store.inbound import Inbound
from dispatch.store.sql import STATEMENTS
from dispatch.topics.announcement import Reason
from dispatch.topics.envelope import Outgoing, Record
from tests.integration.store.conftest import HandClock, Post, kinds, of_kind, small_city
from tests.integration.store.test_order import LIFE, RUN, life

T = TypeVar("T")
NAMES = {text: name for name, text in STATEMENTS.items()}


class Rows:
    """The tables that the waiting needs, behind the statements that it uses."""

    def __init__(self) -> None:
        self.inbox: dict[str, tuple[bytes, str, str]] = {}
        self.noted_at: dict[str, datetime] = {}
        self.parked: dict[str, dict[str, Any]] = {}
        self.timers: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.parked_version = 0
        self._positions = itertools.count(1)
        self._numbers = itertools.count(1)

    async def fetch(self, statement: str, *given: Any) -> list[dict[str, Any]]:
        name = NAMES[statement]
        self.asked.append(name)
        match name:
            case "known_of_inputs":
                known = [(identity, self.inbox[identity]) for identity in given[0]
                         if identity in self.inbox]  # fmt: skip
                return [
                    {"kind": "seen", "id": identity, "digest": digest, "topic": topic}
                    for identity, (digest, _, topic) in known
                ]
            case "parked_by_subject":
                return [
                    {"subject": row["subject"], "topic": row["topic"], "source": row["source"],
                     "inputs": 1}
                    for row in self.parked.values()
                ]  # fmt: skip
            case "parked_for":
                return [
                    row | {"since": self.noted_at[row["identity"]]}
                    for row in self.parked.values()
                    if row["subject"] in given[0] or row["identity"] in given[1]
                ]
            case "due_timers":
                due = [row for row in self.timers.values() if row["due_at"] <= given[0]]
                return sorted(due, key=lambda row: (row["due_at"], row["timer_id"]))
            case "number_events":
                topics, keys, counts, total = given
                first, *_ = itertools.islice(self._positions, total)
                return [
                    {"topic": topic, "key": key, "sequence": count, "first_position": first}
                    for topic, key, count in zip(topics, keys, counts, strict=True)
                ]
            case _:
                return []

    async def execute(self, statement: str, *given: Any) -> None:
        match NAMES.get(statement):
            case "note_inputs":
                for identity, digest, outcome, topic in zip(*given[:4], strict=True):
                    self.inbox[identity] = digest, outcome, topic
                    self.noted_at[identity] = given[4]
            case "unpark":
                for identity, outcome in zip(*given, strict=True):
                    digest, _, topic = self.inbox[identity]
                    self.inbox[identity] = digest, outcome, topic
                    del self.parked[identity]
            case "set_timers":
                for timer_id in given[0]:
                    self.timers.pop(timer_id, None)
                for row in zip(*given[1:], strict=True):
                    names = ("timer_id", "kind", "subject", "due_at")
                    self.timers[row[0]] = dict(zip(names, row, strict=True))

    async def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        assert NAMES[statement] == "park"
        names = (
            *("identity", "subject", "source", "unknown", "topic", "partition", "offset"),
            *("timestamp_ms", "key", "value", "header_names", "header_values"),
        )
        for row in rows:
            made = dict(zip(names, row, strict=True)) | {"number": next(self._numbers)}
            self.parked[made["identity"]] = made


class Office:
    """A desk and what it remembers, a transaction at a time."""

    def __init__(self, clock: HandClock, rows: Rows) -> None:
        self.clock, self.rows = clock, rows
        self.desk = Desk(
            {}, plan=small_city(), pack=load_pack("covid-19"), clock=clock, topic_prefix="dispatch."
        )
        small_city().put_into(self.desk._city)
        self.desk._city.settle()
        self._version = itertools.count(1)

    def _begin(self) -> Transaction:
        connection: Any = self.rows
        version = next(self._version)
        parked = self.rows.parked_version
        now = self.clock.time
        self.desk._city.begin(now=now, cause="")
        return Transaction(connection, version, "epidemic", now, parked)

    def _end(self) -> None:
        # Nothing is forgotten: there is no database to read it back from.
        self.desk._city.settle()
        self.desk._apart.settle()
        assert self.desk._parking is not None
        self.desk._parking.settle()

    async def take(self, *records: Record) -> Sequence[Outgoing]:
        told = await self.desk._take(self._begin(), [self.desk._read(each) for each in records])
        self._end()
        return told

    async def fire(self, by: datetime | None = None) -> Sequence[Outgoing]:
        told = await self.desk._fire(
            self._begin(), by=by or self.clock.time, at_once=100, tried=[], unread=None, waiting=[]
        )
        self._end()
        return told

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Do as the desk does with a database: all of it, or nothing."""
        rows = self.rows
        before = copy.deepcopy((rows.inbox, rows.noted_at, rows.parked, rows.timers))
        try:
            told = await work(self._begin())
        except BaseException:
            rows.inbox, rows.noted_at, rows.parked, rows.timers = before
            self.desk._abandon()
            raise
        self._end()
        return told

    def outcomes(self) -> list[str]:
        return sorted(outcome for _, outcome, _ in self.rows.inbox.values())


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def post(clock: HandClock) -> Post:
    return Post(clock)


@pytest.fixture
def office(clock: HandClock) -> Office:
    return Office(clock, Rows())


def refusals(events: Sequence[Outgoing]) -> list[str]:
    return [kind for kind in kinds(events) if kind.endswith((".rejected", ".refused"))]


@pytest.mark.parametrize("seed", range(40))
async def test_a_life_in_any_order_comes_to_its_end(
    office: Office, post: Post, clock: HandClock, seed: int
) -> None:
    await office.take(post.call("c1", case_status="confirmed"))
    said = life(post, clock)
    order = list(LIFE)
    random.Random(seed).shuffle(order)
    told = [event for name in order for event in await office.take(said[name])]
    told += await office.fire()
    assert [each["reasons"] for each in of_kind(told, "unit.rejected")] == []
    assert refusals(told) == []
    city = office.desk._city
    unit, run = city.units["T1"], city.assignments["c1/A1"]
    assert (unit.status, unit.assignment_id, unit.job_id) == ("available", None, None)
    assert run.outcome == "completed"
    assert tuple(run.reached) == RUN
    own = {name: orjson.loads(said[name].value or b"")["at"] for name in RUN}
    assert run.reached == {name: datetime.fromisoformat(at) for name, at in own.items()}
    acknowledged = orjson.loads(said["acknowledged"].value or b"")["at"]
    assert run.acknowledged_at == datetime.fromisoformat(acknowledged)
    assert city.handovers["c1/A1/H1"].status == "closed"
    assert city.jobs["c1/A1/D"].ended_at is not None
    assert city.incidents["c1"].outcome == "completed"
    assert not office.rows.parked
    assert set(office.outcomes()) <= {"accepted", "duplicate"}


async def test_what_nothing_makes_legal_is_refused_in_the_end(office: Office, post: Post) -> None:
    await office.take(post.call("c1", case_status="confirmed"))
    assert await office.take(post.unit("T1", status="at_hospital")) == []
    assert office.outcomes() == ["accepted", "parked"]
    told = await office.fire()
    assert refusals(told) == ["input.rejected", "unit.rejected"]
    (letter,) = of_kind(told, "input.rejected")
    assert letter["reasons"][0]["reason"].startswith("ordered cannot be followed by at_hospital")
    assert office.outcomes() == ["accepted", "rejected"]
    assert not office.rows.parked
    assert not [row for row in office.rows.timers.values() if row["kind"] == "parked"]


async def test_what_nobody_has_heard_of_waits_longer(
    office: Office, post: Post, clock: HandClock
) -> None:
    signed = post.unit("T1", "handover.signed_by_crew", handover_id="c1/A1/H1", by="medic")
    assert await office.take(signed) == []
    clock.forward(599)
    assert await office.fire() == []
    # What it refers to is known by now: all the rest has been read.
    await office.take(post.call("c1", case_status="confirmed"))
    told = await office.fire()
    assert refusals(told) == ["input.rejected", "unit.rejected"]
    await office.take(post.unit("T1", "order.acknowledged", assignment_id="c7/A1"))
    clock.forward(600)
    assert refusals(await office.fire()) == ["input.rejected", "unit.rejected"]


async def test_so_many_wait_and_no_more(
    office: Office, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "MOST_OF_SUBJECT", 3)
    monkeypatch.setattr(parking, "MOST_OF_OTHERS", 5)
    early = [
        post.unit("T1", "order.acknowledged", assignment_id=f"{call}/A{n}")
        for call in ("c1", "c2", "c3")
        for n in range(4)
    ]
    told = await office.take(*early)
    assert len(of_kind(told, "input.rejected")) == len(early) - 5
    assert len(office.rows.parked) == 5


async def test_a_heir_goes_on_with_what_waits(office: Office, post: Post, clock: HandClock) -> None:
    await office.take(post.call("c1", case_status="confirmed"))
    await office.take(post.unit("T1", status="on_scene"))
    heir = Office(clock, office.rows)
    heir.desk._city = office.desk._city
    await heir.take(post.unit("T1", status="rolling"))
    assert office.desk._city.units["T1"].status == "on_scene"
    assert not office.rows.parked


async def test_while_nothing_waits_nothing_is_asked(office: Office, post: Post) -> None:
    await office.take(post.call("c1"))
    office.rows.asked.clear()
    await office.take(post.call("c2"), post.unit("R1", status="rolling"))
    assert not [name for name in office.rows.asked if "park" in name]


async def test_what_is_wrong_again_and_again_sets_its_sender_apart(
    office: Office, post: Post
) -> None:
    await office.take(post.call("c1", case_status="confirmed"))
    for _ in range(2):
        await office.take(*(post.unit("T1", status="at_hospital") for _ in range(60)))
        told = await office.fire()
        assert len(of_kind(told, "input.rejected")) == 60
    assert [each["kind"] for each in of_kind(told, "escalation.raised")] == ["source_set_apart"]
    assert office.desk._apart


class Unwritable(Exception):
    """What can't be written, as nobody has thought of it."""


@pytest.fixture
def whole(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office whose desk makes its own transactions, and can't write a unit's `on_scene`."""
    monkeypatch.setattr(office.desk, "_transact", office.transact)
    write = office.desk._write

    async def write_or_fail(tx: Transaction, replayed: Sequence[str]) -> Sequence[Outgoing]:
        told = [each.event for each in office.desk._city.changes.emissions]
        if any(getattr(each, "status", None) == "on_scene" for each in told):
            raise Unwritable
        return await write(tx, replayed)

    monkeypatch.setattr(office.desk, "_write", write_or_fail)
    return office


async def test_what_waited_and_cannot_be_written_is_refused_and_not_what_released_it(
    whole: Office, post: Post, clock: HandClock
) -> None:
    await whole.desk.take([post.call("c1", case_status="confirmed")])
    said = life(post, clock)
    for name in ("on_scene", "disinfecting"):
        assert await whole.desk.take([said[name]]) == []
    told = await whole.desk.take([said["rolling"]])
    (letter,) = of_kind(told, "input.rejected")
    assert letter["reasons"] == [{"field": "body", "reason": "could not be processed (Unwritable)"}]
    assert letter["offset"] == said["on_scene"].offset
    assert whole.desk._city.units["T1"].status == "rolling"
    # The other waits on.
    assert whole.outcomes() == ["accepted", "accepted", "parked", "rejected"]
    (waits,) = whole.rows.parked.values()
    assert waits["offset"] == said["disinfecting"].offset


async def test_what_takes_effect_before_and_after_the_one_that_cannot_be_written_stays(
    whole: Office, post: Post, clock: HandClock
) -> None:
    await whole.desk.take([post.call("c1", case_status="confirmed")])
    said = life(post, clock)
    for name in ("on_scene", "transporting", "acknowledged"):
        await whole.desk.take([said[name]])
    told = await whole.desk.take([said["rolling"]])
    assert [each["offset"] for each in of_kind(told, "input.rejected")] == [said["on_scene"].offset]
    assert whole.desk._city.units["T1"].status in ("rolling", "transporting")
    assert "rejected" in whole.outcomes()


@pytest.mark.parametrize("times", [1, 2])
async def test_a_fault_that_passes_is_nobodys(
    office: Office, post: Post, clock: HandClock, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setattr(office.desk, "_transact", office.transact)
    write, faults = office.desk._write, [Unwritable()] * times
    await office.desk.take([post.call("c1", case_status="confirmed")])
    said = life(post, clock)
    for name in ("on_scene", "transporting"):
        await office.desk.take([said[name]])
    tried = 0

    async def fail_at_first(tx: Transaction, replayed: Sequence[str]) -> Sequence[Outgoing]:
        nonlocal tried
        tried += 1
        # The transaction itself fails, and what is tried in vain goes.
        if tried % 2 and faults:
            raise faults.pop()
        return await write(tx, replayed)

    monkeypatch.setattr(office.desk, "_write", fail_at_first)
    if times == 1:
        told = await office.desk.take([said["rolling"]])
        assert not of_kind(told, "input.rejected")
        assert office.desk._city.units["T1"].status == "transporting"
        assert not office.rows.parked
    else:
        with pytest.raises(Unwritable):
            await office.desk.take([said["rolling"]])
        # Whatever waits waits on.
        assert len(office.rows.parked) == 2


async def test_what_cannot_be_written_itself_is_the_callers_to_refuse(
    whole: Office, post: Post, clock: HandClock
) -> None:
    await whole.desk.take([post.call("c1", case_status="confirmed")])
    said = life(post, clock)
    await whole.desk.take([said["rolling"]])
    await whole.desk.take([said["disinfecting"]])
    with pytest.raises(Unwritable):
        await whole.desk.take([said["on_scene"]])
    told = await whole.desk.refuse(said["on_scene"], Unwritable())
    assert len(of_kind(told, "input.rejected")) == 1
    assert len(whole.rows.parked) == 1


async def test_what_its_own_timer_finds_and_cannot_be_written_has_its_letter(
    whole: Office, post: Post, clock: HandClock
) -> None:
    await whole.desk.take([post.call("c1", case_status="confirmed")])
    await whole.desk.take([post.unit("T1", status="on_scene")])
    # It has become legal, and nothing has tried it since.
    city = whole.desk._city
    city.put(replace(city.units["T1"], status="rolling"))
    city.settle()
    told = await whole.desk.fire_due(clock.time)
    assert kinds(told)[0] == "input.rejected"
    assert not whole.rows.parked
    assert not [row for row in whole.rows.timers.values() if row["kind"] == "parked"]


async def test_a_refusal_that_cannot_be_written_becomes_one_for_a_defect(
    whole: Office, post: Post, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await whole.desk.take([post.call("c1", case_status="confirmed")])
    await whole.desk.take([post.unit("T1", status="at_hospital")])
    refuse = dead_letters.reject

    def refuse_or_fail(city: City, inbound: Inbound, reasons: list[Reason]) -> None:
        if not reasons[0].reason.startswith("could not"):
            raise Unwritable
        refuse(city, inbound, reasons)

    monkeypatch.setattr(retrying, "reject", refuse_or_fail)
    told = await whole.desk.fire_due(clock.time)
    (letter,) = of_kind(told, "input.rejected")
    assert letter["reasons"][0]["reason"] == "could not be processed (Unwritable)"
    assert not whole.rows.parked
