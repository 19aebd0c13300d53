from datetime import UTC, datetime
from string import Formatter
from typing import Any

import pytest

from dispatch.cli import phrases
from dispatch.client import Event
from dispatch.language import LANGUAGES, catalogue, speak
from dispatch.schemas import examples
from dispatch.topics import EVENTS, TOPIC_OF
from dispatch.wording import said

# What names a patient, wherever an event has it.
NAMING = frozenset(
    {"patient_id", "patients", "unplaced", "withdrawn", "name", "sex", "age", "id_number", "phone"}
    | {"address", "content", "note", "by", "contact", "complaint"}
)
SECRET = "zhang-san-0451"
NOW = datetime(2022, 12, 23, tzinfo=UTC)


def an_event(event_type: str, data: dict[str, Any]) -> Event:
    return Event("t", 0, 0, NOW, "c-1", {"type": event_type}, data)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_event_has_a_phrase(language: str) -> None:
    phrased = {key for key in catalogue(language) if key.startswith("event.")}
    assert phrased == {f"event.{name}" for name in EVENTS} | {"event.call.asking"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event_type", sorted(EVENTS))
def test_a_phrase_has_no_personal_data_and_no_gaps(language: str, event_type: str) -> None:
    speak(language)
    said = phrases.phrase(an_event(event_type, examples()[event_type]))
    assert said
    assert "{" not in said
    for personal in ("13904700036", "胜利街", "crew-7", "intake-1", "发热两天"):
        assert personal not in said


def secretive(value: Any, *, naming: bool = False) -> Any:
    """Return what an event says with every text that names a patient replaced by the same."""
    match value:
        case dict():
            return {
                key: secretive(each, naming=naming or key in NAMING) for key, each in value.items()
            }
        case list():
            return [secretive(each, naming=naming) for each in value]
        case str() if naming:
            return SECRET
        case _:
            return value


@pytest.mark.parametrize("event_type", sorted(EVENTS))
def test_no_phrase_says_who_a_patient_is(event_type: str) -> None:
    data = secretive(examples()[event_type])
    assert SECRET not in phrases.phrase(an_event(event_type, data))


@pytest.mark.parametrize("event_type", ["transfer.requested", "case.reported", "bed.reserved"])
def test_events_name_patients(event_type: str) -> None:
    assert SECRET in str(secretive(examples()[event_type]))


def test_what_a_dispatcher_wrote_is_masked() -> None:
    data = examples()["order.withdrawn"] | {"reason": "ring 13800000000"}
    assert "13800000000" not in phrases.phrase(an_event("order.withdrawn", data))


def test_values_are_said_in_the_language_in_use() -> None:
    event = an_event("unit.reported", {"status": "on_scene", "staffed": True})
    assert phrases.phrase(event) == "on scene, staffed: yes, at – –"
    speak("zh")
    assert phrases.phrase(event) == "到达现场，在岗：是，位置 – –"


def test_a_question_is_asked_in_the_language_in_use() -> None:
    event = an_event("screening.requested", examples()["screening.requested"])
    assert "close contact with a case?" in phrases.phrase(event)
    speak("zh")
    assert "密切接触" in phrases.phrase(event)


def test_who_is_still_being_asked_has_no_crew() -> None:
    event = an_event("call.decided", {"decision": {"action": "ask", "rule": "R5"}, "because": "x"})
    assert phrases.phrase(event) == "R5: ask first (x)"


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, ""),
        ({"evidence": "none", "read": []}, ""),
        ({"evidence": "unknown", "read": []}, "; symptoms not known"),
        ({"evidence": "unplaced"}, "; a symptom that can't be placed"),
        (
            {
                "evidence": "read",
                "read": [
                    {"code": "fever", "words": "39度", "from": "chief_complaint"},
                    {"code": "cough", "words": "咳", "from": "chief_complaint"},
                    {"code": "dizziness", "words": "头晕", "from": "symptoms"},
                ],
            },
            (
                "; read in the complaint: fever (39度), cough (咳); "
                "symptoms as given: dizziness (头晕)"
            ),
        ),
    ],
)
def test_what_was_read_from_which_words_is_shown(inputs: dict[str, Any], said: str) -> None:
    decision = {"action": "ask", "rule": "R5", "inputs": inputs}
    event = an_event("call.decided", {"decision": decision, "because": "x"})
    assert phrases.phrase(event) == f"R5: ask first (x){said}"
    speak("zh")
    assert phrases.phrase(event).startswith("R5：")


def test_an_event_of_another_version_is_shown_without_a_phrase() -> None:
    assert "dog.barked" in phrases.line(an_event("dog.barked", {"at": None}))
    assert "–" in phrases.line(Event("t", 0, 0, NOW, None, {}, {}))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_can_not_be_read_is_shown_with_its_place_and_reason(language: str) -> None:
    speak(language)
    why = "has a header whose name is not UTF-8"
    event = Event("calls", 3, 17, NOW, "c-1", {"type": "call.received"}, {}, why)
    assert "calls/3/17" in phrases.line(event)
    assert said(why) in phrases.line(event)
    assert event.as_json()["unreadable"] == why


def test_json_may_hold_any_text() -> None:
    assert phrases.json_line({"a": "发热"}) == '{"a":"发热"}'
    assert phrases.json_line({"a": "\ud800"}) == '{"a": "\\ud800"}'


def test_every_phrase_names_fields_of_its_event() -> None:
    for language in LANGUAGES:
        for name, model in EVENTS.items():
            template = catalogue(language)[f"event.{name}"]
            fields = {
                field.partition(".")[0] for _, field, _, _ in Formatter().parse(template) if field
            }
            assert fields <= set(model.model_fields), (name, TOPIC_OF[name].name)


def test_whom_a_call_that_cannot_be_read_is_about_is_not_shown() -> None:
    speak("en")
    said = {
        "kind": "call_unreadable",
        "incident_id": None,
        "subject": "dispatch.calls/0/1",
        "at": "2022-12-23T00:00:00Z",
        "explanation": "a call can't be taken (dispatch.calls/0/1): body: is empty; address 1 road",
    }
    shown = phrases.phrase(an_event("escalation.raised", said))
    assert "body: is empty" in shown
    assert "road" not in shown


def test_what_an_explanation_repeats_of_a_sender_is_masked() -> None:
    explanation = "张三 13904700001 is refused too often"
    data = {"kind": "source_set_apart", "subject": "x", "explanation": explanation}
    told = phrases.phrase(an_event("escalation.raised", data))
    assert "张三" not in told
    assert "13904700001" not in told
    assert "is refused too often" in told
