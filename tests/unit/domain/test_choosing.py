"""A patient is taken where what they need is to be had, also when they must be isolated."""

from dataclasses import replace
from typing import Any

import pytest

from dispatch.domain.choosing import HospitalChoice
from dispatch.policy.pack import load_pack
from dispatch.topics.handovers import HandoverAnnounced, HandoverUpdated, HandoverWithdrawn
from dispatch.topics.incidents import EscalationRaised, HospitalChosen, IncidentAssigned
from dispatch.topics.orders import OrderAmended, OrderIssued
from tests.unit.domain.city_builder import (
    ALL_NO,
    UNDETERMINED,
    WEST,
    SmallCity,
    at,
    call,
    case,
    escalated,
    every,
    febrile,
    hospital,
    kinds,
    only,
    transfer_unit,
    unit,
    wanted,
)

ISOLATING = ("ordinary", "fever_clinic", "emergency_buffer")
NEAR, FARTHER, FAR = at(111.62), at(111.65), at(111.95)  # FARTHER: 2.5 km on; FAR: 28 km


def two(capability: str, place: Any = FARTHER, **changes: Any) -> SmallCity:
    """Return a city with a near hospital that has nothing, and one that has a capability."""
    able: dict[str, Any] = {"position": place, "capabilities": (capability,)}
    return SmallCity(
        unit("U1"),
        hospitals=[
            hospital("near", *ISOLATING, position=NEAR),
            hospital("able", *ISOLATING, **able | changes),
        ],
    )


@pytest.mark.parametrize(
    ("changes", "capability"),
    [
        ({"chief_complaint": "发热，要生了"}, "obstetrics"),
        ({"chief_complaint": "in labour, with fever"}, "obstetrics"),
        ({"chief_complaint": "突发心梗，还咳嗽", "patient": {"symptoms": ["cough"]}}, "cardiac"),
        ({"chief_complaint": "heart attack and a cough"}, "cardiac"),
        ({"chief_complaint": "嘴歪，说话不清"}, "stroke"),
        ({"chief_complaint": "fell from a ladder"}, "trauma"),
        ({"chief_complaint": "开水烫伤"}, "burns"),
        ({"requirement": "透析"}, "dialysis"),
        ({"special_needs": "dialysis, oxygen"}, "dialysis"),
        ({"chief_complaint": "喝农药"}, "poisoning"),
        ({"chief_complaint": "chemotherapy last week"}, "oncology"),
        ({"preliminary_judgement": "精神分裂"}, "mental_health"),
        ({"special_needs": "pregnancy"}, "obstetrics"),
        ({"patient": {"symptoms": ["fever", "chest_pain"]}}, "cardiac"),
        ({"patient": {"symptoms": ["fever", "胸痛"]}}, "cardiac"),
        ({"patient": {"symptoms": ["fever", "obstetrics"]}}, "obstetrics"),
        ({"patient": {"age": 0.5}}, "paediatrics"),
        ({"patient": {"age": 13.9}}, "paediatrics"),
    ],
)
@pytest.mark.parametrize("history", [None, UNDETERMINED])
def test_a_febrile_patient_goes_to_the_isolating_hospital_that_has_what_they_need(
    changes: dict[str, Any], capability: str, history: dict[str, str] | None
) -> None:
    city = two(capability)
    city.say(febrile("c1", history, **changes))
    if city.incident("c1").status == "screening":
        city.answer("c1", epidemiology=UNDETERMINED)
    assert city.handover("U1").hospital_id == "able"
    assert city.handover("U1").needs == (capability,)
    assert "capability_lacking" not in escalated(each.event for each in city.history)


@pytest.mark.parametrize(
    ("changes", "at_once"),
    [
        ({"chief_complaint": "要生了"}, True),
        ({"chief_complaint": "chest pain"}, True),
        ({"chief_complaint": "中风"}, True),
        ({"requirement": "透析"}, True),
        ({"special_needs": "oncology"}, True),
        ({"patient": {"age": 3.0}}, True),
        ({"patient": {"age": 14.0}}, False),
        ({"chief_complaint": "broke his arm"}, False),
        ({"chief_complaint": "没有胸痛"}, False),
        ({}, False),
    ],
)
def test_what_is_never_delayed_gets_a_crew_at_once_with_the_questions_open(
    changes: dict[str, Any], at_once: bool
) -> None:
    city = two("cardiac")
    events = city.say(febrile("c1", **changes))
    assert bool(every(OrderIssued, events)) is at_once
    decision = city.incident("c1").decision
    assert decision is not None
    assert len(decision["questions"]) == 4
    if at_once:
        said = (decision["rule"], decision["crew"], decision["ppe"])
        assert said == ("R5W", "regular", "enhanced")


