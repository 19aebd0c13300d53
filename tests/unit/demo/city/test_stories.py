from collections.abc import Callable

import orjson
import pytest

from dispatch.demo.chronicle import Chronicle
from dispatch.demo.city.stories import BAD_INPUTS, STORIES, bad_inputs
from dispatch.language import LANGUAGES, catalogue
from tests.unit.demo.city.day import Played

# The events without which a story can't have happened.
EVIDENCE = {
    "late_answer_swapped": "incident.released",
    "screening_expired": "screening.expired",
    "early_answer_parked": "call.decided",
    "repeat_linked": "call.linked",
    "wrong_link_undone": "link.undone",
    "duplicate_ignored": "call.decided",
    "unit_overridden": "incident.overridden",
    "hospital_overridden": "incident.overridden",
    "undisinfected_not_forced": "call.rejected",
    "held_and_resumed": "incident.resumed",
    "cancelled": "order.withdrawn",
    "order_unanswered": "incident.released",
    "run_refused": "incident.released",
    "broke_down": "incident.released",
    "radio_out": "escalation.raised",
    "hospital_diverted": "handover.withdrawn",
    "hospital_silent": "handover.reminded",
    "weak_certificate_refused": "disinfection.rejected",
    "no_transfer_crew_left": "unit.changed",
    "waited_for_transfer": "incident.queued",
    "regular_instead_of_transfer": "escalation.raised",
    "transfer_as_last_resort": "incident.assigned",
    "mode_switched": "incident.assigned",
    "mass_casualty": "escalation.raised",
    "life_support": "order.issued",
    "address_only": "order.issued",
    "address_improved": "order.amended",
    "said_in_words": "call.decided",
    "heart_attack_with_fever": "hospital.chosen",
    "case_found_on_the_way": "case.reported",
    "case_found_in_hospital": "case.reported",
    "transferred_onward": "case.reported",
    "turned_away": "handover.observed",
    "duties_reported": "duties.reported",
    "bad_input_dead_lettered": "input.rejected",
}


@pytest.mark.parametrize("seed", [2, 3, 20])
def test_every_story_happens_whatever_the_seed(
    seed: int, play_again: Callable[[int], Played]
) -> None:
    again = play_again(seed)
    chronicle = Chronicle(again.history, again.inputs)
    assert [name for name, story in STORIES.items() if not story(chronicle)] == []


@pytest.mark.parametrize("name", STORIES)
def test_a_story_without_its_evidence_did_not_happen(name: str, played: Played) -> None:
    history = [seen for seen in played.history if seen.type != EVIDENCE[name]]
    assert len(history) < len(played.history)
    assert not STORIES[name](Chronicle(history, played.inputs))


def test_crews_drive_to_where_their_patients_are_said_to_be(played: Played) -> None:
    amended = Chronicle(played.history).of("order.amended")
    said = [order["changed"]["scene"] for order in amended if "scene" in order["changed"]]
    records = [each.record for each in played.stage.published]
    reports = [orjson.loads(r.value or b"") for r in records if r.topic == "dispatch.units"]
    arrived = [each["position"] for each in reports if each.get("status") == "on_scene"]
    assert len(said) > 1
    assert _places(said) <= _places(arrived)


def test_every_kind_of_bad_input_is_counted(played: Played) -> None:
    counts = bad_inputs(Chronicle(played.history))
    assert counts.keys() == BAD_INPUTS.keys()
    assert all(counts.values())


def test_a_kind_of_bad_input_that_is_not_refused_fails_its_story(played: Played) -> None:
    history = [
        seen
        for seen in played.history
        if seen.type != "input.rejected" or seen.data["reasons"][0]["field"] != "district"
    ]
    chronicle = Chronicle(history, played.inputs)
    assert bad_inputs(chronicle)["unknown_district"] == 0
    assert not STORIES["bad_input_dead_lettered"](chronicle)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_story_is_told_in_both_languages(language: str) -> None:
    told = {key for key in catalogue(language) if key.startswith("demo.story.")}
    assert told == {f"demo.story.{name}" for name in STORIES}


def _places(positions: list[dict[str, float]]) -> set[tuple[float, float]]:
    return {(each["latitude"], each["longitude"]) for each in positions}
