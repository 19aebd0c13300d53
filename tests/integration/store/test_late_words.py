"""Words of crews that are read late: whose they are, by what the database keeps."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from dispatch.store.desk import Desk
from tests.integration.store.conftest import HandClock, Post, fire_due, kinds, of_kind

OpenDesk = Callable[..., Any]


async def test_what_has_waited_since_before_an_order_acknowledges_none(
    desk: Desk, post: Post, clock: HandClock, migrated: str
) -> None:
    assert await desk.take([post.unit("T1", status="rolling")]) == []
    clock.forward(2)
    events = await desk.take([post.call("c1", case_status="confirmed")])
    assert of_kind(events, "order.issued")[0]["unit_id"] == "T1"
    (refused,) = of_kind(events, "unit.rejected")
    assert refused["reasons"][0]["reason"].startswith("was said before the unit was given")
    assert "incident.progressed" not in kinds(events)
    connection = await asyncpg.connect(migrated)
    try:
        outcomes = [row["outcome"] for row in await connection.fetch("SELECT outcome FROM inbox")]
    finally:
        await connection.close()
    assert sorted(outcomes) == ["accepted", "crossed"]
    await desk.published(events)
    clock.forward(60)
    # Nobody has answered.
    assert "order.withdrawn" in kinds(await fire_due(desk))


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_scene_that_is_read_after_the_end_of_its_run_was_met(
    desk: Desk, post: Post, clock: HandClock, open_desk: OpenDesk, restarted: bool
) -> None:
    await desk.published(await desk.take([post.call("c1", case_status="confirmed")]))
    clock.forward(10)
    await desk.published(await desk.take([post.unit("T1", status="rolling")]))
    clock.forward(300)
    late = post.unit("T1", status="on_scene")
    clock.forward(300)
    ended = post.unit(
        "T1", "run.ended", assignment_id="c1/A1", outcome="empty", reason="patient_left"
    )
    events = await desk.take([ended])
    assert "incident.closed" in kinds(events)
    assert "disinfection.ordered" not in kinds(events)
    await desk.published(events)
    assert desk._city.incidents == {}
    other = await open_desk() if restarted else desk
    events = await other.take([late])
    assert of_kind(events, "disinfection.ordered")[0]["job_id"] == "c1/A1/D"
    assert of_kind(events, "incident.progressed")[0]["status"] == "on_scene"
    assert other._city.units["T1"].job_id == "c1/A1/D"