def test_the_trade_off_is_explained_in_both_languages() -> None:
    city = two("obstetrics")
    events = city.say(febrile("c1", UNDETERMINED, chief_complaint="要生了"))
    chosen = only(HospitalChosen, events)
    assert (chosen.hospital_id, chosen.nearest_id) == ("able", "near")
    assert (chosen.needs, chosen.lacking) == (["obstetrics"], [])
    assert chosen.extra_seconds == pytest.approx(0.03 * 84_200 * 1.35 / (40 / 3.6), rel=0.01)
    assert chosen.why["en"] == (
        "able has what is needed (obstetrics); it takes 5 min more than near, the nearest that "
        "suits, which lacks it (at most 20)"
    )
    assert chosen.why["zh"] == "able能收治（产科），比最近的near多走 5 分钟（上限 20 分钟）"
    assert "hospital_for_needs" in only(IncidentAssigned, events).why
    announced = only(HandoverAnnounced, events)
    assert (announced.needs, announced.lacking) == (["obstetrics"], [])


def test_a_hospital_nearer_than_the_first_choice_is_not_said_to_be_farther_on() -> None:
    own = hospital("own", "designated", jurisdiction=(WEST,), position=at(111.90))
    other = hospital("other", "designated", position=NEAR, capabilities=("dialysis",))
    city = SmallCity(transfer_unit("T1"), hospitals=[own, other])
    patient = {"case_status": "confirmed"}
    chosen = only(HospitalChosen, city.say(call("c1", patient=patient, requirement="透析")))
    assert (chosen.hospital_id, chosen.nearest_id) == ("other", "own")
    assert chosen.extra_seconds < 0
    assert chosen.why == {
        "zh": "other能收治（透析）", "en": "other has what is needed (dialysis)",
    }  # fmt: skip


def test_of_a_hospital_that_somebody_asked_for_nothing_is_said_but_what_it_has_and_lacks() -> None:
    city = two("obstetrics", capabilities=("obstetrics", "stroke"))
    city.city.load([hospital("asked", *ISOLATING, position=FAR, capabilities=("obstetrics",))])
    city.say(febrile("c1", UNDETERMINED, chief_complaint="要生了"))
    chosen = only(HospitalChosen, city.override("c1", hospital_id="asked"))
    assert chosen.why["en"] == "asked has what is needed (obstetrics)"
    chosen = only(HospitalChosen, city.override("c1", hospital_id="near"))
    assert chosen.why == {"zh": "near不具备：产科", "en": "near lacks obstetrics"}


def test_a_hospital_that_does_not_answer_keeps_who_needs_what_the_next_one_lacks() -> None:
    city = two("cardiac", position=NEAR)
    city.city.load([hospital("near", *ISOLATING, position=FARTHER)])
    city.say(febrile("c1", UNDETERMINED, chief_complaint="胸痛"))
    city.run_to("U1", "on_scene")
    events = city.pass_time(601)
    assert city.handover("U1").hospital_id == "able"
    assert escalated(events) == ["handover_unanswered"]
    # One that can do the same takes the patient.
    city = two("cardiac", position=NEAR)
    city.city.load([hospital("too", *ISOLATING, position=FARTHER, capabilities=("cardiac",))])
    city.say(febrile("c1", UNDETERMINED, chief_complaint="胸痛"))
    city.run_to("U1", "on_scene")
    assert only(HandoverAnnounced, city.pass_time(301)).hospital_id == "too"


def test_beyond_the_packs_extra_minutes_the_nearest_takes_the_patient_and_it_is_escalated() -> None:
    city = two("obstetrics", FAR)
    events = city.say(febrile("c1", UNDETERMINED, chief_complaint="要生了"))
    assert only(HandoverAnnounced, events).hospital_id == "near"
    assert escalated(events) == ["capability_lacking"]
    assert only(EscalationRaised, events).subject == "c1/A1/H1"
    assert "obstetrics (产科)" in only(EscalationRaised, events).explanation
    assert only(HospitalChosen, events).lacking == ["obstetrics"]
    assert "lacks obstetrics" in only(HospitalChosen, events).why["en"]
    assert "hospital_lacks_need" in only(IncidentAssigned, events).why


