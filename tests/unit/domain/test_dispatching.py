"""From a decision to a unit on its way: decide, order, queue, swap; nothing waits silently."""

from datetime import timedelta
from typing import Any

import pytest

from dispatch.topics.clocks import ClockBreached
from dispatch.topics.incidents import (
    CallDecided,
    EscalationRaised,
    IncidentAssigned,
    IncidentQueued,
)
from dispatch.topics.orders import OrderAmended, OrderIssued, OrderWithdrawn
from dispatch.topics.screenings import ScreeningExpired, ScreeningRequested
from tests.unit.domain.city_builder import (
    ALL_NO,
    POSITIVE,
    UNDETERMINED,
    SmallCity,
    at,
    call,
    case,
    escalated,
    febrile,
    kinds,
    only,
    transfer_unit,
    unit,
)


def test_a_patient_who_is_only_asked_about_has_a_deadline_and_then_a_crew() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1"))
    assert city.incident("c1").status == "screening"
    events = city.pass_time(60)
    assert only(ScreeningExpired, events).unasked == [
        "travel", "residence", "close_contact", "exposure",
    ]  # fmt: skip
    assert only(CallDecided, events).decision["rule"] == "R5T"
    assert city.assignment("U1").ppe == "enhanced"


def test_an_order_says_what_crew_and_driver_wear_and_for_how_long() -> None:
    city = SmallCity(unit("U1"))
    told = only(OrderIssued, city.say(febrile("c1", patient={"condition": "critical"}))).ppe
    worn = city.city.pack.protection.levels["enhanced"]
    assert (told.level, told.crew, told.driver) == ("enhanced", [*worn.crew], [*worn.driver])
    assert told.max_wear_minutes == 240


def test_symptoms_learnt_in_the_first_minute_leave_the_unit_on_its_way_and_dress_its_crew() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    events = city.answer("c1", symptoms=["fever"])
    assert city.incident("c1").status == "assigned"
    run = city.assignment("U1")
    assert (run.rule, run.ppe) == ("R5W", "enhanced")
    assert only(ScreeningRequested, events).deadline is None
    city.answer("c1", epidemiology=UNDETERMINED)
    assert city.incident("c1").status == "assigned"
    assert city.assignment("U1").rule == "R6"


def test_a_unit_forced_on_one_of_several_patients_leaves_the_others_in_the_queue() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", patient_count=3))
    assert city.incident("c1").status == "waiting"
    city.city.load([unit("U2")])
    city.override("c1", unit_id="U2")
    assert len(city.incident("c1").assignments) == 2
    assert city.incident("c1").status == "waiting"
    assert "queue/c1" in city.timers


def test_a_swap_within_an_incident_that_waits_for_more_leaves_it_waiting() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(febrile("c1", ALL_NO, patient_count=2))
    assert city.incident("c1").status == "waiting"
    city.answer("c1", epidemiology=POSITIVE)
    assert city.incident("c1").status == "assigned"
    assert city.assignment("T1").incident_id == city.assignment("U1").incident_id == "c1"


def test_a_forced_unit_replaces_one_that_has_not_met_its_patient() -> None:
    city = SmallCity(unit("U1"), unit("U2"), unit("U3"))
    city.say(call("c1", patient_count=2))
    first, second = (city.city.assignments[f"c1/A{n}"].unit_id for n in (1, 2))
    city.run_to(first, "on_scene")
    (other,) = {"U1", "U2", "U3"} - {first, second}
    city.override("c1", unit_id=other)
    assert city.unit(first).status == "on_scene"
    assert city.unit(second).status == "returning"


def test_a_patient_who_turns_critical_in_the_queue_is_escalated_sooner() -> None:
    city = SmallCity()
    city.say(call("c1"))
    city.answer("c1", condition="critical")
    assert escalated(city.pass_time(60)) == ["waiting_for_unit", "clock_breached"]
    assert escalated(city.pass_time(60)) == ["waiting_for_unit"]


def test_the_wait_for_a_transfer_crew_ends_with_what_it_was_for() -> None:
    city = SmallCity(transfer_unit("T1", status="disinfecting", job_id="j"))
    city.say(case("c1"))
    assert city.incident("c1").waiting_for == "transfer_crew"
    city.answer("c1", case_status="none", symptoms=["fever"], epidemiology=ALL_NO)
    assert city.incident("c1").waiting_for == "unit"
    assert "transfer_wait/c1" not in city.timers


def test_a_patient_does_not_wait_for_a_transfer_crew_that_went_out_of_service() -> None:
    city = SmallCity(transfer_unit("T1"), unit("U1", vehicle="negative_pressure"))
    city.say(case("c1"))
    city.hand_over("T1")
    city.report("T1", "disinfecting")
    city.say(case("c2"))
    assert city.incident("c2").waiting_for == "transfer_crew"
    events = city.report("T1", "out_of_service")
    assert escalated(events) == ["regular_instead_of_transfer"]
    assert city.assignment("U1").ppe == "full"


