"""The desk on a real PostgreSQL: effects once, events in order, nothing lost when it fails."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from dispatch.domain import handling
from dispatch.domain.city import City
from dispatch.domain.model import Timer
from dispatch.errors import SchemaMismatch, Unavailable
from dispatch.policy.pack import load_pack
from dispatch.store.database import POOL_SIZE
from dispatch.store.desk import Desk
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.fields import MAX_BODY_BYTES
from tests.integration.store.conftest import (
    HandClock,
    Post,
    body,
    call_body,
    fire_due,
    header,
    kinds,
    of_kind,
    small_city,
)

OpenDesk = Callable[..., Any]


async def test_a_call_is_decided_and_a_unit_ordered(desk: Desk, post: Post) -> None:
    events = await desk.take([post.call("c1")])
    assert kinds(events) == [
        "clock.started",
        "call.decided",
        "unit.changed",
        "incident.assigned",
        "order.issued",
        "clock.met",
        "clock.started",
    ]
    assert of_kind(events, "call.decided")[0]["decision"]["rule"] == "R9"
    sequences = [header(event, "ce_sequence") for event in events]
    assert sequences == ["1", "1", "1", "2", "1", "2", "3"]
    assert {header(event, "ce_cause") for event in events} == {"test#event-0"}


async def test_a_redelivered_batch_has_no_second_effect(desk: Desk, post: Post) -> None:
    record = post.call("c1")
    first = await desk.take([record])
    again = await desk.take([replace(record, offset=900)])
    assert [event.position for event in again] == [event.position for event in first]
    await desk.published(first)
    assert await desk.take([replace(record, offset=901)]) == []


async def test_the_same_id_with_another_content_is_a_dead_letter_once(
    desk: Desk, post: Post
) -> None:
    first = post.unit("R1", status="out_of_service", reason="tyre")
    other = post.unit("R2", status="out_of_service", reason="tyre")
    other = replace(other, headers=first.headers)
    await desk.published(await desk.take([first]))
    events = await desk.take([other])
    assert kinds(events) == ["input.rejected", "unit.rejected"]
    letter = body(events[0])
    assert base64.b64decode(letter["value_base64"]) == other.value
    assert letter["reasons"][0]["field"] == "ce_id"
    await desk.published(events)
    assert await desk.take([other]) == []


async def test_a_call_said_twice_is_a_known_duplicate(
    desk: Desk, post: Post, migrated: str
) -> None:
    await desk.published(await desk.take([post.call("c1", event_id="a")]))
    assert await desk.take([post.call("c1", event_id="b")]) == []
    assert await _value(migrated, "SELECT outcome FROM inbox WHERE identity = 'test#b'") == (
        "duplicate"
    )
    events = await desk.take([post.call("c1", event_id="c", condition="critical")])
    assert kinds(events) == ["input.rejected", "call.rejected", "escalation.raised"]


BAD: dict[str, tuple[dict[str, Any] | bytes, str]] = {
    "not JSON": (b"{", "body"),
    "lone surrogate": (b'{"call_id": "\\ud800"}', "call_id"),
    "too long": (b'{"call_id": "' + b"x" * MAX_BODY_BYTES + b'"}', "body"),
    "no place": (
        {**call_body("bad", HandClock().time), "location": {}, "district": "?"},
        "location",
    ),
}


@pytest.mark.parametrize("kind", BAD)
async def test_bad_input_is_a_dead_letter_and_changes_nothing(
    desk: Desk, post: Post, migrated: str, kind: str
) -> None:
    content, field = BAD[kind]
    bad = post.record("calls", "call.received", "bad", content)
    good = post.call("good")
    events = await desk.take([bad, good])
    (letter,) = of_kind(events, "input.rejected")
    assert base64.b64decode(letter["value_base64"]) == bad.value
    assert {name for name, _ in letter["headers_base64"]} == {name for name, _ in bad.headers}
    assert field in [reason["field"] for reason in letter["reasons"]]
    assert [answer["call_id"] for answer in of_kind(events, "call.rejected")] == ["bad"]
    assert [d["call_id"] for d in of_kind(events, "call.decided")] == ["good"]
    assert await _value(migrated, "SELECT count(*) FROM calls") == 1


async def test_headers_of_no_cloudevent_are_a_dead_letter_too(desk: Desk, post: Post) -> None:
    bare = replace(post.unit("R1", status="available"), headers=(("x", b"\xff"),))
    events = await desk.take([bare])
    assert kinds(events) == ["input.rejected", "unit.rejected"]
    assert body(events[0])["reasons"][0]["field"] == "ce_specversion"
    await desk.published(events)
    assert await desk.take([bare]) == []


async def test_another_key_than_the_id_is_refused(desk: Desk, post: Post) -> None:
    events = await desk.take([replace(post.unit("R1", status="available"), key=b"R2")])
    assert body(events[0])["reasons"][0]["field"] == "key"


async def outcomes(dsn: str) -> dict[str, str]:
    """Return what the inbox says became of each input."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT identity, outcome FROM inbox")
    await connection.close()
    return {row["identity"]: row["outcome"] for row in rows}