def test_an_ordinary_patient_is_taken_farther_than_one_who_is_isolated() -> None:
    city = two("burns", FAR)
    city.say(call("c1", chief_complaint="开水烫伤"))
    city.run_to("U1", "transporting")
    assert city.handover("U1").hospital_id == "able"


@pytest.mark.parametrize(
    "changes",
    [{"roles": ("ordinary",)}, {"status": "closed"}, {"rooms": {}}, {"service": "emptied"}],
)
def test_who_is_to_be_isolated_is_not_taken_where_that_cannot_be(changes: dict[str, Any]) -> None:
    city = two("obstetrics", **changes) if "roles" not in changes else two("obstetrics")
    if "roles" in changes:
        city.city.load([replace(city.city.hospitals["able"], **changes)])
    events = city.say(febrile("c1", UNDETERMINED, chief_complaint="要生了"))
    assert only(HandoverAnnounced, events).hospital_id == "near"
    assert "capability_lacking" in escalated(events)


def test_a_buffer_isolates_where_no_fever_clinic_has_what_is_needed() -> None:
    city = two("obstetrics")
    city.city.load([replace(city.city.hospitals["able"], roles=("ordinary", "emergency_buffer"))])
    events = city.say(febrile("c1", UNDETERMINED, chief_complaint="要生了"))
    announced = only(HandoverAnnounced, events)
    assert (announced.hospital_id, announced.reserve) == ("able", "buffer")
    plain = two("obstetrics")
    plain.city.load([replace(plain.city.hospitals["able"], roles=("ordinary", "emergency_buffer"))])
    assert only(HandoverAnnounced, plain.say(febrile("c1", UNDETERMINED))).hospital_id == "near"


def test_a_case_goes_to_the_designated_hospital_that_has_it_never_to_an_ordinary_one() -> None:
    city = SmallCity(
        transfer_unit("U1"),
        hospitals=[
            hospital("near", "designated", position=NEAR),
            hospital("able", "designated", position=FARTHER, capabilities=("obstetrics",)),
            hospital("other", *ISOLATING, position=NEAR, capabilities=("obstetrics",)),
        ],
    )
    confirmed = case("c1").model_copy(update={"chief_complaint": "临产"})
    assert only(HandoverAnnounced, city.say(confirmed)).hospital_id == "able"
    city.report_hospital("able", status="closed")
    assert city.handover("U1").hospital_id == "near"
    assert "capability_lacking" in escalated(city.step)


def test_of_several_needs_what_is_never_delayed_counts_first() -> None:
    city = SmallCity(
        unit("U1"),
        hospitals=[
            hospital("two", *ISOLATING, position=NEAR, capabilities=("trauma", "burns")),
            hospital("heart", *ISOLATING, position=FARTHER, capabilities=("cardiac",)),
        ],
    )
    said = "chest pain, fell, and burned his hand"
    events = city.say(febrile("c1", UNDETERMINED, chief_complaint=said))
    assert only(HandoverAnnounced, events).hospital_id == "heart"
    assert only(HospitalChosen, events).lacking == ["trauma", "burns"]
    assert escalated(events) == ["capability_lacking"]


def test_a_need_that_an_answer_brings_takes_the_patient_elsewhere() -> None:
    city = two("cardiac")
    city.say(febrile("c1", UNDETERMINED))
    assert city.handover("U1").hospital_id == "near"
    events = city.answer("c1", symptoms=["chest_pain"])
    assert only(HandoverWithdrawn, events).hospital_id == "near"
    assert only(HandoverAnnounced, events).hospital_id == "able"
    amended = only(OrderAmended, events)
    assert (amended.hospital_id, amended.changed["hospital_id"]) == ("able", "able")
    assert amended.handover_id == only(HandoverAnnounced, events).handover_id
    assert amended.changed["symptoms"] == ["fever", "chest_pain"]
    assert only(HospitalChosen, events).nearest_id == "near"


def test_a_room_that_is_promised_is_not_given_up_for_a_need_where_no_room_is() -> None:
    city = two("cardiac", rooms={})
    city.city.load([hospital("near", *ISOLATING, position=NEAR, rooms={"fever_clinic": 1})])
    city.say(febrile("c1", UNDETERMINED))
    events = city.answer("c1", symptoms=["chest_pain"])
    assert every(HandoverWithdrawn, events) == []
    assert (city.handover("U1").hospital_id, city.handover("U1").place) == ("near", 1)
    assert escalated(events) == ["capability_lacking"]


