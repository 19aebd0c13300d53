"""Positions that can't be, and positions of other datums, through the desk and a restart."""

from collections.abc import Awaitable, Callable

import pytest

from dispatch.domain.model import Position
from dispatch.store.desk import Desk
from tests.integration.store.conftest import HandClock, Post, kinds, of_kind

OpenDesk = Callable[..., Awaitable[Desk]]


async def test_a_position_that_cannot_be_is_told_once_and_the_rest_of_its_report_counts(
    open_desk: OpenDesk, post: Post, clock: HandClock
) -> None:
    desk = await open_desk(units=1)
    nowhere = {"latitude": 0.0, "longitude": 0.0}
    events = await desk.take([post.unit("R1", status="off_duty", position=nowhere)])
    assert kinds(events) == ["unit.warned", "unit.changed"]
    (warned,) = of_kind(events, "unit.warned")
    assert (warned["why"], warned["stands_in"]) == ("no_fix", "station")
    desk = await open_desk(units=1)
    clock.forward(10)
    events = await desk.take([post.unit("R1", status="available", position=nowhere)])
    assert kinds(events) == ["unit.changed"]
    (assigned,) = of_kind(await desk.take([post.call("c1")]), "incident.assigned")
    assert assigned["why"][-1] == "position_not_believed_station_used"


async def test_a_position_of_another_datum_is_kept_as_wgs84(desk: Desk, post: Post) -> None:
    place = {"latitude": 49.2, "longitude": 119.7, "datum": "GCJ-02"}
    await desk.take([post.unit("R1", position=place)])
    kept = desk._city.units["R1"].position
    assert kept is not None
    assert kept != Position(49.2, 119.7)
    assert kept.latitude == pytest.approx(49.2, abs=0.02)
    events = await desk.take([post.unit("R1", position=place | {"datum": "Xian-80"})])
    (refused,) = of_kind(events, "unit.rejected")
    assert refused["reasons"][0]["field"] == "position.datum"


async def test_a_call_of_an_unknown_datum_is_taken_with_a_warning(desk: Desk, post: Post) -> None:
    call = post.call("c1")
    value = (call.value or b"").replace(b'"latitude"', b'"datum":"Xian-80","latitude"')
    events = await desk.take([post.record("calls", "call.received", "c1", value)])
    assert of_kind(events, "incident.assigned")
    (warned,) = of_kind(events, "call.warned")
    (warning,) = warned["warnings"]
    assert warning["field"] == "location.datum"
    assert warning["reason"].endswith("taken as WGS-84")