async def test_what_came_of_an_early_answer_is_told_also_when_its_call_comes_with_it(
    desk: Desk, post: Post, clock: HandClock, migrated: str
) -> None:
    content = {"call_id": "c1", "answered_at": timestamp(clock.time), "condition": "stable"}
    early = post.record("calls", "call.answered", "c1", content)
    wrong = post.record("calls", "call.answered", "c1", content | {"epidemiology": {}})
    await desk.take([early, wrong, post.call("c1")])
    told = await outcomes(migrated)
    assert told["test#event-0"] == "accepted"
    assert "parked" not in told.values()


async def test_an_early_answer_waits_for_its_call(
    desk: Desk, post: Post, clock: HandClock, migrated: str
) -> None:
    answer = post.record(
        "calls",
        "call.answered",
        "c1",
        {
            "call_id": "c1",
            "answered_at": timestamp(clock.time),
            "epidemiology": {"travel": "yes"},
        },
    )
    assert await desk.take([answer]) == []
    assert await outcomes(migrated) == {"test#event-0": "parked"}
    events = await desk.take([post.call("c1", symptoms=["fever"])])
    assert [d["decision"]["rule"] for d in of_kind(events, "call.decided")] == ["R5", "R2"]
    assert await outcomes(migrated) == {"test#event-0": "accepted", "test#event-1": "accepted"}
    clock.forward(1_000)
    fired = await fire_due(desk)
    assert "input.rejected" not in kinds(fired)


async def test_an_answer_whose_call_never_comes_is_a_dead_letter(
    desk: Desk, post: Post, clock: HandClock, migrated: str
) -> None:
    content = {"call_id": "c1", "answered_at": timestamp(clock.time), "condition": "stable"}
    record = post.record("calls", "call.answered", "c1", content)
    await desk.take([record])
    assert await fire_due(desk) == ()
    clock.forward(load_pack("covid-19").events.parked_seconds)
    events = await fire_due(desk)
    assert kinds(events) == ["input.rejected", "call.rejected"]
    letter = body(events[0])
    assert base64.b64decode(letter["value_base64"]) == record.value
    assert letter["reasons"] == [{"field": "call_id", "reason": "its call has never come"}]
    assert header(events[0], "ce_cause") == "test#event-0"
    assert await outcomes(migrated) == {"test#event-0": "rejected"}
    assert await fire_due(desk) == ()


async def test_events_of_a_key_left_unpublished_come_first(desk: Desk, post: Post) -> None:
    await desk.take([post.call("c1", symptoms=["fever"])])
    content = {
        "call_id": "c1",
        "answered_at": timestamp(post.clock.time),
        "epidemiology": {"travel": "yes"},
    }
    events = await desk.take([post.record("calls", "call.answered", "c1", content)])
    sequences = [
        int(header(event, "ce_sequence")) for event in events if event.topic == "dispatch.incidents"
    ]
    assert sequences == [1, 2, 3]
    assert len(await desk.leftovers(0, 100)) == len(events)
    await desk.published(events)
    assert await desk.leftovers(0, 100) == []


async def test_a_failed_transaction_leaves_no_trace(desk: Desk, post: Post, migrated: str) -> None:
    await _execute(
        migrated,
        """CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'planted'; END $$;
           CREATE TRIGGER planted BEFORE INSERT ON events EXECUTE FUNCTION fail()""",
    )
    record = post.call("c1")
    with pytest.raises(asyncpg.RaiseError):
        await desk.take([record])
    assert await _value(migrated, "SELECT count(*) FROM inbox") == 0
    assert await _value(migrated, "SELECT count(*) FROM occupations") == 0
    await _execute(migrated, "DROP TRIGGER planted ON events")
    events = await desk.take([record])
    assert "order.issued" in kinds(events)
    assert of_kind(events, "incident.assigned")[0]["assignment_id"] == "c1/A1"


