"""A hold through the desk and a restart: reminded of, over when the patient gets worse."""

from collections.abc import Awaitable, Callable

from dispatch.store.desk import Desk
from dispatch.topics.cloudevents import timestamp
from tests.integration.store.conftest import HandClock, Post, fire_due, of_kind

OpenDesk = Callable[..., Awaitable[Desk]]


async def test_a_hold_is_reminded_of_and_ends_when_the_patient_is_worse(
    open_desk: OpenDesk, post: Post, clock: HandClock
) -> None:
    desk = await open_desk(units=1)
    await desk.take([post.call("c1", symptoms=["fever"])])
    hold = {"call_id": "c1", "at": timestamp(clock.time), "by": "d1", "reason": "calls back"}
    held = await desk.take([post.record("calls", "call.held", "c1", hold)])
    assert of_kind(held, "incident.held")
    desk = await open_desk(units=1)
    clock.forward(300)
    (reminder,) = of_kind(await fire_due(desk), "escalation.raised")
    assert (reminder["kind"], reminder["incident_id"]) == ("still_held", "c1")
    answer = {"call_id": "c1", "answered_at": timestamp(clock.time), "condition": "critical"}
    events = await desk.take([post.record("calls", "call.answered", "c1", answer)])
    (resumed,) = of_kind(events, "incident.resumed")
    assert resumed["reason"] == "the patient is critical now: an answer came in"
    assert of_kind(events, "order.issued")
    assert [each["kind"] for each in of_kind(events, "clock.met")] == ["accepted_to_order"]
