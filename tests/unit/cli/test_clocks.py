from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from dispatch import language
from dispatch.cli.clocks import summarise, tabulate
from dispatch.domain.model import Clock
from dispatch.policy.pack import load_pack
from tests.unit.domain.city_builder import START

PACK = load_pack("covid-19")


def a_clock(**changes: Any) -> Clock:
    plain: dict[str, Any] = {
        "clock_id": "c1/order_to_rolling/c1/A1",
        "kind": "order_to_rolling",
        "owner": "c1",
        "subject": "c1/A1",
        "district": "150102",
        "started_at": START,
        "warn_at": START + timedelta(seconds=120),
        "due_at": START + timedelta(seconds=180),
    }
    return Clock(**plain | changes)


def shown(clock: Clock, seconds: float) -> str:
    """Return the table of one clock some seconds after its start."""
    console = Console(file=StringIO(), width=140)
    console.print(tabulate([summarise(clock, PACK, START + timedelta(seconds=seconds))]))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("clock", "state", "left"),
    [
        (a_clock(), "running", "2.3 min"),
        (a_clock(warned=True), "warned", "2.3 min"),
        (a_clock(breached=True, due_at=START), "breached", "40 s over"),
        (a_clock(ended_at=START), "ended", "ended"),
        (a_clock(ended_at=START, breached=True), "ended", "ended late"),
    ],
)
def test_a_clock_is_shown_with_its_state_and_what_is_left(
    clock: Clock, state: str, left: str
) -> None:
    assert summarise(clock, PACK, START)["state"] == state
    table = shown(clock, 40)
    assert f" {left} " in table
    assert "order to rolling" in table
    assert "station head" in table
    assert "c1/A1" in table


def test_an_ended_clock_has_no_time_left() -> None:
    assert summarise(a_clock(ended_at=START), PACK, START)["left_seconds"] is None


def test_the_table_speaks_chinese_too() -> None:
    language.speak("zh")
    table = shown(a_clock(), 40)
    assert "派车至出车" in table
    assert "站长" in table
