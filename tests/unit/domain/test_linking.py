"""Repeat callers are linked, not dispatched again; a link can be undone."""

from typing import Any

import pytest

from dispatch.domain import linking
from dispatch.domain.linking import metres_apart
from dispatch.domain.model import Place, Position
from dispatch.policy.pack import Pack
from dispatch.topics.calls import Call
from dispatch.topics.incidents import CallLinked, LinkUndone
from dispatch.topics.orders import OrderIssued
from tests.unit.domain.city_builder import (
    POSITIVE,
    WEST,
    SmallCity,
    call,
    escalated,
    every,
    febrile,
    kinds,
    only,
    transfer_unit,
    unit,
    wanted,
)

PHONE = "13904700001"
OTHER = "13904700002"
FIRST: dict[str, Any] = {
    "chief_complaint": "severe chest pain",
    "caller": {"phone": PHONE},
    "patient": {"sex": "male", "age": 60.0},
}
NEAR = {"latitude": 40.8008, "longitude": 111.6}  # 89 m
BESIDE = {"latitude": 40.8018, "longitude": 111.6}  # 200 m
FAR = {"latitude": 40.9, "longitude": 111.6}
INSTITUTION = {"kind": "institution", "institution_id": "I1", "can_admit_suspected": True}


def second(**changes: Any) -> dict[str, Any]:
    return {**FIRST, **changes}


@pytest.mark.parametrize(
    "repeat",
    [
        second(),
        second(location=NEAR, caller={"phone": OTHER}, chief_complaint="chest pain"),
        second(location=NEAR, caller={}, patient={}),
        second(caller={"phone": "+86 139-0470-0001"}, chief_complaint="he is worse"),
        second(location=NEAR, caller={"phone": OTHER}, chief_complaint="心梗"),
        second(location=NEAR, caller={"phone": OTHER}, chief_complaint="胸口疼，出冷汗"),
        second(patient={"sex": "male", "age": 64.0}),
        second(patient={"sex": "男", "age": 60.0}),
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
        # One telephone, two exact places that contradict each other: two patients.
        second(location=FAR),
        second(location=FAR, caller={"phone": OTHER}),
        second(location=BESIDE),
        second(caller={"phone": OTHER}, chief_complaint="burnt hand"),
        second(patient={"sex": "female", "age": 60.0}),
        second(patient={"sex": "女", "age": 60.0}),
        second(patient={"sex": "male", "age": 66.0}),
        second(caller={"phone": PHONE} | INSTITUTION),
        {"caller": {"phone": PHONE}, "location": {"address": "somewhere"}},
    ],
)
def test_another_patient_is_not_linked_never_on_the_phone_alone(other: dict[str, Any]) -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST, patient_count=1))
    events = city.say(call("c2", **other))
    assert "call.linked" not in kinds(events)
    assert only(OrderIssued, events).incident_id == "c2"


def test_two_accounts_of_one_accident_are_one_with_the_higher_count() -> None:
    city = SmallCity(*(unit(f"U{n}") for n in range(6)))
    first = {"caller": {"phone": PHONE}, "chief_complaint": "车祸，3人受伤", "patient_count": 3}
    city.say(call("c1", **first, patient={"sex": "male"}))
    city.pass_time(60)
    other: dict[str, Any] = {
        "caller": {"phone": OTHER},
        "chief_complaint": "两车相撞，4个人受伤",
        "patient_count": 4,
        "patient": {"sex": "female"},
        "location": {"latitude": 40.800135, "longitude": 111.6},  # 15 m
    }
    events = city.say(call("c2", **other))
    linked = only(CallLinked, events)
    assert (linked.incident_id, linked.metres, linked.patient_count) == ("c1", 15.0, 4)
    assert len(every(OrderIssued, events)) == 1
    # Whoever counts fewer takes none away.
    fewer = city.say(call("c3", **other | {"caller": {"phone": "13904700003"}, "patient_count": 3}))
    assert only(CallLinked, fewer).patient_count == 4


@pytest.mark.parametrize("status", ["transporting", "at_hospital"])
def test_nobody_is_linked_to_a_run_that_has_left(status: str) -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST))
    city.run_to("U1", status)
    events = city.say(call("c2", **FIRST))
    assert kinds(events)[0] not in ("call.linked", "link.proposed")
    assert only(OrderIssued, events).unit_id == "U2"
    city.hand_over("U1")
    assert city.incident("c2").status == "assigned"


def test_nobody_is_linked_where_one_crew_of_several_has_left() -> None:
    city = SmallCity(unit("U1"), unit("U2"), unit("U3"))
    accident: dict[str, Any] = {"chief_complaint": "traffic accident", "patient_count": 2}
    city.say(call("c1", **accident))
    city.hand_over("U1")
    assert (
        only(OrderIssued, city.say(call("c2", **accident | {"patient_count": 1}))).unit_id == "U3"
    )