async def test_what_cannot_be_processed_is_refused_with_its_reason(desk: Desk, post: Post) -> None:
    record = post.call("c1")
    events = await desk.refuse(record, RuntimeError("secret"))
    assert kinds(events) == ["input.rejected", "call.rejected", "escalation.raised"]
    assert body(events[0])["reasons"] == [
        {"field": "body", "reason": "could not be processed (RuntimeError)"}
    ]
    await desk.published(events)
    assert await desk.take([record]) == []


async def test_a_thousand_calls_at_once_for_twenty_units(
    open_desk: OpenDesk, post: Post, migrated: str
) -> None:
    desks = [await open_desk(units=20), await open_desk(units=20)]
    records = [replace(post.call(f"c{n}"), partition=n % 2) for n in range(1_000)]
    batches = [records[start : start + 25] for start in range(0, 1_000, 25)]
    taken = await asyncio.gather(*(desks[n % 2].take(batch) for n, batch in enumerate(batches)))
    issued = [order for events in taken for order in of_kind(events, "order.issued")]
    ordered = {order["assignment_id"]: order["unit_id"] for order in issued}
    assert len(set(ordered.values())) == len(ordered) == 20
    assert await _value(migrated, "SELECT count(*) FROM incidents WHERE open") == 1_000
    assert await _value(migrated, "SELECT count(*) FROM timers WHERE kind = 'queue'") == 980


@pytest.mark.parametrize("kind", ["assignment", "disinfection"])
async def test_the_database_itself_refuses_to_occupy_a_unit_twice(
    desk: Desk, post: Post, migrated: str, kind: str
) -> None:
    events = await desk.take([post.call("c1")])
    unit = of_kind(events, "order.issued")[0]["unit_id"]
    with pytest.raises(asyncpg.UniqueViolationError, match="no_unit_is_occupied_twice"):
        await _execute(
            migrated, f"INSERT INTO occupations VALUES ('x', '{unit}', '{kind}', now(), NULL)"
        )


async def test_the_database_itself_refuses_to_promise_a_room_twice(
    desk: Desk, post: Post, migrated: str
) -> None:
    await desk.take([post.call("c1", case_status="confirmed")])
    with pytest.raises(asyncpg.UniqueViolationError, match="no_room_is_promised_twice"):
        await _execute(
            migrated,
            """INSERT INTO promises
               SELECT promise_id || 'x', hospital_id, room, place, open FROM promises""",
        )


async def test_a_run_to_the_disinfected_vehicle(desk: Desk, post: Post, clock: HandClock) -> None:
    await desk.take([post.call("c1", case_status="confirmed")])
    for status in ("rolling", "on_scene", "transporting", "at_hospital"):
        clock.forward(300)
        await desk.take([post.unit("T1", status=status)])
    signatures = [
        post.hospital("D1", "handover.signed_by_hospital", handover_id="c1/A1/H1", by="nurse"),
        post.unit("T1", "handover.signed_by_crew", handover_id="c1/A1/H1", by="medic"),
    ]
    events = await desk.take(signatures)
    assert "disinfection.ordered" in kinds(events)
    assert of_kind(events, "incident.closed")[0]["outcome"] == "completed"
    await desk.published(await desk.take([post.unit("T1", status="disinfecting")]))
    certificate = {
        "job_id": "c1/A1/D",
        "agent": "chlorine_wipe",
        "contact_minutes": 30,
        "operator": "o",
        "waste_bags": 2,
        "started_at": timestamp(clock.time),
    }
    clock.forward(1_860)
    certificate["ended_at"] = timestamp(clock.time)
    weak = post.unit("T1", "disinfection.certified", concentration=500, **certificate)
    events = await desk.take([weak])
    assert "disinfection.rejected" in kinds(events)
    assert "input.rejected" in kinds(events)
    others = post.unit("R1", "disinfection.certified", concentration=1_000, **certificate)
    assert kinds(await desk.take([others])) == ["input.rejected", "unit.rejected"]
    strong = post.unit("T1", "disinfection.certified", concentration=1_000, **certificate)
    await desk.published(await desk.leftovers(0, 100))
    events = await desk.take([post.call("c2", case_status="confirmed"), strong])
    assert [order["unit_id"] for order in of_kind(events, "order.issued")] == ["T1"]