def test_a_patient_has_waited_since_the_beginning_whatever_is_waited_for() -> None:
    city = SmallCity(transfer_unit("T1", status="disinfecting", job_id="j"))
    city.say(case("c1"))
    since = city.now
    city.pass_time(500)
    city.report("T1", "out_of_service")
    assert (city.incident("c1").waiting_for, city.incident("c1").waiting_since) == ("unit", since)
    told = only(EscalationRaised, city.pass_time(100))
    assert told.explanation == "stable patient has waited 600 s for a unit"


def test_a_stable_case_waits_for_a_transfer_crew_and_then_goes_with_a_regular_one() -> None:
    city = SmallCity(
        transfer_unit("T1"),
        unit("U1"),
        unit("U2", vehicle="negative_pressure", station=at(111.65)),
    )
    city.say(case("c1"))
    city.hand_over("T1")
    city.report("T1", "disinfecting")
    queued = only(IncidentQueued, city.say(case("c2")))
    assert queued.until == city.now + timedelta(minutes=30)
    assert queued.passed_over == {"wrong_crew_kind": 2, "disinfecting": 1}
    events = city.pass_time(1_800)
    assert "regular_instead_of_transfer" in escalated(events)
    assert city.assignment("U2").ppe == "full"
    assert only(IncidentAssigned, events).why == [
        "own_district", "negative_pressure_first", "regular_instead_of_transfer",
    ]  # fmt: skip


def test_a_transfer_crew_that_is_disinfected_in_time_takes_the_case() -> None:
    city = SmallCity(transfer_unit("T1"), unit("U1"))
    city.say(case("c1"))
    city.hand_over("T1")
    city.report("T1", "disinfecting")
    city.pass_time(600)
    city.say(case("c2"))
    city.pass_time(1_300)
    city.say(city.certificate("T1"))
    assert city.assignment("T1").incident_id == "c2"


def test_many_patients_are_a_mass_casualty_even_before_a_unit_can_go() -> None:
    city = SmallCity()
    assert escalated(city.say(call("c1", patient_count=3))) == ["mass_casualty"]
    assert escalated(city.say(call("c2", patient_count=2))) == []


def test_a_family_with_fever_is_no_mass_casualty_until_somebody_is_worse() -> None:
    city = SmallCity()
    assert escalated(city.say(febrile("c1", POSITIVE, patient_count=3))) == []
    assert escalated(city.answer("c1", condition="critical")) == ["mass_casualty"]
    # It is told once.
    assert escalated(city.answer("c1", condition="stable")) == []
    assert escalated(city.answer("c1", condition="critical")) == []


@pytest.mark.parametrize(
    ("patients", "changes", "told"),
    [
        (9, {}, []),
        (10, {}, ["mass_casualty"]),
        (3, {"chief_complaint": "车祸"}, ["mass_casualty"]),
        (3, {"patient": {"condition": "unknown"}}, ["mass_casualty"]),
        (3, {"patient": {"symptoms": []}}, ["mass_casualty"]),
        (3, {"patient": {"symptoms": [], "case_status": "confirmed"}}, []),
        (3, {"patient": {"symptoms": []}, "chief_complaint": "房屋倒塌,咳嗽"}, ["mass_casualty"]),
    ],
)
def test_how_many_patients_are_a_mass_casualty(
    patients: int, changes: dict[str, Any], told: list[str]
) -> None:
    city = SmallCity()
    events = city.say(febrile("c1", UNDETERMINED, patient_count=patients, **changes))
    assert [kind for kind in escalated(events) if kind == "mass_casualty"] == told


def test_a_mass_casualty_is_told_again_when_there_are_more() -> None:
    same = {"chief_complaint": "traffic accident", "caller": {"phone": "13800000000"}}
    city = SmallCity()
    assert escalated(city.say(call("c1", patient_count=3, **same))) == ["mass_casualty"]
    assert escalated(city.say(call("c2", patient_count=3, **same))) == []
    assert escalated(city.say(call("c3", patient_count=5, **same))) == ["mass_casualty"]


# -- the dispatcher's last word


def test_a_unit_that_the_dispatcher_chose_stays_whatever_is_learnt_later() -> None:
    city = SmallCity(unit("U1"), unit("U2"), transfer_unit("T1"))
    city.say(febrile("c1", UNDETERMINED))
    city.override("c1", unit_id="U2")
    city.answer("c1", epidemiology=POSITIVE)
    assert city.assignment("U2").ppe == "full"
    assert city.unit("T1").status == "available"