def test_a_need_that_comes_with_another_destination_is_seen_to_and_escalated_once() -> None:
    city = two("burns")
    city.say(febrile("c1", UNDETERMINED))
    events = city.answer("c1", symptoms=["chest_pain"], condition="critical")
    assert only(HandoverAnnounced, events).destination == "emergency_buffer"
    assert escalated(events) == ["capability_lacking"]
    assert only(OrderAmended, events).handover_id == city.handover("U1").handover_id


def test_a_need_that_comes_with_another_crew_is_escalated_once() -> None:
    city = SmallCity(
        unit("U1"),
        transfer_unit("T1"),
        hospitals=[
            hospital("near", *ISOLATING, position=NEAR),
            hospital("cases", "designated", position=FARTHER),
        ],
    )
    city.say(febrile("c1", UNDETERMINED))
    events = city.answer("c1", symptoms=["chest_pain"], case_status="confirmed")
    assert only(OrderIssued, events).unit_id == "T1"
    assert only(HandoverAnnounced, events).hospital_id == "cases"
    assert escalated(events).count("capability_lacking") == 1


def test_a_need_that_comes_too_late_is_escalated() -> None:
    city = two("cardiac")
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "at_hospital")
    events = city.answer("c1", symptoms=["chest_pain"])
    assert escalated(events) == ["capability_lacking"]
    assert city.handover("U1").hospital_id == "near"
    news = only(HandoverUpdated, events)
    assert (news.needs, news.lacking) == (["cardiac"], ["cardiac"])


def test_a_hospital_that_has_what_an_answer_asks_for_is_told_of_it() -> None:
    city = two("cardiac")
    city.city.load([hospital("near", *ISOLATING, position=NEAR, capabilities=("cardiac",))])
    city.say(febrile("c1", UNDETERMINED))
    news = only(HandoverUpdated, city.answer("c1", symptoms=["chest_pain"]))
    assert (news.hospital_id, news.needs, news.lacking) == ("near", ["cardiac"], [])


def test_a_symptom_that_is_taken_back_takes_its_need_along() -> None:
    city = two("cardiac")
    city.say(febrile("c1", chief_complaint="chest pain"))
    city.answer("c1", symptoms_taken_back=["chest_pain"])
    decision = city.incident("c1").decision
    assert decision is not None
    assert "needs" not in decision["inputs"]


def test_a_decision_of_an_earlier_pack_is_not_relied_on_for_needs() -> None:
    city = two("cardiac")
    city.say(call("c1", chief_complaint="胸痛"))
    incident = city.incident("c1")
    assert incident.decision is not None
    inputs = {k: v for k, v in incident.decision["inputs"].items() if k != "needs"}
    before = {"policy": {"pack": "covid-19", "version": "2022.2"}, "inputs": inputs}
    city.city.load([replace(incident, decision=incident.decision | before)])
    city.run_to("U1", "transporting")
    assert city.handover("U1").hospital_id == "able"


def test_a_dispatchers_hospital_that_lacks_it_stands_and_is_escalated() -> None:
    city = two("obstetrics")
    city.say(febrile("c1", UNDETERMINED, chief_complaint="要生了"))
    events = city.override("c1", hospital_id="near")
    assert only(HandoverAnnounced, events).hospital_id == "near"
    assert "capability_lacking" in escalated(events)


def test_nobody_needs_anything_of_a_hospital_by_default() -> None:
    city = two("obstetrics")
    events = city.say(febrile("c1", ALL_NO))
    assert every(HospitalChosen, events) == []
    assert only(HandoverAnnounced, events).needs == []
    assert HospitalChoice.__dataclass_fields__["needs"].default == ()


# -- transfers


@pytest.mark.parametrize("need", ["dialysis", "cardiac", "mental_health", "oncology", "poisoning"])
def test_what_hospitals_can_do_is_what_a_transfer_may_need(need: str) -> None:
    beds = {"isolation": 2}
    city = SmallCity(
        transfer_unit("U1"),
        hospitals=[
            hospital("near", "designated", position=NEAR, rooms=beds),
            hospital("able", "designated", position=FARTHER, rooms=beds, capabilities=(need,)),
        ],
    )
    city.say(wanted("t1", {"needs": [need]}))
    assert city.transfer("t1").hospital_id == "able"