async def test_a_vehicle_that_owes_its_disinfection_is_let_go_by_another_process(
    open_desk: OpenDesk, post: Post, clock: HandClock
) -> None:
    first = await open_desk()
    second = await open_desk()
    await first.take([post.call("c1", case_status="confirmed")])
    run = {"assignment_id": "c1/A1"}
    await first.take([post.unit("T1", "observations.reported", **run, heart_rate_per_minute=118)])
    for status in ("rolling", "on_scene", "transporting", "at_hospital"):
        clock.forward(300)
        await first.take([post.unit("T1", status=status)])
    signed = post.unit("T1", "handover.signed_by_crew", handover_id="c1/A1/H1", by="medic")
    events = await first.take([signed])
    assert [job["job_id"] for job in of_kind(events, "disinfection.ordered")] == ["c1/A1/D"]
    said = {"call_id": "c1", "at": timestamp(clock.time), "by": "d", "reason": "nobody signs"}
    events = await second.take([post.record("calls", "signature.waived", "c1", said)])
    assert of_kind(events, "handover.released")[0]["by"] == "d"
    assert of_kind(events, "unit.changed")[-1]["job_id"] == "c1/A1/D"
    early = post.unit("T1", status="returning")
    assert await first.take([early]) == []
    # Its certificate may have been unread, and is not.
    assert of_kind(await fire_due(first), "unit.rejected")[0]["unit_id"] == "T1"
    clock.forward(1_860)
    certificate = {
        "job_id": "c1/A1/D",
        "agent": "chlorine_wipe",
        "concentration": 1_000,
        "contact_minutes": 30,
        "operator": "o",
        "waste_bags": 2,
        "started_at": said["at"],
        "ended_at": timestamp(clock.time),
    }
    events = await first.take([post.unit("T1", "disinfection.certified", **certificate)])
    assert "disinfection.accepted" in kinds(events)
    await first.published(await first.leftovers(0, 100))
    events = await second.take([post.call("c2", case_status="confirmed")])
    assert [order["unit_id"] for order in of_kind(events, "order.issued")] == ["T1"]


async def test_a_link_is_confirmed_and_undone_by_other_processes_and_nothing_is_lost(
    open_desk: OpenDesk, post: Post, clock: HandClock
) -> None:
    first, second = await open_desk(), await open_desk()
    rung: dict[str, Any] = {"caller": {"kind": "public", "phone": "13904700001"}}
    nowhere = {"location": {"address": "Victory Street 1"}}
    for call_id, more in (("c1", {}), ("c2", nowhere)):
        said = call_body(call_id, clock.time) | rung | more
        events = await first.take([post.record("calls", "call.received", call_id, said)])
    assert of_kind(events, "link.proposed")[0]["incident_id"] == "c1"
    answer = {"call_id": "c2", "answered_at": timestamp(clock.time), "condition": "critical"}
    await first.take([post.record("calls", "call.answered", "c2", answer)])
    word = {"call_id": "c2", "at": timestamp(clock.time), "by": "d", "reason": "looked"}
    events = await second.take([post.record("calls", "call.link_confirmed", "c2", word)])
    assert of_kind(events, "order.withdrawn")[-1]["assignment_id"] == "c2/A1"
    third = await open_desk()
    events = await third.take([post.record("calls", "call.unlinked", "c2", word)])
    order = of_kind(events, "order.issued")[-1]
    assert (order["assignment_id"], order["condition"]) == ("c2/A2", "critical")
    # Whoever speaks of either incident speaks of its own.
    again = answer | {"call_id": "c1", "symptoms": ["diarrhoea"]}
    events = await first.take([post.record("calls", "call.answered", "c1", again)])
    assert of_kind(events, "call.decided")[-1]["incident_id"] == "c1"


async def test_another_process_goes_on_where_one_left_off(
    open_desk: OpenDesk, post: Post, clock: HandClock
) -> None:
    first = await open_desk()
    second = await open_desk()
    await first.take([post.call("c1", symptoms=["fever"])])
    events = await second.take([post.call("c2")])
    assert of_kind(events, "order.issued")[0]["unit_id"] == "R1"
    await first.close()
    await second.published(await second.leftovers(0, 100))
    await second.take([post.unit("R1", "order.acknowledged", assignment_id="c2/A1")])
    clock.forward(60)
    events = await fire_due(second)
    assert [d["decision"]["rule"] for d in of_kind(events, "call.decided")] == ["R5T"]
    assert of_kind(events, "order.issued")[0]["unit_id"] == "R2"
    third = await open_desk()
    await third.published(await third.leftovers(0, 100))
    events = await third.take([post.call("c3")])
    assert of_kind(events, "order.issued")[0]["unit_id"] == "R3"


async def test_timers_fire_once_with_two_processes(
    open_desk: OpenDesk, post: Post, clock: HandClock
) -> None:
    desks = [await open_desk(), await open_desk()]
    await desks[0].take([post.call(f"c{n}", symptoms=["fever"]) for n in range(200)])
    clock.forward(60)
    await desks[0].published(await desks[0].leftovers(0, 10_000))
    fired = await asyncio.gather(*(fire_due(desk) for desk in desks for _ in range(3)))
    for events in fired:
        await desks[0].published(events)
    expired = {
        (event.position, body(event)["call_id"])
        for events in fired
        for event in events
        if header(event, "ce_type") == "screening.expired"
    }
    assert len(expired) == 200
    assert {call_id for _, call_id in expired} == {f"c{n}" for n in range(200)}


