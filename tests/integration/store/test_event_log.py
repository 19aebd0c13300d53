"""Indicators from the event log in PostgreSQL: read as it stands, shown and drilled down to."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from dispatch import cli
from dispatch.errors import SchemaMismatch
from dispatch.indicators.computation import compute, registry
from dispatch.indicators.figures import Figure
from dispatch.policy.pack import load_pack
from dispatch.store.desk import Desk
from dispatch.store.event_log import open_log
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.envelope import Record
from tests.integration.store.conftest import DISTRICT, HandClock, Post, of_kind

PACK = load_pack("covid-19")
MISSED, ROLLING = "missed_screenings", "order_to_rolling"


async def tell(desk: Desk, *records: Record) -> Any:
    events = await desk.take(list(records))
    await desk.published(events)
    return events


async def some_calls(desk: Desk, post: Post, clock: HandClock) -> str:
    """Let one crew come in time, another late and to a caller who was not asked; return its run."""
    ordered = of_kind(await tell(desk, post.call("c1")), "order.issued")[0]
    clock.forward(60)
    await tell(desk, post.unit(ordered["unit_id"], status="rolling"))
    critical = post.call("c2", symptoms=["fever"], condition="critical")
    ordered = of_kind(await tell(desk, critical), "order.issued")[0]
    await tell(
        desk,
        post.unit(ordered["unit_id"], "order.acknowledged", assignment_id=ordered["assignment_id"]),
    )
    clock.forward(200)
    for status in ("rolling", "on_scene"):
        await tell(desk, post.unit(ordered["unit_id"], status=status))
        clock.forward(60)
    run: str = ordered["assignment_id"]
    return run


async def figures_of(dsn: str, **scope: Any) -> dict[str, Figure]:
    async with open_log({"dsn": dsn}) as log:
        events = [event async for event in log.events(sorted(log_types()))]
        figures = compute(events, PACK, mode=await log.first_mode(), **scope)
    return {figure.indicator.name: figure for figure in figures}


def log_types() -> set[str]:
    return {"call.decided", "incident.assigned", "order.issued", "incident.progressed"} | {
        f"clock.{what}" for what in ("started", "met", "breached", "ended_late", "stopped")
    }


async def test_the_log_of_some_calls_gives_their_figures(
    desk: Desk, post: Post, clock: HandClock, migrated: str
) -> None:
    await some_calls(desk, post, clock)
    figures = await figures_of(migrated)
    assert figures[MISSED].value == 1
    assert figures["dispatch_errors"].value == 0
    assert figures[ROLLING].value == 0.5
    assert figures[ROLLING].details["max"] == 200.0
    assert [finding.about.partition("/")[0] for finding in figures[ROLLING].findings] == ["c2"]
    assert (await figures_of(migrated, district="150784"))[MISSED].value == 0


async def test_a_range_is_by_the_time_of_the_event_not_of_its_writing(
    desk: Desk, post: Post, clock: HandClock, migrated: str
) -> None:
    begun = clock.time
    await some_calls(desk, post, clock)
    # c2's crew was on scene 320 s after the beginning; what came before still counts.
    turn = begun + timedelta(seconds=320)
    assert (await figures_of(migrated, ends=turn))[MISSED].value == 0
    assert (await figures_of(migrated, begins=turn))[MISSED].value == 1


async def test_the_command_shows_writes_and_drills_down(
    desk: Desk,
    post: Post,
    clock: HandClock,
    *,
    migrated: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = await some_calls(desk, post, clock)
    monkeypatch.setenv("DISPATCH_DATABASE__DSN", migrated)
    monkeypatch.setenv("COLUMNS", "200")

    async def shown(*arguments: str) -> str:
        assert await asyncio.to_thread(cli.run, ["indicators", *arguments]) == 0
        return capsys.readouterr().out

    table = await shown()
    assert "not ok" in next(line for line in table.splitlines() if MISSED in line)
    written = json.loads(await shown("--json", "--district", DISTRICT))
    assert written["district"] == DISTRICT
    by_name = {each["name"]: each for each in written["indicators"]}
    assert by_name.keys() == registry(PACK).keys()
    assert by_name[MISSED]["met"] is False
    assert by_name[MISSED]["title"]["zh"].startswith("漏诊")
    assert len(by_name[MISSED]["findings"][0]["events"]) == 2
    drilled = await shown("--drill", MISSED)
    assert f"{run.partition('/')[0]} the crew met the patient with questions unasked" in drilled
    assert "call.decided" in drilled
    assert "incident.progressed" in drilled
    events = json.loads(await shown("--drill", MISSED, "--json"))["events"]
    assert [each["attributes"]["type"] for each in events] == [
        "call.decided",
        "incident.progressed",
    ]
    assert await asyncio.to_thread(cli.run, ["indicators", "--district", "999999"]) == 1
    assert "no event is of district 999999" in capsys.readouterr().err


async def test_the_mode_before_the_first_event_is_that_before_the_first_switch(
    desk: Desk, post: Post, migrated: str
) -> None:
    for mode in ("routine", "epidemic"):
        switch = {"at": timestamp(post.clock.time), "mode": mode, "by": "d", "reason": "r"}
        await tell(desk, post.record("city", "city.mode_switched", "city", switch))
        async with open_log({"dsn": migrated}) as log:
            assert await log.first_mode() == "epidemic"


@pytest.mark.usefixtures("desk")
async def test_the_mode_before_the_first_event_is_still_in_force_without_a_switch(
    migrated: str,
) -> None:
    connection = await asyncpg.connect(migrated)
    try:
        await connection.execute("UPDATE centre SET mode = 'routine'")
    finally:
        await connection.close()
    async with open_log({"dsn": migrated}) as log:
        assert await log.first_mode() == "routine"


async def test_a_database_without_tables_is_refused(database: str) -> None:
    with pytest.raises(SchemaMismatch, match="has no schema yet"):
        async with open_log({"dsn": database}):
            pass


@pytest.mark.usefixtures("desk")
async def test_the_log_cannot_be_written_through_its_reader(migrated: str) -> None:
    async with open_log({"dsn": migrated}) as log:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await log._connection.execute("DELETE FROM events")
