"""Records that come in another order than they were sent: nothing legal waits, nothing is lost."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import asyncpg
import orjson
import pytest

from dispatch.policy.pack import load_pack
from dispatch.store import parking
from dispatch.store.database import Transaction
from dispatch.store.desk import Desk
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.envelope import Outgoing, Record
from tests.integration.store.conftest import (
    HandClock,
    Post,
    body,
    fire_due,
    header,
    kinds,
    of_kind,
)

OpenDesk = Callable[..., Any]

RUN = ("rolling", "on_scene", "transporting", "at_hospital")
# What there is in a life whose words are all in order, by who says it.
LIFE = (
    "acknowledged", "rolling", "on_scene", "transporting", "handover.acknowledged", "at_hospital",
    "crew signs", "hospital signs", "disinfecting", "certificate", "returning", "available",
)  # fmt: skip


class Everything:
    """Nobody has dealt with anything of these topics."""

    def __init__(self, *topics: str) -> None:
        self._topics = topics

    def somewhere(self, topic: str) -> bool:
        return topic in self._topics

    def at_all(self, topic: str) -> bool:
        return topic in self._topics

    def everywhere(self, topic: str) -> bool:
        return topic in self._topics

    def of(self, topic: str, key: str) -> bool:
        return topic in self._topics and bool(key)


def life(post: Post, clock: HandClock) -> dict[str, Record]:
    """Return what crew and hospital say of the run of T1 for c1, a minute between two words."""
    said: dict[str, Record] = {}
    handover = {"handover_id": "c1/A1/H1"}
    for name in LIFE:
        clock.forward(60)
        match name:
            case "acknowledged":
                record = post.unit("T1", "order.acknowledged", assignment_id="c1/A1")
            case "handover.acknowledged":
                record = post.hospital("D1", name, **handover, by="nurse")
            case "crew signs":
                record = post.unit("T1", "handover.signed_by_crew", **handover, by="medic")
            case "hospital signs":
                record = post.hospital("D1", "handover.signed_by_hospital", **handover, by="nurse")
            case "certificate":
                started_at = timestamp(clock.time)
                clock.forward(1_860)
                record = post.unit(
                    "T1", "disinfection.certified", job_id="c1/A1/D", agent="chlorine_wipe",
                    concentration=1_000, contact_minutes=30, operator="o", waste_bags=2,
                    started_at=started_at, ended_at=timestamp(clock.time),
                )  # fmt: skip
            case status:
                record = post.unit("T1", status=status)
        appended = int(clock.time.timestamp() * 1_000)
        said[name] = replace(record, timestamp_ms=appended)
    clock.forward(60)
    return said


async def begin(desk: Desk, post: Post, clock: HandClock) -> dict[str, Record]:
    """Let a unit be ordered; return what is said of its run, by the end of which it is now."""
    events = await desk.take([post.call("c1", case_status="confirmed")])
    assert of_kind(events, "order.issued")[0]["unit_id"] == "T1"
    return life(post, clock)


async def state_of(dsn: str) -> dict[str, Any]:
    """Return what has come of the run of T1, without the times of the service itself."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            """SELECT 'unit' AS what, state FROM units WHERE unit_id = 'T1'
            UNION ALL SELECT 'run', state FROM assignments
            UNION ALL SELECT 'handover', state FROM handovers
            UNION ALL SELECT 'job', state FROM jobs
            UNION ALL SELECT 'incident', state FROM incidents"""
        )
        parked = await connection.fetchval("SELECT count(*) FROM parked")
        occupied = await connection.fetchval("SELECT count(*) FROM occupations WHERE until IS NULL")
    finally:
        await connection.close()
    records = {row["what"]: orjson.loads(row["state"]) for row in rows}
    assert len(records) == len(rows) == 5
    compared = {
        "unit": ("status", "assignment_id", "job_id"),
        "run": ("outcome", "acknowledged_at", "reached", "met_patient", "handover_id"),
        "handover": ("status", "signed_by_crew", "signed_by_hospital"),
        "job": ("owed", "centre_id"),
        "incident": ("status", "outcome"),
    }
    found: dict[str, Any] = {
        what: {name: records[what].get(name) for name in names} for what, names in compared.items()
    }
    found["job"]["certified"] = records["job"]["ended_at"] is not None
    return found | {"parked": parked, "occupied": occupied}


async def outcomes(dsn: str) -> dict[str, str]:
    """Return what the inbox says became of each input."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT identity, outcome FROM inbox")
    finally:
        await connection.close()
    return {row["identity"]: row["outcome"] for row in rows}


def told(events: Sequence[Outgoing]) -> set[str]:
    return {kind for kind in kinds(events) if kind.endswith((".rejected", ".refused"))}