async def test_a_timer_that_fails_holds_up_no_other(
    desk: Desk, post: Post, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.take([post.call(f"c{n}", symptoms=["fever"]) for n in range(3)])
    await desk.published(await desk.leftovers(0, 100))
    fire = handling.fire

    def defective(city: City, timer: Timer) -> None:
        if timer.subject == "c0":
            raise ZeroDivisionError
        fire(city, timer)

    clock.forward(45)
    assert of_kind(await fire_due(desk), "clock.warned")
    monkeypatch.setattr(handling, "fire", defective)
    clock.forward(15)
    failed = await fire_due(desk)
    assert of_kind(failed, "escalation.raised")[0]["kind"] == "timer_failed"
    rest = await fire_due(desk)
    assert {e["call_id"] for e in of_kind(rest, "screening.expired")} == {"c1", "c2"}


async def test_a_stopped_process_holds_nobody_up_for_long(
    desk: Desk, post: Post, migrated: str
) -> None:
    stopped = await asyncpg.connect(
        migrated, server_settings={"idle_in_transaction_session_timeout": "2000"}
    )
    try:
        await stopped.execute("BEGIN")
        await stopped.execute("SELECT * FROM centre FOR UPDATE")
        async with asyncio.timeout(9):
            events = await desk.take([post.call("c1")])
        assert "order.issued" in kinds(events)
    finally:
        stopped.terminate()


async def test_a_lost_connection_is_unavailable_and_then_forgotten(
    desk: Desk, post: Post, migrated: str
) -> None:
    record = post.call("c1")
    await _execute(
        migrated,
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name = 'dispatch' AND datname = current_database()""",
    )
    for _ in range(POOL_SIZE):  # each of its connections may have to be found dead
        try:
            events = await desk.take([record])
        except Unavailable:
            continue
        break
    assert of_kind(events, "order.issued")[0]["assignment_id"] == "c1/A1"


async def test_a_late_finding_reads_back_what_was_forgotten(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    await desk.take([post.call("c1")])
    for status in ("rolling", "on_scene", "transporting", "at_hospital"):
        await desk.take([post.unit("R1", status=status)])
    await desk.take(
        [
            post.hospital("H1", "handover.signed_by_hospital", handover_id="c1/A1/H1", by="n"),
            post.unit("R1", "handover.signed_by_crew", handover_id="c1/A1/H1", by="m"),
        ]
    )
    clock.forward(3_600)
    found = post.hospital("H1", "patient.found", handover_id="c1/A1/H1", case_status="confirmed")
    events = await desk.take([found])
    assert "case.reported" in kinds(events)
    assert [job["unit_id"] for job in of_kind(events, "disinfection.ordered")] == ["R1"]
    assert await desk.take([post.unit("R1", status="returning")]) == []
    assert "unit.rejected" in kinds(await fire_due(desk))


async def test_one_holder_of_a_lease_at_a_time(desk: Desk) -> None:
    assert await desk.lease("relay", "a", 60)
    assert not await desk.lease("relay", "b", 60)
    assert await desk.lease("relay", "a", 0)
    assert await desk.lease("relay", "b", 60)


async def test_positions_are_noted_and_never_lowered(desk: Desk, post: Post) -> None:
    late, early = replace(post.call("c1"), offset=7), replace(post.call("c2"), offset=3)
    await desk.take([late])
    await desk.take([early])
    assert await desk.noted("broker-1") == {("dispatch.calls", 0): 8}
    assert await desk.noted("broker-2") == {}


async def test_a_database_without_the_schema_is_refused(database: str, clock: HandClock) -> None:
    desk = Desk(
        {"dsn": database},
        plan=small_city(),
        pack=load_pack("covid-19"),
        clock=clock,
        topic_prefix="dispatch.",
    )
    with pytest.raises(SchemaMismatch, match="dispatch migrate"):
        await desk.open()


async def test_health_tells_of_queue_and_outbox(desk: Desk, post: Post, clock: HandClock) -> None:
    events = await desk.take([post.call(f"c{n}") for n in range(5)])
    clock.forward(30)
    health = await desk.health()
    assert health.writable
    assert health.unpublished == len(events)
    assert (health.queue_length, health.queue_age) == (2, 30.0)


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _value(dsn: str, query: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
