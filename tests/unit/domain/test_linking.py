"""Repeat callers are linked, not dispatched again; a link can be undone."""

from typing import Any

import pytest

from dispatch.topics.incidents import CallLinked, LinkUndone
from dispatch.topics.orders import OrderIssued
from tests.unit.domain.city_builder import (
    POSITIVE,
    SmallCity,
    call,
    escalated,
    every,
    febrile,
    kinds,
    only,
    transfer_unit,
    unit,
)

FIRST: dict[str, Any] = {
    "chief_complaint": "severe chest pain",
    "caller": {"phone": "13800000000"},
    "patient": {"sex": "male", "age": 60.0},
}
NEAR = {"latitude": 40.801, "longitude": 111.6}  # 111 m
FAR = {"latitude": 40.9, "longitude": 111.6}
INSTITUTION = {"kind": "institution", "institution_id": "I1", "can_admit_suspected": True}


def second(**changes: Any) -> dict[str, Any]:
    return {**FIRST, **changes}


@pytest.mark.parametrize(
    "repeat",
    [
        second(),
        second(location=NEAR, caller={"phone": "2"}, chief_complaint="chest pain"),
        second(location=NEAR, caller={}, patient={}),
        second(location=FAR),
        second(patient={"sex": "male", "age": 64.0}),
        second(patient_count=1),
    ],
)
def test_a_repeat_is_linked_and_not_dispatched_again(repeat: dict[str, Any]) -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST))
    events = city.say(call("c2", **repeat))
    assert kinds(events)[0] == "call.linked"
    assert only(CallLinked, events).incident_id == "c1"
    assert every(OrderIssued, events) == []
    assert city.incident("c1").calls == ("c1", "c2")


@pytest.mark.parametrize(
    "other",
    [
        second(location=FAR, caller={"phone": "2"}),
        second(chief_complaint="burnt hand"),
        second(patient={"sex": "female", "age": 60.0}),
        second(patient={"sex": "male", "age": 66.0}),
        second(patient_count=2),
        second(caller={"phone": "13800000000"} | INSTITUTION),
        {"caller": {"phone": "13800000000"}},
    ],
)
def test_another_patient_is_not_linked_never_on_the_phone_alone(other: dict[str, Any]) -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST, patient_count=1))
    assert len(every(OrderIssued, city.say(call("c2", **other)))) == 1


def test_an_institution_calls_for_many_patients_and_is_linked_for_the_same_one_alone() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    ward = {"caller": INSTITUTION | {"phone": "1"}, "chief_complaint": "transfer, pneumonia"}
    city.say(call("c1", **ward, patient={"name": "Li"}))
    assert "call.linked" not in kinds(city.say(call("c2", **ward)))
    assert "call.linked" not in kinds(city.say(call("c3", **ward, patient={"name": "Wu"})))
    assert "call.linked" in kinds(city.say(call("c4", **ward, patient={"name": "Li"})))


def test_a_call_after_the_packs_window_or_after_the_end_is_a_new_incident() -> None:
    city = SmallCity(unit("U1"), unit("U2"), unit("U3"))
    city.say(call("c1", **FIRST))
    city.run_to("U1", "on_scene")
    city.pass_time(1_801)
    assert "call.linked" not in kinds(city.say(call("c2", **FIRST)))
    city.cancel("c2")
    city.hand_over("U1")
    assert "call.linked" not in kinds(city.say(call("c3", **FIRST)))


def test_the_nearer_of_two_like_incidents_is_meant() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    place = {"latitude": 40.8015, "longitude": 111.6}
    city.say(call("c1", chief_complaint="chest pain", patient={"sex": "male"}))
    city.say(call("c2", chief_complaint="chest pain", patient={"sex": "female"}, location=place))
    linked = only(CallLinked, city.say(call("c3", chief_complaint="chest pain", location=place)))
    assert (linked.incident_id, linked.metres) == ("c2", 0.0)


# -- what a repeat caller says beyond the first


def test_a_repeat_call_graver_than_the_first_decides_again() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(febrile("c1", POSITIVE | {"close_contact": "no"}))
    events = city.say(febrile("c2", POSITIVE))
    assert city.assignment("T1").rule == "R2"
    assert kinds(events)[0] == "call.linked"
    city.say(febrile("c3", {}, patient={"condition": "critical"}))
    assert city.incident("c1").condition == "critical"
    assert city.assignment("T1").rule == "R3"


def test_a_repeat_call_that_says_less_lowers_nothing() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", POSITIVE, patient={"condition": "critical"}))
    events = city.say(febrile("c2", dict.fromkeys(POSITIVE, "no")))
    assert kinds(events) == ["call.linked"]
    assert city.assignment("U1").rule == "R3"


def test_a_repeat_call_that_counts_the_patients_sends_the_units_they_need() -> None:
    city = SmallCity(*(unit(f"U{n}") for n in range(4)))
    city.say(call("c1", chief_complaint="traffic accident"))
    events = city.say(call("c2", chief_complaint="traffic accident", patient_count=3))
    assert len(every(OrderIssued, events)) == 2
    assert escalated(events) == ["mass_casualty"]


# -- unlinking


def test_an_undone_link_is_an_incident_of_its_own_and_is_dispatched() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST))
    city.say(call("c2", **FIRST))
    events = city.unlink("c2")
    assert kinds(events)[:3] == ["link.undone", "clock.started", "call.decided"]
    assert only(LinkUndone, events).incident_id == "c1"
    assert only(OrderIssued, events).incident_id == "c2"
    assert city.incident("c1").calls == ("c1",)
    assert city.refusal(city.unlinked("c2")) == "call_id: is not linked: it is unlinked"


def test_a_link_is_undone_even_after_its_incident_is_closed() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", **FIRST))
    city.say(call("c2", **FIRST))
    city.hand_over("U1")
    city.report("U1", "returning", "available")
    assert "c1" not in city.city.incidents
    city.unlink("c2")
    assert city.assignment("U1").incident_id == "c2"
    assert "c1" not in city.city.incidents


def test_a_call_that_opened_its_incident_is_not_unlinked() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    assert city.refusal(city.unlinked("c1")) == "call_id: is not linked: it is opened"


def test_what_a_wrongly_linked_call_said_is_taken_back_and_later_answers_stay() -> None:
    city = SmallCity(*(unit(f"U{n}") for n in range(5)))
    city.say(call("c1", chief_complaint="traffic accident"))
    worse: dict[str, Any] = {"condition": "critical", "symptoms": ["fever"]}
    city.say(call("c2", chief_complaint="traffic accident", patient=worse, patient_count=3))
    city.say(call("c3", chief_complaint="traffic accident", patient={"symptoms": ["cough"]}))
    city.answer("c1", case_status="suspected")
    assert len(city.incident("c1").assignments) == 3
    city.unlink("c2")
    corrected = city.incident("c1")
    assert (corrected.condition, corrected.patient_count) == ("stable", 1)
    assert corrected.symptoms == ("cough",)
    assert corrected.case_status == "suspected"
    assert corrected.decision is not None
    assert corrected.decision["rule"] == "R2"
    active = [a for a in city.city.assignments.values() if a.ended_at is None]
    assert sum(a.incident_id == "c1" for a in active) == 1
    assert sum(a.incident_id == "c2" for a in active) == 3
