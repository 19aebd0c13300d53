"""`dispatch clocks` reads what the workers wrote."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatch import cli
from dispatch.clock import ScenarioClock
from dispatch.topics.cloudevents import timestamp
from tests.integration.store.conftest import START, HandClock, Post, fire_due

NOW = 130  # seconds after the call
Command = Callable[..., Any]


@pytest.fixture
def command(
    migrated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: HandClock
) -> Iterator[Command]:
    """Yield a function that runs `dispatch clocks` on this test's database and clock."""
    path = tmp_path / "clock"
    scenario = ScenarioClock.create(path, START, 0)
    monkeypatch.setenv("DISPATCH_DATABASE__DSN", migrated)
    monkeypatch.setenv("DISPATCH_SCENARIO_CLOCK", str(path))
    monkeypatch.setenv("DISPATCH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "140")

    async def run(*options: str) -> int:
        scenario.advance_to(clock.time)
        return await asyncio.to_thread(cli.run, ["--lang", "en", "clocks", *options])

    yield run
    scenario.close()


async def test_clocks_are_listed_with_what_is_left_and_who_is_told(
    open_desk: Callable[..., Any],
    post: Post,
    clock: HandClock,
    command: Command,
    capsys: pytest.CaptureFixture[str],
) -> None:
    desk = await open_desk(units=1)
    assert await command() == 0
    assert capsys.readouterr().out == "No clock runs.\n"
    await desk.take([post.call("c1"), post.unit("R1", "order.acknowledged", assignment_id="c1/A1")])
    clock.forward(NOW)
    await fire_due(desk)
    assert await command("--json") == 0
    (running,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert running["kind"] == "order_to_rolling"
    assert running["state"] == "warned"
    assert running["left_seconds"] == 180 - NOW
    assert running["started_at"] == timestamp(START)
    assert running["escalate_to"] == "station_head"
    assert await command("--all", "--kind", "accepted_to_order", "--json") == 0
    (ended,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (ended["state"], ended["left_seconds"]) == ("ended", None)
    assert await command() == 0
    table = capsys.readouterr().out
    assert "order to rolling" in table
    assert "50 s" in table
    assert "accepted to order" not in table
    assert await command("--kind", "no_such_kind") == 2
