from collections.abc import Callable

import pytest

from dispatch.demo.chronicle import Chronicle
from dispatch.demo.jinzhou.stories import STORIES
from dispatch.language import LANGUAGES, catalogue
from tests.unit.demo.jinzhou.intake import Played

# The events without which a story can't have happened.
EVIDENCE = {
    "hospital_asked_first": "clock.met",
    "gravest_first": "order.issued",
    "crossings_reported": "report.settled",
    "unit_dropped_out": "batch.planned",
    "broke_down": "incident.released",
    "beds_dropped_out": "batch.planned",
    "hospital_silent": "clock.breached",
    "hospital_diverted": "bed.released",
    "reserve_called": "clock.met",
    "report_late": "clock.ended_late",
    "tested_in_time": "clock.met",
    "recovered_went_home": "bed.vacated",
}


@pytest.mark.parametrize("seed", [2, 3])
def test_every_story_happens_whatever_the_seed(
    seed: int, play_intake: Callable[[int], Played]
) -> None:
    again = play_intake(seed)
    chronicle = Chronicle(again.history, again.inputs)
    assert [name for name, story in STORIES.items() if not story(chronicle)] == []


@pytest.mark.parametrize("name", STORIES)
def test_a_story_without_its_evidence_did_not_happen(name: str, intake: Played) -> None:
    history = [seen for seen in intake.history if seen.type != EVIDENCE[name]]
    assert len(history) < len(intake.history)
    assert not STORIES[name](Chronicle(history))


def test_a_crew_that_is_ordered_before_a_hospital_has_accepted_is_seen(intake: Played) -> None:
    history = [
        seen
        for seen in intake.history
        if seen.type != "clock.met" or seen.data["subject"] != "HLD-B01/O1"
    ]
    assert not STORIES["hospital_asked_first"](Chronicle(history))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_story_is_told_in_both_languages(language: str) -> None:
    told = {key for key in catalogue(language) if key.startswith("demo.jinzhou.story.")}
    assert told == {f"demo.jinzhou.story.{name}" for name in STORIES}