@pytest.mark.parametrize("code", ["intellectual_disability", "secondary_contact"])
def test_populations_are_known_as_codes(code: str) -> None:
    city = SmallCity(transfer_unit("U1"))
    city.say(wanted("t1", {"needs": [code]}))
    assert city.transfer("t1").status == "offered"


@pytest.mark.parametrize("number", [150702202100000000, "", "x" * 3_000, None, ["1"], "441900"])
def test_no_transfer_is_refused_for_an_identity_number(number: Any) -> None:
    city = SmallCity(transfer_unit("U1"))
    city.say(wanted("t1", {"id_number": number}))
    assert city.transfer("t1").status == "offered"


def test_a_case_that_is_found_takes_its_needs_along_and_is_not_left_for_want_of_them() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(call("c1", chief_complaint="chest pain"))
    city.run_to("U1", "at_hospital")
    handover = city.handover("U1")
    city.hand_over("U1")
    city.say(city.found(handover))
    (transfer,) = city.city.transfers.values()
    assert transfer.patients[0].needs == ("cardiac",)
    assert transfer.status == "offered"
    assert transfer.offer_id is not None
    events = city.say(city.accepts(transfer.offer_id))
    assert "capability_lacking" in escalated(events)


def test_a_need_that_the_pack_lists_no_more_keeps_nobody_from_being_moved() -> None:
    pack = load_pack("covid-19")
    codes = {code: need for code, need in pack.needs.codes.items() if code != "intensive_care"}
    pack = pack.model_copy(update={"needs": pack.needs.model_copy(update={"codes": codes})})
    designated = hospital("designated", "designated", capabilities=("intensive_care",))
    city = SmallCity(
        unit("U1"),
        transfer_unit("T1"),
        pack=pack,
        hospitals=[hospital("g", "ordinary"), designated],
    )
    city.say(call("c1", special_needs="ventilator"))
    city.run_to("U1", "at_hospital")
    city.find("U1", case_status="confirmed")
    assert "transfer.offered" in kinds(city.hand_over("U1"))
    city.say(city.accepts(next(iter(city.city.offers))))
    assert city.unit("T1").status == "ordered"


# -- hospitals that close


@pytest.mark.parametrize(
    ("hospital_id", "told"),
    [("general", True), ("designated", True), ("reserve", True), ("ward", False)],
)
def test_one_that_isolates_and_closes_is_escalated_once(hospital_id: str, told: bool) -> None:
    city = SmallCity(unit("U1"))
    city.city.load([hospital("ward", "ordinary")])
    assert ("hospital_closed" in escalated(city.report_hospital(hospital_id, status="closed"))) is (
        told
    )
    city.pass_time(1)
    assert "hospital_closed" not in escalated(city.report_hospital(hospital_id, status="closed"))
    city.report_hospital(hospital_id, status="open")
    assert ("hospital_closed" in escalated(city.report_hospital(hospital_id, status="closed"))) is (
        told
    )


def test_a_patient_at_the_door_of_one_that_closes_is_escalated_and_stays() -> None:
    city = SmallCity(unit("U1"), hospitals=[hospital("ward", "ordinary")])
    city.say(call("c1"))
    city.run_to("U1", "at_hospital")
    events = city.report_hospital("ward", status="closed")
    raised = only(EscalationRaised, events)
    assert (raised.kind, raised.incident_id, raised.subject) == (
        "hospital_closed", "c1", "c1/A1/H1",
    )  # fmt: skip
    assert "closed with unit U1 and its patient at the door" in raised.explanation
    assert every(HandoverWithdrawn, events) == []
    # Of one whose patient it has taken in nothing is said.
    city.report_hospital("ward", status="open")
    city.say(city.hospital_signs(city.handover("U1")))
    assert escalated(city.report_hospital("ward", status="closed")) == []


def test_who_is_on_the_way_to_one_that_closes_goes_where_what_they_need_is_to_be_had() -> None:
    city = two("obstetrics")
    city.city.load(
        [hospital("third", *ISOLATING, position=at(111.66), capabilities=("obstetrics",))]
    )
    city.say(febrile("c1", UNDETERMINED, chief_complaint="要生了"))
    events = city.report_hospital("able", status="closed")
    assert only(HandoverAnnounced, events).hospital_id == "third"
    assert only(OrderAmended, events).hospital_id == "third"
    assert escalated(events) == ["hospital_closed"]