async def assert_as_in_order(desk: Desk, dsn: str, said: Sequence[Record]) -> None:
    """Let a desk take what is said one by one, and nothing be refused, and all come to its end."""
    events: list[Outgoing] = []
    for record in said:
        events += await desk.take([record])
    events += await fire_due(desk)
    assert told(events) == set()
    state = await state_of(dsn)
    assert state["unit"] == {"status": "available", "assignment_id": None, "job_id": None}
    assert state["run"]["outcome"] == state["incident"]["outcome"] == "completed"
    assert tuple(sorted(state["run"]["reached"], key=RUN.index)) == RUN
    own = {status: body_of(record)["at"] for status, record in zip(RUN, reports(said), strict=True)}
    assert {status: same(at) for status, at in state["run"]["reached"].items()} == {
        status: same(at) for status, at in own.items()
    }
    (acknowledged,) = [r for r in said if b"order.acknowledged" in dict(r.headers).values()]
    assert same(state["run"]["acknowledged_at"]) == same(body_of(acknowledged)["at"])
    assert state["handover"] == {
        "status": "closed",
        "signed_by_crew": "medic",
        "signed_by_hospital": "nurse",
    }
    assert state["job"]["certified"]
    assert (state["parked"], state["occupied"]) == (0, 0)
    assert set((await outcomes(dsn)).values()) <= {"accepted", "duplicate"}


def reports(said: Sequence[Record]) -> list[Record]:
    """Return the reports of a run's statuses, in their order."""
    of = {body_of(record).get("status"): record for record in said}
    return [of[status] for status in RUN]


def body_of(record: Record) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(record.value or b"")
    return content


def same(at: str) -> str:
    return at.replace("Z", "+00:00")


async def test_a_life_in_order_comes_to_its_end(
    desk: Desk, post: Post, clock: HandClock, migrated: str
) -> None:
    said = await begin(desk, post, clock)
    await assert_as_in_order(desk, migrated, list(said.values()))


@pytest.mark.parametrize("pair", [*pairwise(LIFE)])
async def test_two_words_that_come_the_wrong_way_round_are_as_in_order(
    desk: Desk, post: Post, clock: HandClock, migrated: str, pair: tuple[str, str]
) -> None:
    said = await begin(desk, post, clock)
    order = list(LIFE)
    at = order.index(pair[0])
    order[at : at + 2] = reversed(pair)
    await assert_as_in_order(desk, migrated, [said[name] for name in order])


@pytest.mark.parametrize(
    "pair",
    [
        ("hospital signs", "certificate"),
        ("crew signs", "certificate"),
        ("acknowledged", "on_scene"),
        ("handover.acknowledged", "at_hospital"),
        ("at_hospital", "crew signs"),
        ("at_hospital", "hospital signs"),
        ("rolling", "available"),
        ("on_scene", "available"),
    ],
)
async def test_a_word_that_comes_after_what_follows_from_it_is_as_in_order(
    desk: Desk, post: Post, clock: HandClock, migrated: str, pair: tuple[str, str]
) -> None:
    late, after = pair
    said = await begin(desk, post, clock)
    order = [name for name in LIFE if name != late]
    order.insert(order.index(after) + 1, late)
    await assert_as_in_order(desk, migrated, [said[name] for name in order])


@pytest.mark.parametrize("seed", range(12))
async def test_a_life_in_any_order_is_as_in_order(
    desk: Desk, post: Post, clock: HandClock, migrated: str, seed: int
) -> None:
    said = list((await begin(desk, post, clock)).values())
    random.Random(seed).shuffle(said)
    await assert_as_in_order(desk, migrated, said)


@pytest.mark.parametrize("seed", range(4))
async def test_so_it_is_whichever_process_reads_and_whichever_goes_on(
    open_desk: OpenDesk, post: Post, clock: HandClock, migrated: str, seed: int
) -> None:
    first, second = await open_desk(), await open_desk()
    said = list((await begin(first, post, clock)).values())
    order = random.Random(seed)
    order.shuffle(said)
    for record in said[:-3]:
        assert told(await order.choice((first, second)).take([record])) == set()
    await first.close()
    third = await open_desk()
    for record in said[-3:]:
        assert told(await order.choice((second, third)).take([record])) == set()
    assert told(await fire_due(third)) == set()
    state = await state_of(migrated)
    assert state["unit"]["status"] == "available"
    assert (state["parked"], state["occupied"]) == (0, 0)