def test_a_crew_kind_that_the_dispatcher_chose_stays_whatever_is_learnt_later() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(case("c1"))
    city.override("c1", crew="regular")
    assert city.assignment("U1").ppe == "full"
    city.answer("c1", case_status="suspected")
    assert city.assignment("U1").incident_id == "c1"


def test_a_forced_unit_is_ordered_before_the_other_is_released() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1"))
    events = city.override("c1", unit_id="U2")
    told = [kind for kind in kinds(events) if kind.startswith("order.")]
    assert told == ["order.issued", "order.withdrawn"]
    assert only(OrderIssued, events).unit_id == "U2"
    assert only(OrderWithdrawn, events).unit_id == "U1"


def test_the_crew_kind_asked_for_goes_even_where_both_kinds_are_in_one_pool() -> None:
    city = SmallCity(transfer_unit("T1"), unit("U1", station=at(111.7)), mode="routine")
    city.say(call("c1"))
    assert city.assignment("T1").crew == "transfer"
    city.override("c1", crew="regular")
    assert city.assignment("U1").incident_id == "c1"


def test_no_crew_is_changed_that_has_met_the_patient_and_none_that_is_not_there() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1", staffed=False))
    city.say(call("c1"))
    assert "no transfer crew" in city.refusal(city.overridden("c1", crew="transfer"))
    city.run_to("U1", "on_scene")
    assert "met the patient" in city.refusal(city.overridden("c1", crew="transfer"))


def test_units_that_cannot_be_forced() -> None:
    city = SmallCity(*(unit(f"U{n}") for n in range(1, 4)), unit("U9", staffed=False))
    city.say(febrile("c1", UNDETERMINED))
    city.hand_over("U1")
    city.say(call("c2"))
    city.say(call("c3", location={"latitude": 40.9, "longitude": 111.6}))
    city.report("U3", "rolling")
    for unit_id, why in (
        ("U1", "not disinfected"), ("U3", "assigned already"), ("U9", "unstaffed"),
        ("U0", "not a unit"),
    ):  # fmt: skip
        assert why in city.refusal(city.overridden("c2", unit_id=unit_id))


def test_a_held_patient_waits_for_the_dispatcher_but_not_for_ever() -> None:
    city = SmallCity(unit("U1", staffed=False))
    city.say(call("c1"))
    city.hold("c1")
    city.report("U1", staffed=True)
    assert city.unit("U1").status == "available"
    assert "is held" in city.refusal(city.overridden("c1", unit_id="U1"))
    events = city.pass_time(600)
    assert "incident.resumed" in kinds(events)
    assert city.assignment("U1").incident_id == "c1"
    assert "a unit is on its way" not in city.refusal(city.resumed("c1"))
    assert city.refusal(city.held("c1")).startswith("call_id: cannot be held")


def test_a_hold_until_a_time_that_has_passed_is_refused() -> None:
    city = SmallCity()
    city.say(call("c1"))
    assert city.refusal(city.held("c1", until=city.now)) == "until: has passed"


# -- a unit that fails


def test_an_order_that_is_not_acknowledged_goes_to_the_next_unit() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1"))
    events = city.pass_time(60)
    assert escalated(events) == ["run_unanswered"]
    assert only(OrderWithdrawn, events).unit_id == "U1"
    assert city.unit("U1").status == "out_of_service"
    assert city.assignment("U2").incident_id == "c1"
    city.say(city.acknowledged("U2"))
    events = city.pass_time(180)
    assert escalated(events) == ["clock_breached"]
    assert only(ClockBreached, events).kind == "order_to_rolling"


def test_a_refused_order_goes_to_the_next_unit() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1"))
    assert escalated(city.end("U1", "refused", "crew_incomplete")) == ["run_refused"]
    assert city.assignment("U2").incident_id == "c1"
    city.run_to("U2", "rolling")
    assert "refused before it starts" in city.refusal(city.ended("U2", "refused", "vehicle_fault"))


def test_a_unit_that_failed_and_reported_itself_back_goes_when_the_next_one_fails() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1"))
    city.end("U1", "refused", "crew_incomplete")
    city.report("U1", "available")
    city.end("U2", "refused", "vehicle_fault")
    assert city.assignment("U1").incident_id == "c1"


def test_a_transfer_that_turns_critical_is_told_to_bring_life_support() -> None:
    city = SmallCity(transfer_unit("T1"))
    institution = {"kind": "institution", "institution_id": "I1", "can_admit_suspected": False}
    events = city.say(call("c1", caller=institution, patient={"case_status": "confirmed"}))
    assert not only(OrderIssued, events).life_support
    events = city.answer("c1", condition="critical")
    assert only(OrderAmended, events).changed == {"condition": "critical", "life_support": True}
    city.run_to("T1", "on_scene")
    assert only(OrderAmended, city.answer("c1", condition="stable")).changed == {
        "condition": "stable"
    }
