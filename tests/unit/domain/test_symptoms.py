"""Words of callers: nobody waits for one, and any can be taken back; answers add."""

from typing import Any

from dispatch.domain import symptoms
from dispatch.domain.model import Handover
from dispatch.topics.handovers import HandoverAnnounced
from dispatch.topics.incidents import CallDecided
from dispatch.topics.orders import OrderAmended
from dispatch.topics.screenings import ScreeningRequested
from tests.unit.domain.city_builder import (
    ALL_NO,
    POSITIVE,
    SmallCity,
    call,
    case,
    kinds,
    only,
    transfer_unit,
    unit,
)

WORDS = "发热咳嗽三天"


def decided(city: SmallCity, call_id: str = "c1") -> dict[str, Any]:
    decision = city.incident(call_id).decision
    assert decision is not None
    return decision


def test_a_trigger_that_was_only_read_gets_a_crew_at_once_and_the_questions_stay_open() -> None:
    city = SmallCity(unit("U1"))
    events = city.say(call("c1", chief_complaint=WORDS))
    run = city.assignment("U1")
    assert (run.rule, run.crew, run.ppe) == ("R5W", "regular", "enhanced")
    request = only(ScreeningRequested, events)
    assert (len(request.questions), request.deadline) == (4, None)
    assert [each["code"] for each in decided(city)["inputs"]["read"]] == ["fever", "cough"]


def test_a_coded_trigger_waits_whatever_the_complaint_says() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", chief_complaint=WORDS, patient={"symptoms": ["发热"]}))
    assert city.incident("c1").status == "screening"


def test_what_cannot_be_placed_or_is_not_known_gets_a_protected_crew() -> None:
    city = SmallCity(unit("U1"), unit("U2"), unit("U3"))
    city.say(call("c1", patient={"symptoms": ["glow"]}))
    city.say(call("c2", patient={"symptoms": ["unknown"], "condition": "critical"}))
    assert [decided(city, each)["rule"] for each in ("c1", "c2")] == ["R8U", "R8U"]
    city.do(lambda city: setattr(city, "mode", "routine"))
    city.say(call("c3", patient={"symptoms": ["unknown"], "condition": "critical"}))
    assert decided(city, "c3")["rule"] == "R9"


def test_two_strangers_of_whom_nothing_is_known_are_two() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", patient={"symptoms": ["unknown"]}))
    city.say(call("c2", patient={"symptoms": ["unknown"]}))
    assert city.assignment("U2").incident_id == "c2"
    city.say(call("c3", patient={"symptoms": ["头痛"]}))
    assert "call.linked" in kinds(city.say(call("c4", patient={"symptoms": ["headache"]})))


def test_an_answer_adds_symptoms_and_takes_none_away() -> None:
    city = SmallCity(transfer_unit("T1"), unit("U1"))
    city.say(call("c1", patient={"symptoms": ["fever"]}, epidemiology=POSITIVE))
    assert city.assignment("T1").rule == "R2"
    assert "order.withdrawn" not in kinds(city.answer("c1", symptoms=["diarrhoea"]))
    assert city.incident("c1").symptoms == ("fever", "diarrhoea")
    assert city.answer("c1", symptoms=[]) == []
    assert city.assignment("T1").incident_id == "c1"


def test_a_word_that_was_read_can_be_taken_back_and_said_again() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", chief_complaint=WORDS))
    events = city.answer("c1", symptoms_taken_back=["发烧", "cough"])
    told = only(CallDecided, events)
    assert told.because == "an answer came in; taken back: fever, cough"
    assert told.decision["rule"] == "R9"
    assert told.decision["inputs"]["taken_back"] == ["fever", "cough"]
    assert only(OrderAmended, events).changed["ppe"] == "standard"
    city.answer("c1", symptoms=["cough"])
    assert decided(city)["rule"] == "R5W"
    assert city.incident("c1").taken_back == ("fever",)


def test_what_was_given_in_any_words_is_taken_back_by_its_code_or_to_the_letter() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", patient={"symptoms": ["發燒", "fevor", "glow", "headache"]}))
    city.answer("c1", symptoms_taken_back=["fever", "glow"])
    assert city.incident("c1").symptoms == ("headache",)
    assert decided(city)["rule"] == "R9"


def test_a_case_does_not_lose_its_crew_without_a_word() -> None:
    city = SmallCity(transfer_unit("T1"), unit("U1"))
    city.say(case("c1", symptoms=["fever"]))
    events = city.answer("c1", case_status="none", epidemiology=ALL_NO)
    told = only(CallDecided, events)
    assert told.because == "an answer came in; case status: confirmed -> none"
    events = city.answer("c1", epidemiology={"travel": "yes"})
    assert only(CallDecided, events).because == "an answer came in"
    events = city.answer("c1", epidemiology={"travel": "unknown"})
    assert only(CallDecided, events).because == "an answer came in; travel: yes -> unknown"


def test_a_repeat_callers_words_count_and_go_with_the_link() -> None:
    city = SmallCity(unit("U1"))
    told = {"caller": {"phone": "110"}}
    city.say(call("c1", chief_complaint="老人摔倒在家", **told))
    assert decided(city)["rule"] == "R9"
    events = city.say(call("c2", chief_complaint="老人摔倒在家,发烧", **told))
    assert "call.linked" in kinds(events)
    assert decided(city)["rule"] == "R5W"
    city.say(city.unlinked("c2"))
    assert decided(city)["rule"] == "R9"
    assert decided(city, "c2")["rule"] == "R5W"


def test_a_repeat_caller_who_says_it_again_is_believed() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", chief_complaint="老人摔倒在家,发烧"))
    city.answer("c1", symptoms_taken_back=["fever"])
    assert decided(city)["rule"] == "R9"
    city.say(call("c2", chief_complaint="老人摔倒在家,发烧了"))
    assert city.incident("c1").taken_back == ()
    assert decided(city)["rule"] == "R5W"


def test_the_hospital_is_told_what_was_read() -> None:
    city = SmallCity(unit("U1"))
    events = city.say(
        call("c1", chief_complaint=WORDS, patient={"symptoms": ["头晕", "glow", "不详"]})
    )
    patient = only(HandoverAnnounced, events).patient
    assert patient["symptoms"] == ["dizziness", "glow", "fever", "cough"]


def test_symptoms_stay_within_what_a_call_may_bring() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", patient={"symptoms": [f"glow {n}" for n in range(500)]}))
    city.answer("c1", symptoms=["fever"])
    assert len(city.incident("c1").symptoms) == 500
    assert decided(city)["inputs"]["evidence"] == "coded"
    assert symptoms.told(city.city, city.incident("c1"))[0] == "fever"


def test_of_many_callers_symptoms_no_more_are_told_than_an_institution_may_send() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    told = {"caller": {"phone": "110"}, "chief_complaint": WORDS}
    for number in (1, 2):
        many = [f"glow {number} {n}" for n in range(500)]
        patient = {"symptoms": many, "condition": "critical"}
        city.say(call(f"c{number}", patient=patient, epidemiology=POSITIVE, **told))
    assert city.city.calls["c2"].incident_id == "c1"
    city.hand_over("U1")
    events = city.say(city.result(city.known(Handover, "c1/A1/H1"), positive=True))
    assert "transfer.progressed" in kinds(events), "the centre organises the onward transfer"
    [onward] = city.city.transfers
    symptoms = city.city.calls[onward].content.patient.symptoms
    assert (len(symptoms), symptoms[:2]) == (500, ("fever", "cough"))