async def test_what_is_not_legal_is_refused_once_all_is_read(
    desk: Desk, post: Post, migrated: str
) -> None:
    await desk.published(await desk.take([post.call("c1", case_status="confirmed")]))
    wrong = post.unit("T1", status="at_hospital")
    assert await desk.take([wrong]) == []
    assert (await outcomes(migrated))["test#event-1"] == "parked"
    by = await desk.due()
    assert by is not None
    for topic in ("calls", "transfers", "units", "hospitals"):
        assert await desk.fire_due(by, Everything(topic)) == ()
    events = await desk.fire_due(by, Everything("commission", "city"))
    assert kinds(events) == ["input.rejected", "unit.rejected"]
    assert body(events[0])["reasons"] == [
        {
            "field": "status",
            "reason": "ordered cannot be followed by at_hospital (legal: out_of_service, rolling)",
        }
    ]
    assert header(events[0], "ce_cause") == "test#event-1"
    assert (await outcomes(migrated))["test#event-1"] == "rejected"
    await desk.published(events)
    assert await desk.take([wrong]) == []


async def test_what_nobody_has_heard_of_waits_as_long_as_the_pack_says(
    desk: Desk, post: Post, clock: HandClock, migrated: str
) -> None:
    signed = post.unit("T1", "handover.signed_by_crew", handover_id="c9/A1/H1", by="medic")
    assert await desk.take([signed]) == []
    assert await fire_due(desk) == ()
    seconds = load_pack("covid-19").events.parked_seconds
    clock.forward(seconds - 1)
    assert await fire_due(desk) == ()
    clock.forward(1)
    events = await fire_due(desk)
    assert kinds(events) == ["input.rejected", "unit.rejected"]
    reason = {"field": "handover_id", "reason": "is not a handover of this centre"}
    assert body(events[0])["reasons"] == [reason]
    assert (await outcomes(migrated)) == {"test#event-0": "rejected"}


