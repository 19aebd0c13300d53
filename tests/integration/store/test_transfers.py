"""A transfer at the desk: what is asked of a hospital outlasts the worker that asked."""

from collections.abc import Callable
from typing import Any

from dispatch.store.desk import Desk
from dispatch.topics.cloudevents import timestamp
from tests.integration.store.conftest import HandClock, Post, fire_due, kinds, of_kind

OpenDesk = Callable[..., Any]


async def test_an_offer_is_accepted_at_another_worker_after_a_restart(
    open_desk: OpenDesk, post: Post
) -> None:
    one = await open_desk()
    (offer,) = of_kind(await one.take([post.transfer("t1")]), "transfer.offered")
    await one.close()
    two = await open_desk()
    accepted = post.hospital("D1", "transfer.accepted", offer_id=offer["offer_id"], by="n1")
    events = await two.take([accepted])
    (order,) = of_kind(events, "order.issued")
    (announced,) = of_kind(events, "handover.announced")
    assert (order["unit_id"], order["hospital_id"]) == ("T1", "D1")
    assert announced["beds"] == [{"patient_id": "p1", "room": "isolation", "place": 1}]


async def test_an_offer_runs_out_at_another_worker_and_is_made_again_in_time(
    open_desk: OpenDesk, post: Post, clock: HandClock
) -> None:
    one = await open_desk()
    await one.take([post.transfer("t1")])
    await one.close()
    two = await open_desk()
    clock.forward(600)
    events = await fire_due(two)
    assert "offer.withdrawn" in kinds(events)
    assert [each["status"] for each in of_kind(events, "transfer.progressed")] == ["unplaced"]
    clock.forward(300)
    (offer,) = of_kind(await fire_due(two), "transfer.offered")
    assert offer["offer_id"] == "t1/O2"


async def test_a_cancellation_that_overtook_its_request_takes_effect_with_it(
    desk: Desk, post: Post
) -> None:
    said = {"transfer_id": "t1", "at": timestamp(post.clock.time), "by": "dr1", "reason": "x"}
    early = post.record("transfers", "transfer.cancelled", "t1", said)
    assert kinds(await desk.take([early])) == []
    events = await desk.take([post.transfer("t1")])
    statuses = [each["status"] for each in of_kind(events, "transfer.progressed")]
    assert statuses == ["requested", "offered", "cancelled"]
    assert len(of_kind(events, "bed.released")) == 1
