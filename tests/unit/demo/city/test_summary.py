from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from dispatch.demo.city.summary import Summary, render
from dispatch.language import LANGUAGES, speak
from tests.unit.demo.city.day import Played

if TYPE_CHECKING:
    from dispatch.simulation.seen import Seen


def test_a_day_as_it_should_be_has_no_failures(played: Played) -> None:
    summary = played.summary()
    assert summary.failures == []
    assert summary.as_dict()["ok"] is True
    assert all(summary.rules.values())
    rules = "R1 R2 R3 R4 R5T R5W R5 R6 R7 R8 R8U R8N R9"
    assert list(summary.rules) == rules.split()
    assert 60 <= summary.calls <= 100
    assert summary.latency_ms == {"p50": 20.0, "p95": 20.0, "p99": 20.0}


def test_a_unit_ordered_twice_is_found(played: Played) -> None:
    """An order is forged for a unit that is on another assignment."""
    # The third and fourth orders of the day: two incidents, a minute apart.
    first, second = [seen for seen in played.history if seen.type == "incident.assigned"][2:4]
    assert first.data["incident_id"] != second.data["incident_id"]
    unit = first.data["unit_id"].encode()
    other = second.data["unit_id"].encode()
    forged = [
        replace(seen, value=seen.value.replace(b'"' + other + b'"', b'"' + unit + b'"'))
        if seen.type in ("order.issued", "incident.assigned")
        and seen.data["incident_id"] == second.data["incident_id"]
        else seen
        for seen in played.history
    ]
    summary = played.summary(forged)
    assert summary.double_booked
    assert summary.failures


def test_an_event_that_was_never_read_is_lost(played: Played) -> None:
    summary = played.summary(played.history[:-1])
    assert summary.lost == 1
    assert summary.failures


def test_a_dead_letter_that_is_missing_is_an_input_lost(played: Played) -> None:
    assert _without(played, "input.rejected").lost > 1


def test_a_story_that_did_not_happen_fails_the_day(played: Played) -> None:
    summary = _without(played, "link.undone")
    assert summary.stories["wrong_link_undone"] is False
    assert "A wrong link is undone, a unit goes" in summary.failures
    assert summary.as_dict()["ok"] is False


def test_a_rule_that_never_fired_fails_the_day(played: Played) -> None:
    history = [
        seen
        for seen in played.history
        if seen.type != "call.decided" or seen.data["decision"]["rule"] != "R3"
    ]
    summary = played.summary(history)
    assert summary.rules["R3"] == 0
    assert "R3: 0" in summary.failures


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_shows_figures_stories_and_verdict(played: Played, language: str) -> None:
    speak(language)
    good, bad = played.summary(), _without(played, "link.undone")
    console = Console(width=100, record=True)
    with console.capture() as capture:
        console.print(render(good))
        console.print(render(bad))
    shown = capture.get()
    assert f"{good.orders}" in shown
    assert shown.count("✗") == 1
    verdicts = {
        "en": ("All stories happened", "Failed: A wrong link"),
        "zh": ("全部情节均已发生", "未通过：误关联"),
    }
    assert all(verdict in shown for verdict in verdicts[language])


def _without(played: Played, event_type: str) -> Summary:
    kept: list[Seen] = [seen for seen in played.history if seen.type != event_type]
    return played.summary(kept)
