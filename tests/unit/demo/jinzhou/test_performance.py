import io

import pytest
from rich.console import Console

from dispatch.demo.board import Board
from dispatch.demo.jinzhou.performance import TIME_FORMAT
from dispatch.demo.readable import readable
from dispatch.demo.screen import Screen
from dispatch.language import LANGUAGES, speak
from tests.unit.demo.jinzhou.intake import Played

SHOWN = {
    "batch.planned",
    "transfer.offered",
    "offer.withdrawn",
    "tier.stepped",
    "service.changed",
    "clock.breached",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_becomes_of_batches_beds_and_limits_is_shown(intake: Played, language: str) -> None:
    speak(language)
    lines = {seen.type: readable(seen.type, seen.data) for seen in intake.history}
    assert {name for name in SHOWN if lines[name] is not None} == SHOWN


def test_a_duty_that_no_district_falls_short_of_is_not_shown(intake: Played) -> None:
    (reported,) = [seen for seen in intake.history if seen.type == "duties.reported"]
    assert readable(reported.type, reported.data) is None


def test_each_line_names_its_day(intake: Played) -> None:
    out = io.StringIO()
    console = Console(file=out, width=120)
    stage, board = intake.stage, Board(intake.stage.plan)
    screen = Screen(console, board, stage.plan, stage.clock, time_format=TIME_FORMAT)
    with screen.live() as tick:
        for seen in intake.history[:200]:
            board.take(seen)
            tick()
    assert out.getvalue().startswith("02-08 09:00 ")
