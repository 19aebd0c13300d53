"""Of the timers that are due, those wait that an unread input could still change."""

from collections.abc import Sequence

import pytest

from dispatch.policy.pack import Pack, load_pack
from dispatch.store.desk import Desk
from dispatch.topics.envelope import Outgoing
from tests.integration.store.conftest import HandClock, Post, fire_due, of_kind


class Unread:
    """Records that nobody has read, by topic and key."""

    def __init__(self, **keys: set[str]) -> None:
        self.keys = keys

    def somewhere(self, topic: str) -> bool:
        return topic in self.keys

    def at_all(self, topic: str) -> bool:
        return topic in self.keys

    def everywhere(self, _topic: str) -> bool:
        return False

    def of(self, topic: str, key: str) -> bool:
        return key in self.keys.get(topic, ())


async def test_an_order_of_another_unit_is_given_up_beside_one_whose_answer_may_be_unread(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    orders = of_kind(await desk.take([post.call("c1"), post.call("c2")]), "order.issued")
    first, second = (order["unit_id"] for order in orders)
    clock.forward(desk_pack().allocation.order_acknowledgement_seconds)
    by = await desk.due()
    assert by is not None
    events = await desk.fire_due(by, Unread(units={first}))
    assert silent(events) == [second]
    # It waits on, and is no reason to write anything.
    assert await desk.fire_due(by, Unread(units={first})) == []
    acknowledged = post.unit(first, "order.acknowledged", assignment_id="c1/A1")
    await desk.take([acknowledged])
    assert silent(await fire_due(desk)) == []


async def test_those_that_wait_starve_none_behind_them(
    desk: Desk, post: Post, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatch.store.desk.TIMERS_AT_ONCE", 1)
    calls = [post.call(f"c{number}") for number in range(1, 4)]
    orders = of_kind(await desk.take(calls), "order.issued")
    units = [order["unit_id"] for order in orders]
    clock.forward(1)
    # Somebody is heard: else the radio would be taken to be out.
    await desk.take([post.unit("T1", status="available")])
    clock.forward(desk_pack().allocation.order_acknowledgement_seconds - 1)
    by = await desk.due()
    assert by is not None
    found = []
    while events := await desk.fire_due(by, Unread(units=set(units[:2]))):
        found += silent(events)
    assert found == units[2:]
    found = []
    while events := await desk.fire_due(by):
        found += silent(events)
    assert sorted(found) == sorted(units[:2])


async def test_a_kind_that_waits_as_a_whole_costs_no_transaction(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    class Everywhere(Unread):
        def everywhere(self, topic: str) -> bool:
            return self.somewhere(topic)

    await desk.take([post.call("c1")])
    clock.forward(desk_pack().allocation.order_acknowledgement_seconds)
    by = await desk.due()
    assert by is not None
    seen = desk._seen
    assert await desk.fire_due(by, Everywhere(units=set(), commission=set())) == ()
    assert desk._seen == seen


def desk_pack() -> Pack:
    return load_pack("covid-19")


def silent(events: Sequence[Outgoing]) -> list[str]:
    """Return the units that were taken for silent."""
    return [
        told["subject"]
        for told in of_kind(events, "escalation.raised")
        if told["kind"] == "run_unanswered"
    ]
