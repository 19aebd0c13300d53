"""Orders that stand while radio or network are out, through the desk and a restart."""

from collections.abc import Awaitable, Callable

from dispatch.policy.pack import load_pack
from dispatch.store.desk import Desk
from tests.integration.store.conftest import HandClock, Post, fire_due, of_kind

OpenDesk = Callable[..., Awaitable[Desk]]
LIMIT = load_pack("covid-19").allocation.order_acknowledgement_seconds


async def test_nobody_goes_out_of_service_and_it_is_escalated_once(
    open_desk: OpenDesk, post: Post, clock: HandClock
) -> None:
    desk = await open_desk(units=22)
    orders = of_kind(await desk.take([post.call(f"c{n}") for n in range(1, 8)]), "order.issued")
    assert len(orders) == 7
    told = []
    for _ in range(3):
        for seconds in (LIMIT, 5):
            clock.forward(seconds)
            events = await fire_due(desk)
            told += [each["kind"] for each in of_kind(events, "escalation.raised")]
            assert not of_kind(events, "order.withdrawn")
        # The next process knows it from the database.
        desk = await open_desk(units=22)
    assert told.count("radio_out") == 1
    assert {each.status for each in desk._city.units.values()} == {"available", "ordered"}
    acknowledged = post.unit(
        orders[0]["unit_id"], "order.acknowledged", assignment_id=orders[0]["assignment_id"]
    )
    await desk.take([acknowledged])
    withdrawn = []
    for _ in range(4):
        clock.forward(LIMIT)
        withdrawn += of_kind(await fire_due(desk), "order.withdrawn")
    others = {each["unit_id"] for each in orders[1:]}
    assert others <= {each["unit_id"] for each in withdrawn}
