import io

import pytest
from rich.console import Console

from dispatch.demo.board import Board
from dispatch.demo.readable import readable
from dispatch.demo.screen import Screen
from dispatch.language import LANGUAGES, speak
from dispatch.topics import OUTPUT_TOPICS
from tests.unit.demo.city.day import Played

SHOWN = 24


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_shown_event_of_the_day_has_its_line(played: Played, language: str) -> None:
    speak(language)
    lines = {seen.type: readable(seen.type, seen.data) for seen in played.history}
    assert sum(line is not None for line in lines.values()) == SHOWN
    known = {event.event_type for topic in OUTPUT_TOPICS for event in topic.events}
    assert lines.keys() <= known


def test_an_amendment_of_the_rule_alone_is_not_shown() -> None:
    assert readable("incident.amended", {"changed": {}}) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_terminal_shows_clock_units_events_and_queue(played: Played, language: str) -> None:
    speak(language)
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120, height=40, color_system=None)
    stage = played.stage
    with Screen(console, _board(played), stage.plan, stage.clock).live() as tick:
        tick()
    shown = out.getvalue()
    for expected in ("呼伦贝尔市", "HLR-T1", "R5T", {"en": "available", "zh": "待命"}[language]):
        assert expected in shown


def test_elsewhere_every_line_is_printed_once(played: Played) -> None:
    out = io.StringIO()
    console = Console(file=out, width=120)
    board = Board(played.stage.plan)
    screen = Screen(console, board, played.stage.plan, played.stage.clock)
    with screen.live() as tick:
        for seen in played.history[:400]:
            board.take(seen)
            tick()
        tick()
    assert len(out.getvalue().splitlines()) == board.told
    assert "07:07:00 HLR" in out.getvalue()


def test_the_board_knows_which_units_are_free(played: Played) -> None:
    board = _board(played)
    assert board.quiet
    assert len(board.free("transfer")) == list(board.crew.values()).count("transfer")
    assert board.calls
    assert sum(board.rules.values()) == board.counters["call.decided"]


def _board(played: Played) -> Board:
    board = Board(played.stage.plan)
    for seen in played.history:
        board.take(seen)
    return board