def test_a_repeat_is_linked_to_a_crew_that_is_still_on_scene() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST))
    city.run_to("U1", "on_scene")
    assert kinds(city.say(call("c2", **FIRST)))[0] == "call.linked"


@pytest.mark.parametrize(
    "nothing",
    [
        {"location": {"address": "地址不详 (address unknown)"}},
        {"location": {"address": "不详"}, "caller": {"phone": "00000000000"}},
        {"location": {"address": "-"}, "caller": {"phone": "11111111111"}},
        {"location": {"address": "unknown"}, "caller": {"phone": "12345678"}},
        {"location": {"address": "家里"}, "caller": {"phone": "13800000000"}},
        {"location": {"address": "?"}, "caller": {"phone": "13800138000"}},
        {"location": {"address": "..."}, "caller": {"phone": "unknown"}},
        {"location": {"address": "address unknown"}, "caller": {"phone": "110"}},
        {"location": {"address": "同上"}, "caller": {"phone": "139****0001"}},
        {
            "location": {"address": "现场"},
            "caller": {"name": "匿名"},
            "patient": {"name": "无名氏"},
        },
        {
            "location": {"address": "N/A"},
            "patient": {"name": "unknown", "symptoms": ["palpitations"]},
        },
        {"location": {"address": "无"}, "caller": {"name": "张先生"}, "patient": {"name": "张某"}},
        {"location": {"address": "路边"}, "patient": {"id_number": "000000000000000000"}},
    ],
)
def test_what_only_fills_a_field_makes_no_two_callers_one(nothing: dict[str, Any]) -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    complaint = {"chief_complaint": "胸痛"}
    city.say(call("c1", **complaint, **nothing))
    events = city.say(call("c2", **complaint, **nothing))
    assert not {"call.linked", "link.proposed"} & set(kinds(events))
    assert only(OrderIssued, events).incident_id == "c2"


def test_a_position_of_0_0_that_was_kept_is_no_place() -> None:
    nowhere = Place(position=Position(0.0, 0.0), source="caller", district=WEST)
    assert metres_apart(nowhere, nowhere) is None


def test_an_institution_calls_for_many_patients_and_is_linked_for_the_same_one_alone() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    ward = {"caller": INSTITUTION | {"phone": "1"}, "chief_complaint": "transfer, pneumonia"}
    city.say(call("c1", **ward, patient={"name": "Li"}))
    assert "call.linked" not in kinds(city.say(call("c2", **ward)))
    assert "call.linked" not in kinds(city.say(call("c3", **ward, patient={"name": "Wu"})))
    assert "call.linked" in kinds(city.say(call("c4", **ward, patient={"name": "Li"})))


def test_who_rings_for_themselves_does_not_wait_for_a_transfer_that_is_arranged() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(wanted("t1", {"name": "王小明"}, complaint="胸痛"))
    # The institution itself speaks of the same run.
    again = call("c1", caller=INSTITUTION, patient={"name": "王小明"}, chief_complaint="胸痛")
    assert only(CallLinked, city.say(again)).incident_id == "t1"
    patient = {"name": "王小明", "condition": "critical"}
    events = city.say(call("c2", patient=patient, chief_complaint="胸痛"))
    assert only(OrderIssued, events).unit_id == "U1"
    assert {"call.linked", "link.proposed"}.isdisjoint(kinds(events))


def test_of_an_incident_for_which_very_many_ring_a_call_is_compared_with_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    city = SmallCity(unit("U1"))
    fire: dict[str, Any] = {"chief_complaint": "hit by a car, bleeding"}
    for number in range(120):
        caller = {"phone": f"1390470{2000 + 7 * number}"}
        assert city.say(call(f"c{number}", **fire, caller=caller))
    compared: list[str] = []

    def counting(_mine: Call, other: Call, _pack: Pack) -> bool:
        compared.append(other.call_id)
        return True

    monkeypatch.setattr(linking, "_may_be_one", counting)
    # Somebody who rang in between rings again, from nearby.
    caller = {"phone": f"1390470{2000 + 7 * 60}"}
    events = city.say(call("again", caller=caller, location=NEAR))
    linked = only(CallLinked, events)
    assert (linked.incident_id, linked.same_phone) == ("c0", True)
    assert "c60" in compared
    assert len(compared) <= 41


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
    place = {"latitude": 40.8008, "longitude": 111.6}
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


def test_an_undone_link_leaves_no_incident_open_whose_own_patient_has_been_seen_to() -> None:
    city = SmallCity(unit("U1"), unit("U2"), unit("U3"))
    accident: dict[str, Any] = {"chief_complaint": "traffic accident"}
    city.say(call("c1", **accident))
    city.say(call("c2", **accident, patient_count=2))
    city.run_to("U1", "on_scene")
    city.end("U1", "empty", "patient_left")
    assert city.on_the_incident("c1") == ["U2"]
    city.unlink("c2")
    assert (city.incident("c1").status, city.incident("c1").outcome) == ("closed", "empty")
    assert city.incident("c2").status == "assigned"


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
