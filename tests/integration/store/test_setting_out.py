"""A unit that never says that it sets out is assumed to, by whichever desk works by then."""

from collections.abc import Callable
from typing import Any

from dispatch.policy.pack import load_pack
from dispatch.store.desk import Desk
from tests.integration.store.conftest import HandClock, Post, fire_due, of_kind

LIMIT = load_pack("covid-19").allocation.assume_returning_seconds


async def test_a_crew_that_says_no_more_is_free_again_after_a_restart(
    desk: Desk, post: Post, clock: HandClock, open_desk: Callable[..., Any]
) -> None:
    unit_id = await hand_over(desk, post)
    heir: Desk = await open_desk()
    clock.forward(LIMIT - 1)
    assert told(await fire_due(heir), unit_id) == []
    clock.forward(1)
    assert told(await fire_due(heir), unit_id) == [("handed_over", "returning", True)]
    # What it says at last changes nothing, and is no bad input.
    events = await heir.take([post.unit(unit_id, status="returning")])
    assert told(events, unit_id) == []
    assert of_kind(events, "input.rejected") == []


async def test_a_crew_that_says_so_is_assumed_nothing_of(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    unit_id = await hand_over(desk, post)
    events = await desk.take([post.unit(unit_id, status="returning")])
    assert told(events, unit_id)[-1] == ("handed_over", "returning", False)
    await desk.published(events)
    clock.forward(LIMIT)
    assert told(await fire_due(desk), unit_id) == []


async def hand_over(desk: Desk, post: Post) -> str:
    """Bring an ordinary patient to the hospital, where both sign; return the unit's id."""
    (order,) = of_kind(await desk.take([post.call("c1")]), "order.issued")
    unit_id: str = order["unit_id"]
    run = ("rolling", "on_scene", "transporting", "at_hospital")
    events = await desk.take([post.unit(unit_id, status=status) for status in run])
    (announced,) = of_kind(events, "handover.announced")
    record = {"handover_id": announced["handover_id"], "by": "somebody"}
    events = await desk.take(
        [
            post.unit(unit_id, "handover.signed_by_crew", **record),
            post.hospital(announced["hospital_id"], "handover.signed_by_hospital", **record),
        ]
    )
    assert told(events, unit_id)[-1] == ("at_hospital", "handed_over", False)
    return unit_id


def told(events: Any, unit_id: str) -> list[tuple[str, str, bool]]:
    return [
        (each["before"], each["status"], each["assumed"])
        for each in of_kind(events, "unit.changed")
        if each["unit_id"] == unit_id
    ]
