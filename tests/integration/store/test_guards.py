"""Where memory and database say different things, and the caller is the one who never suffers."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from dispatch.store.desk import Desk
from tests.integration.store.conftest import Post, call_body, kinds, of_kind

OpenDesk = Callable[..., Any]


async def execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_unit_that_the_database_has_on_another_run_is_taken_out_and_the_next_one_goes(
    desk: Desk, post: Post, migrated: str
) -> None:
    await execute(
        migrated,
        """INSERT INTO occupations (occupation_id, unit_id, kind, since)
           VALUES ('nobody/A1', 'R1', 'assignment', now())""",
    )
    events = await desk.take([post.call("c1"), post.call("c2")])
    assert {each["unit_id"] for each in of_kind(events, "order.issued")} == {"R2", "R3"}
    (raised,) = of_kind(events, "escalation.raised")
    assert (raised["kind"], raised["subject"]) == ("unit_inconsistent", "R1")
    assert [
        (each["unit_id"], each["status"])
        for each in of_kind(events, "unit.changed")
        if each["unit_id"] == "R1"
    ] == [("R1", "out_of_service")]
    await desk.published(events)
    following = await desk.take([post.call("c4")])
    assert "input.rejected" not in kinds(following)
    assert "escalation.raised" not in kinds(following)


async def test_what_memory_alone_has_wrong_is_read_again(
    desk: Desk, open_desk: OpenDesk, post: Post
) -> None:
    # As if another had written, and this one had not heard of it.
    other = await open_desk()
    await other.take([post.call("c1")])
    desk._seen += 1
    events = await desk.take([post.call("c2")])
    assert [each["unit_id"] for each in of_kind(events, "order.issued")] == ["R2"]
    assert "escalation.raised" not in kinds(events)


async def test_a_room_that_the_database_has_promised_is_left_and_the_next_one_is_promised(
    desk: Desk, post: Post, migrated: str
) -> None:
    await execute(
        migrated,
        """INSERT INTO promises (promise_id, hospital_id, room, place, open)
           VALUES ('nobody/A1/H1', 'D1', 'isolation', 1, true)""",
    )
    events = await desk.take([post.transfer("t1")])
    assert "input.rejected" not in kinds(events)
    (raised,) = of_kind(events, "escalation.raised")
    assert (raised["kind"], raised["subject"]) == ("room_inconsistent", "D1")
    assert "transfer.offered" in kinds(events)
    await desk.published(events)
    following = await desk.take([post.transfer("t2")])
    assert "transfer.offered" in kinds(following)
    assert "room_inconsistent" not in [e["kind"] for e in of_kind(following, "escalation.raised")]


@pytest.mark.parametrize("table", ["calls", "incidents"])
async def test_a_call_whose_id_is_taken_in_the_tables_alone_goes_on_under_another(
    desk: Desk, post: Post, migrated: str, table: str
) -> None:
    await desk.published(await desk.take([post.call("c9")]))
    name = table.removesuffix("s")
    columns, values = ("open", "false") if table == "incidents" else ("incident_id", "'c9'")
    await execute(
        migrated,
        f"""INSERT INTO {table} ({name}_id, version, state, {columns})
            SELECT 'c1', 0, state, {values} FROM {table} WHERE {name}_id = 'c9'""",
    )
    events = await desk.take([post.call("c1")])
    assert "input.rejected" not in kinds(events)
    (warned,) = of_kind(events, "call.warned")
    assert warned["given_id"] == "c1"
    (assigned,) = of_kind(events, "incident.assigned")
    assert assigned["incident_id"] == warned["call_id"]


# -- ids


def call(post: Post, call_id: str) -> Any:
    """Return a call from one telephone: the second is linked to the first."""
    content = call_body(call_id, post.clock.time)
    content["caller"]["phone"] = "13904700001"
    content["chief_complaint"] = "chest pain"
    return post.record("calls", "call.received", call_id, content)


def batch(post: Post, batch_id: str) -> Any:
    patient = {"patient_id": "p1", "severity": "mild", "mobility": "walking"}
    content = {
        "batch_id": batch_id,
        "at": post.clock.time.isoformat(),
        "institution_id": "clinic",
        "district": "150702",
        "location": {"latitude": 49.2, "longitude": 119.7},
        "kind": "confirmed",
        "patients": [patient],
        "by": "nurse",
    }
    return post.record("transfers", "transfer.batch.requested", batch_id, content)


async def close(desk: Desk, post: Post, call_id: str) -> None:
    over = {"call_id": call_id, "at": post.clock.time.isoformat(), "by": "d", "reason": "x"}
    assert "incident.closed" in kinds(
        await desk.take([post.record("calls", "call.cancelled", call_id, over)])
    )
    assert call_id not in desk._city.calls


async def test_a_batch_whose_trips_would_take_the_ids_of_what_is_closed_is_refused(
    desk: Desk, post: Post
) -> None:
    await desk.take([call(post, "g7.T12")])
    await close(desk, post, "g7.T12")
    (refused,) = of_kind(await desk.take([batch(post, "g7")]), "transfer.rejected")
    assert refused["reasons"] == [
        {"field": "batch_id", "reason": "has trips whose ids are taken already"}
    ]
    assert "batch.progressed" in kinds(await desk.take([batch(post, "g8")]))


@pytest.mark.parametrize("batch_id", ["c1", "g7.T1", "city"])
async def test_a_batch_with_an_id_that_is_taken_or_not_to_be_had_is_refused(
    desk: Desk, post: Post, batch_id: str
) -> None:
    await desk.take([post.call("c1")])
    await close(desk, post, "c1")
    (refused,) = of_kind(await desk.take([batch(post, batch_id)]), "transfer.rejected")
    assert refused["reasons"][0]["field"] == "batch_id"


async def test_a_transfer_with_the_id_of_a_closed_or_a_linked_call_is_refused(
    desk: Desk, post: Post
) -> None:
    first, repeat = call(post, "c1"), call(post, "c01")
    events = await desk.take([first, repeat])
    assert of_kind(events, "call.linked")
    over = {"at": post.clock.time.isoformat(), "by": "d", "reason": "x"}
    for call_id in ("c1", "c01"):
        await desk.take(
            [post.record("calls", "call.cancelled", call_id, over | {"call_id": call_id})]
        )
    assert not desk._city.calls
    for taken in ("c1", "c01"):
        (refused,) = of_kind(await desk.take([post.transfer(taken)]), "transfer.rejected")
        assert refused["reasons"][0]["field"] == "transfer_id"


async def test_what_would_be_a_trip_of_a_batch_that_is_over_is_no_trip_of_it(
    desk: Desk, post: Post
) -> None:
    await desk.take([batch(post, "g7")])
    over = {"batch_id": "g7", "at": post.clock.time.isoformat(), "by": "c", "reason": "over"}
    await desk.take([post.record("transfers", "transfer.batch.cancelled", "g7", over)])
    assert "g7" not in desk._city.batches
    (refused,) = of_kind(await desk.take([post.transfer("g7.T1")]), "transfer.rejected")
    assert refused["reasons"][0]["field"] == "transfer_id"
    (warned,) = of_kind(await desk.take([call(post, "g7.T1")]), "call.warned")
    assert warned["given_id"] == "g7.T1"


@pytest.mark.parametrize("given", ["t1", "city", "transfer-6ba7b810-9dad-51d1-80b4-00c04fd430c8"])
async def test_a_call_with_an_id_of_something_else_goes_on_under_another(
    desk: Desk, post: Post, given: str
) -> None:
    await desk.take([post.transfer("t1")])
    events = await desk.take([call(post, given)])
    (warned,) = of_kind(events, "call.warned")
    assert warned["given_id"] == given
    (assigned,) = of_kind(events, "incident.assigned")
    assert assigned["incident_id"] == warned["call_id"]
