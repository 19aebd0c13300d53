"""A batch at the desk: planned in a process of its own, by one worker, for whichever is there."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest_asyncio

from dispatch.planning.process import Planner
from dispatch.store.desk import Desk
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.envelope import Outgoing, Record
from tests.integration.store.conftest import DISTRICT, HandClock, Post, kinds, of_kind

OpenDesk = Callable[..., Any]


def a_batch(post: Post, *patients: str, batch_id: str = "b1") -> Record:
    body = {
        "batch_id": batch_id,
        "at": timestamp(post.clock.time),
        "institution_id": "clinic",
        "district": DISTRICT,
        "location": {"latitude": 49.2, "longitude": 119.7},
        "kind": "confirmed",
        "patients": [
            {"patient_id": each, "severity": "ordinary", "mobility": "walking"} for each in patients
        ],
        "by": "clinic-1",
    }
    return post.record("transfers", "transfer.batch.requested", batch_id, body)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def planner() -> AsyncIterator[Planner]:
    async with Planner() as running:
        yield running


async def planned(desk: Desk, planner: Planner, batch_id: str = "b1") -> list[Outgoing]:
    task = await desk.planning_task(batch_id)
    assert task is not None
    plan = await planner.solve(task.problem, seconds=task.seconds)
    return list(await desk.adopt(batch_id, task.revision, plan))


async def test_a_batch_is_planned_and_its_first_trip_ordered(
    desk: Desk, post: Post, planner: Planner
) -> None:
    assert await desk.unplanned() == []
    await desk.take([a_batch(post, "p1", "p2")])
    assert await desk.unplanned() == ["b1"]
    events = await planned(desk, planner)
    assert await desk.unplanned() == []
    assert await desk.planning_task("b1") is None
    (offer,) = of_kind(events, "transfer.offered")
    said = await desk.take(
        [post.hospital("D1", "transfer.accepted", offer_id=offer["offer_id"], by="n1")]
    )
    assert [each["incident_id"] for each in of_kind(said, "order.issued")] == ["b1.T1"]


async def test_another_worker_goes_on_with_a_batch(
    open_desk: OpenDesk, post: Post, clock: HandClock, planner: Planner
) -> None:
    one = await open_desk()
    await one.take([a_batch(post, "p1", "p2")])
    (offer,) = of_kind(await planned(one, planner), "transfer.offered")
    await one.take([post.hospital("D1", "transfer.accepted", offer_id=offer["offer_id"], by="n1")])
    await one.close()
    two = await open_desk()
    for event in ("rolling", "on_scene", "transporting", "at_hospital"):
        await two.take([post.unit("T1", status=event)])
    handover = {"handover_id": "b1.T1/A1/H1", "by": "x"}
    await two.take([post.unit("T1", "handover.signed_by_crew", **handover)])
    closed = await two.take([post.hospital("D1", "handover.signed_by_hospital", **handover)])
    assert [each["arrived"] for each in of_kind(closed, "batch.progressed")] == [1]
    (taken,) = of_kind(closed, "bed.occupied")
    assert (taken["promise_id"], taken["room"]) == ("b1/B1", "isolation")
    began = timestamp(clock.time)
    clock.forward(1_800)
    certificate = {
        "job_id": "b1.T1/A1/D",
        "agent": "chlorine_wipe",
        "concentration": 1000.0,
        "contact_minutes": 30.0,
        "started_at": began,
        "ended_at": timestamp(clock.time),
        "operator": "o1",
        "waste_bags": 2,
    }
    early = await two.take([post.unit("T1", "disinfection.certified", **certificate)])
    because = of_kind(early, "batch.progressed")[-1]["because"]
    assert because == "unit T1 is free sooner than planned"
    events = [*await planned(two, planner)]
    assert [each["incident_id"] for each in of_kind(events, "order.issued")] == ["b1.T3"]


async def test_a_call_with_the_id_of_a_batch_that_is_over_goes_on_under_another(
    open_desk: OpenDesk, post: Post
) -> None:
    desk = await open_desk()
    await desk.take([a_batch(post, "p1", batch_id="c9")])
    over = {"batch_id": "c9", "at": timestamp(post.clock.time), "by": "c", "reason": "over"}
    await desk.take([post.record("transfers", "transfer.batch.cancelled", "c9", over)])
    events = await desk.take([post.call("c9")])
    (warned,) = of_kind(events, "call.warned")
    assert warned["given_id"] == "c9"
    assert [each["field"] for each in warned["warnings"]] == ["call_id"]
    (assigned,) = of_kind(events, "incident.assigned")
    assert assigned["incident_id"] == warned["call_id"] != "c9"


async def test_two_plans_for_one_batch_take_effect_once(
    open_desk: OpenDesk, post: Post, planner: Planner
) -> None:
    one, two = await open_desk(), await open_desk()
    await one.take([a_batch(post, "p1")])
    task, same = await one.planning_task("b1"), await two.planning_task("b1")
    assert task is not None
    assert same is not None
    plan = await planner.solve(task.problem, seconds=task.seconds)
    first = await one.adopt("b1", task.revision, plan)
    second = await two.adopt("b1", same.revision, plan)
    assert kinds(first).count("transfer.offered") == 1
    assert not second


async def test_two_batches_promise_no_bed_twice(
    open_desk: OpenDesk, post: Post, planner: Planner
) -> None:
    one, two = await open_desk(), await open_desk()
    await one.take([a_batch(post, *(f"p{n}" for n in range(4)))])
    await two.take([a_batch(post, *(f"q{n}" for n in range(4)), batch_id="b2")])
    tasks = {batch_id: await one.planning_task(batch_id) for batch_id in ("b1", "b2")}
    events: list[Outgoing] = []
    for desk, (batch_id, task) in zip((one, two), tasks.items(), strict=True):
        assert task is not None
        plan = await planner.solve(task.problem, seconds=task.seconds)
        events += await desk.adopt(batch_id, task.revision, plan)
    # Both plans knew of five free beds; the second one is made again.
    assert await one.unplanned() == ["b2"]
    events += await planned(two, planner, "b2")
    places = [(each["hospital_id"], each["room"], each["place"]) for each in reserved(events)]
    assert len(places) == len(set(places)) == 5
    (last,) = of_kind(events[-30:], "batch.planned")[-1:]
    assert [each["why"] for each in last["unplaced"]] == ["no_bed_left"] * 3


def reserved(events: list[Outgoing]) -> list[dict[str, Any]]:
    """Return the reservations that still stand after all of these events."""
    standing = {each["reservation_id"]: each for each in of_kind(events, "bed.reserved")}
    for gone in of_kind(events, "bed.released"):
        standing.pop(gone["reservation_id"], None)
    return list(standing.values())
