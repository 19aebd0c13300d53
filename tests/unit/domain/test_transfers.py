"""A case that is found raises its own transfer to the designated hospital."""

from dispatch.domain.model import Handover
from dispatch.topics.incidents import CallDecided
from dispatch.topics.orders import OrderIssued
from dispatch.topics.reports import CaseReported
from tests.unit.domain.city_builder import (
    SmallCity,
    call,
    case,
    every,
    kinds,
    only,
    transfer_unit,
    unit,
)


def test_a_case_found_after_the_handover_is_reported_and_transferred_once() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(call("c1", patient={"condition": "critical", "name": "Li"}))
    city.hand_over("U1")
    handover = city.known(Handover, "c1/A1/H1")
    events = city.say(city.found(handover))
    report = only(CaseReported, events)
    assert (report.found_by, report.before, report.case_status) == ("hospital", "none", "confirmed")
    assert (report.due_at - report.at).total_seconds() == 7_200
    decided = only(CallDecided, events).decision
    assert (decided["rule"], decided["life_support"]) == ("R1", True)
    order = only(OrderIssued, events)
    assert (order.unit_id, order.destination, order.life_support) == (
        "T1", "designated_hospital", True,
    )  # fmt: skip
    assert order.scene.longitude == city.city.hospitals["general"].position.longitude
    assert every(OrderIssued, city.say(city.found(handover))) == []


def test_a_case_the_crew_finds_in_a_critical_patient_is_transferred_after_the_handover() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(call("c1", patient={"condition": "critical"}))
    city.run_to("U1", "on_scene")
    events = city.find("U1", case_status="suspected")
    assert only(CaseReported, events).found_by == "crew"
    assert city.assignment("U1").destination == "emergency_buffer"
    assert city.unit("T1").status == "available"
    events = city.hand_over("U1")
    assert only(OrderIssued, events).unit_id == "T1"


def test_a_case_found_on_the_way_goes_to_the_designated_hospital_itself() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(call("c1"))
    city.run_to("U1", "on_scene")
    city.find("U1")
    assert city.handover("U1").hospital_id == "designated"
    assert "order.issued" not in kinds(city.hand_over("U1"))


def test_no_transfer_follows_a_patient_known_as_a_case_before() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(case("c1", condition="critical"))
    assert "call.decided" not in kinds(city.hand_over("T1"))


def test_the_transfer_of_a_found_case_waits_like_any_other() -> None:
    city = SmallCity(unit("U1", vehicle="negative_pressure"))
    city.say(call("c1"))
    city.hand_over("U1")
    events = city.say(city.found(city.known(Handover, "c1/A1/H1")))
    assert "incident.queued" in kinds(events)
    (waiting,) = city.city.waiting
    assert "queue/" + waiting in city.timers