async def test_what_is_known_by_now_waits_no_longer_than_all_is_read(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    signs = post.unit("T1", "handover.signed_by_crew", handover_id="c1/A1/H1", by="medic")
    assert await desk.take([signs]) == []
    await desk.published(await desk.take([post.call("c1", case_status="confirmed")]))
    clock.forward(1)
    events = await fire_due(desk)
    assert body(events[0])["reasons"][0]["reason"].startswith("is signed on arrival")


async def test_words_that_cross_are_answered_and_no_bad_input(
    desk: Desk, post: Post, clock: HandClock, migrated: str
) -> None:
    await desk.published(await desk.take([post.call("c1", case_status="confirmed")]))
    clock.forward(5)
    off = {"call_id": "c1", "at": timestamp(clock.time), "by": "d", "reason": "not needed"}
    events = await desk.take([post.record("calls", "call.cancelled", "c1", off)])
    assert "order.withdrawn" in kinds(events)
    await desk.published(events)
    clock.forward(2)
    events = await desk.take(
        [
            post.unit("T1", "order.acknowledged", assignment_id="c1/A1"),
            post.unit("T1", status="rolling"),
            post.hospital("D1", "handover.acknowledged", handover_id="c1/A1/H1", by="nurse"),
        ]
    )
    assert kinds(events) == ["unit.rejected", "unit.rejected", "hospital.rejected"]
    assert of_kind(events, "unit.rejected")[0]["reasons"][0]["reason"].startswith("has ended")
    assert sorted((await outcomes(migrated)).values()) == [
        *("accepted", "accepted", "crossed", "crossed", "crossed"),
    ]
    assert "input.rejected" not in kinds(await fire_due(desk))


async def test_crossed_words_set_nobody_apart(desk: Desk, post: Post, clock: HandClock) -> None:
    await desk.published(await desk.take([post.call("c1", case_status="confirmed")]))
    off = {"call_id": "c1", "at": timestamp(clock.time), "by": "d", "reason": "not needed"}
    await desk.published(await desk.take([post.record("calls", "call.cancelled", "c1", off)]))
    late = [post.unit("T1", "order.acknowledged", assignment_id="c1/A1") for _ in range(250)]
    events = await desk.take(late)
    assert kinds(events) == ["unit.rejected"] * 250
    assert not await desk.hear_of_set_apart()


async def test_so_many_may_wait_under_a_subject_and_of_a_sender(
    desk: Desk, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "MOST_OF_SUBJECT", 3)
    monkeypatch.setattr(parking, "MOST_OF_OTHERS", 5)
    early = [
        post.unit("T1", "order.acknowledged", assignment_id=f"{call}/A{n}")
        for call in ("c1", "c2", "c3")
        for n in range(4)
    ]
    events = await desk.take(early)
    letters = of_kind(events, "input.rejected")
    # Three of the first, two of the second: then nobody else of whom nothing is known.
    assert len(letters) == len(early) - 5
    assert {letter["reasons"][0]["reason"] for letter in letters} == {
        "is not an assignment of this unit"
    }
    assert (await desk.health()).parked == 5


async def test_a_flood_that_waits_is_set_apart_too(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    await desk.published(await desk.take([post.call("c1", case_status="confirmed")]))
    for _ in range(3):
        await desk.take([post.unit("T1", status="at_hospital") for _ in range(60)])
        await desk.published(await fire_due(desk))
        clock.forward(1)
    assert (await desk.health()).parked == 0
    await desk.take([post.unit("T1", status="at_hospital") for _ in range(10)])
    assert await desk.hear_of_set_apart()
    assert (await desk.health()).set_apart > 0


async def test_an_abandoned_transaction_leaves_nothing_waiting(
    desk: Desk, post: Post, migrated: str
) -> None:
    connection = await asyncpg.connect(migrated)
    try:
        await connection.execute(
            """CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'planted'; END $$;
               CREATE TRIGGER planted BEFORE INSERT ON inbox EXECUTE FUNCTION fail()"""
        )
        early = post.unit("T1", "order.acknowledged", assignment_id="c1/A1")
        with pytest.raises(asyncpg.RaiseError):
            await desk.take([early])
        await connection.execute("DROP TRIGGER planted ON inbox")
    finally:
        await connection.close()
    events = await desk.take([post.call("c1", case_status="confirmed"), early])
    assert of_kind(events, "incident.progressed")[0]["status"] == "ordered"
    assert (await desk.health()).parked == 0


async def test_what_is_appended_first_is_tried_first(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    await desk.published(await desk.take([post.call("c1", case_status="confirmed")]))
    run = {"assignment_id": "c1/A1", "outcome": "empty"}
    first = replace(post.unit("T1", "run.ended", **run, reason="false_call"), timestamp_ms=1)
    second = replace(post.unit("T1", "run.ended", **run, reason="patient_left"), timestamp_ms=2)
    await desk.take([second])
    await desk.take([first])
    clock.forward(1)
    events = await desk.take([post.unit("T1", status="rolling")])
    assert of_kind(events, "incident.released")[0]["reason"] == "false_call"
    # The other crossed with it.
    assert of_kind(events, "unit.rejected")[0]["reasons"][0]["reason"] == "has ended (empty)"


async def test_what_waited_and_cannot_be_written_is_refused_and_not_what_released_it(
    desk: Desk, post: Post, clock: HandClock, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = await begin(desk, post, clock)
    for name in ("on_scene", "disinfecting"):
        assert await desk.take([said[name]]) == []
    write = desk._write

    async def write_or_fail(tx: Transaction, replayed: Sequence[str]) -> Sequence[Outgoing]:
        told = [each.event for each in desk._city.changes.emissions]
        if any(getattr(each, "status", None) == "on_scene" for each in told):
            raise ZeroDivisionError
        return await write(tx, replayed)

    monkeypatch.setattr(desk, "_write", write_or_fail)
    events = await desk.take([said["rolling"]])
    (letter,) = of_kind(events, "input.rejected")
    assert letter["offset"] == said["on_scene"].offset
    assert letter["reasons"][0]["reason"] == "could not be processed (ZeroDivisionError)"
    assert sorted((await outcomes(migrated)).values()) == [
        *("accepted", "accepted", "parked", "rejected"),
    ]


class Standing(Everything):
    """What nobody has dealt with, and no limit waits for."""

    def somewhere(self, _topic: str) -> bool:
        return False

    def everywhere(self, _topic: str) -> bool:
        return False

    def of(self, _topic: str, _key: str) -> bool:
        return False


async def test_what_is_not_legal_waits_for_what_stands_as_long_as_the_pack_says(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    await desk.published(await desk.take([post.call("c1", case_status="confirmed")]))
    assert await desk.take([post.unit("T1", status="at_hospital")]) == []
    by = await desk.due()
    assert by is not None
    assert desk.anything_parked
    for topic in ("calls", "transfers", "units", "hospitals"):
        assert await desk.fire_due(by, Standing(topic)) == ()
    assert await desk.fire_due(by, parked=False) == ()
    clock.forward(load_pack("covid-19").events.parked_seconds - 1)
    events = await desk.fire_due(clock.time, Standing("calls"))
    assert "input.rejected" not in kinds(events)
    clock.forward(1)
    events = await desk.fire_due(clock.time, Standing("calls"))
    assert "input.rejected" in kinds(events)
    await desk.due()
    assert not desk.anything_parked


async def test_what_is_parked_after_it_was_asked_what_is_due_waits_for_the_next_time(
    desk: Desk, post: Post
) -> None:
    await desk.published(await desk.take([post.call("c1", case_status="confirmed")]))
    await desk.due()
    await desk.take([post.unit("T1", status="at_hospital")])
    by = desk._clock.now()
    assert await desk.fire_due(by) == []
    assert await desk.due() is not None
    assert kinds(await desk.fire_due(by)) == ["input.rejected", "unit.rejected"]
