"""Who plays in a city plays the same, in whatever order events of different keys are read."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from dispatch.checker import check
from dispatch.simulation.plan_file import write_plan
from tests.unit.demo.city import day
from tests.unit.demo.jinzhou import intake
from tests.unit.demo.memory_stage import MemoryStage
from tests.unit.simulation.small_city import START, expect_the_unexpected, plan, unexpected

if TYPE_CHECKING:
    from dispatch.simulation.seen import Seen
    from dispatch.simulation.stage import Stage


def small_city(plan_path: Path, reading_order: int | None) -> MemoryStage:
    stage = MemoryStage(plan_path, start=START, reading_order=reading_order)
    expect_the_unexpected(cast("Stage", stage))
    asyncio.run(stage.run())
    return stage


@pytest.fixture(params=["a small city", "the demo's day", "the intake"])
def play(
    request: pytest.FixtureRequest, tmp_path: Path
) -> tuple[Callable[[int | None], MemoryStage], int]:
    """Return what plays a scenario in an order of reading, and how many orders to try."""
    if request.param == "the demo's day":
        return lambda order: day.play(1, order).stage, 3
    if request.param == "the intake":
        return lambda order: intake.play(1, order).stage, 2
    path = tmp_path / "city.toml"
    write_plan(plan(), path)
    return partial(small_city, path), 25


def test_the_same_happens_in_every_order_of_reading(
    play: tuple[Callable[[int | None], MemoryStage], int],
) -> None:
    scenario, orders = play
    as_written = scenario(None).history
    for order in range(orders):
        stage = scenario(order)
        assert ids(stage.history) != ids(as_written)
        assert sorted(contents(stage.history)) == sorted(contents(as_written)), order
        packs = {stage.pack.name: stage.pack}
        assert check(stage.history, stage.inputs(), packs=packs, now=stage.now()) == []


def test_in_a_small_city_all_that_is_unexpected_happens(tmp_path: Path) -> None:
    write_plan(plan(), tmp_path / "city.toml")
    assert unexpected(small_city(tmp_path / "city.toml", None).history) == []


def ids(history: Iterable["Seen"]) -> list[str]:
    return [seen.id for seen in history]


def contents(history: Iterable["Seen"]) -> list[tuple[str, bytes]]:
    return [(seen.id, seen.value) for seen in history]
