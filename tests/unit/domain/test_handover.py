"""The hospital knows before the patient comes, answers, and signs."""

from datetime import timedelta

import pytest

from dispatch.topics.handovers import (
    HandoverAnnounced,
    HandoverClosed,
    HandoverReminded,
    HandoverUpdated,
    HandoverWithdrawn,
)
from dispatch.topics.orders import OrderAmended
from tests.unit.domain.city_builder import (
    ALL_NO,
    POSITIVE,
    UNDETERMINED,
    SmallCity,
    at,
    call,
    case,
    escalated,
    every,
    febrile,
    kinds,
    only,
    transfer_unit,
    unit,
)


def rolling() -> SmallCity:
    """Return a city whose unit U1 rolls to a febrile patient, its order acknowledged."""
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "rolling")
    return city


def test_the_announcement_says_who_comes_when_and_what_to_prepare() -> None:
    city = SmallCity(transfer_unit("T1"))
    patient = {"case_status": "confirmed", "name": "Li", "age": 60.0, "symptoms": ["fever"]}
    events = city.say(call("c1", patient=patient, special_needs="dialysis"))
    told = only(HandoverAnnounced, events)
    assert (told.hospital_id, told.reserve, told.place) == ("designated", "isolation", 1)
    assert (told.rule, told.crew, told.case_status) == ("R2", "transfer", "confirmed")
    assert told.tests == ["nucleic_acid", "blood_count"]
    assert "protective_coverall" in told.staff_ppe
    assert told.patient == {
        "name": "Li", "age": 60.0, "special_needs": "dialysis", "symptoms": ["fever"],
    }  # fmt: skip
    assert told.expected_at > city.now
    assert told.acknowledge_by == city.now + timedelta(seconds=300)


@pytest.mark.parametrize("history", [POSITIVE, UNDETERMINED, ALL_NO])
def test_a_febrile_patient_is_announced_with_the_order(history: dict[str, str]) -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    assert len(every(HandoverAnnounced, city.say(febrile("c1", history)))) == 1


def test_a_daily_emergency_is_announced_once_on_the_way() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    assert every(HandoverAnnounced, city.run_to("U1", "on_scene")) == []
    events = city.run_to("U1", "transporting")
    assert only(OrderAmended, events).hospital_id == only(HandoverAnnounced, events).hospital_id


# -- answers


def test_a_hospital_that_acknowledges_is_not_reminded() -> None:
    city = rolling()
    city.say(city.acknowledges(city.handover("U1")))
    assert kinds(city.pass_time(3_600)) == []


def test_a_silent_hospital_is_reminded_then_passed_over_then_escalated() -> None:
    city = rolling()
    assert only(HandoverReminded, city.pass_time(120)).hospital_id == "general"
    events = city.pass_time(180)
    assert only(HandoverWithdrawn, events).hospital_id == "general"
    assert only(HandoverAnnounced, events).hospital_id == "second"
    assert only(OrderAmended, events).hospital_id == "second"
    assert kinds(city.pass_time(300)) == ["handover.reminded"]
    assert escalated(city.pass_time(300)) == ["handover_unanswered"]
    assert city.handover("U1").hospital_id == "second"


def test_a_promised_room_is_not_given_up_for_a_hospital_without_one() -> None:
    city = rolling()
    city.report_hospital("second", rooms={"fever_clinic": 0})
    assert "handover.withdrawn" not in kinds(city.pass_time(300))
    assert escalated(city.pass_time(300)) == ["handover_unanswered"]


def test_a_diverted_patient_goes_to_the_next_hospital_and_the_crew_is_told() -> None:
    city = rolling()
    refused = city.handover("U1")
    events = city.say(city.diverts(refused))
    assert only(HandoverAnnounced, events).hospital_id == "second"
    assert only(OrderAmended, events).changed == {"hospital_id": "second"}
    assert city.refusal(city.acknowledges(refused)) == "handover_id: is diverted"
    assert city.refusal(city.found(refused)) == "handover_id: is diverted"
    assert "no_hospital" in escalated(city.say(city.diverts(city.handover("U1"))))


def test_a_patient_whom_every_hospital_diverted_is_asked_for_again() -> None:
    city = rolling()
    while (handover := city.city.assignments["c1/A1"].handover_id) is not None:
        events = city.say(city.diverts(city.city.handovers[handover]))
    assert "no_hospital" in escalated(events)
    events = city.pass_time(city.city.pack.handover.next_hospital_seconds)
    assert "handover.announced" in kinds(events)
    assert "order.amended" in kinds(events)


def test_answers_about_the_handover_of_others_are_refused() -> None:
    city = rolling()
    known = city.handover("U1")
    elsewhere = city.acknowledges(known).model_copy(update={"hospital_id": "second"})
    assert city.refusal(elsewhere) == "handover_id: was announced to another hospital"
    unknown = city.acknowledges(known).model_copy(update={"handover_id": "c9/A1/H1"})
    assert city.refusal(unknown) == "handover_id: is not a handover of this centre"
    city.cancel("c1")
    assert city.refusal(city.acknowledges(known)) == "handover_id: is withdrawn"


# -- the time of arrival


def test_a_later_arrival_is_pushed_and_a_small_change_is_not() -> None:
    city = rolling()
    city.say(city.acknowledges(city.handover("U1")))
    first = city.handover("U1").expected_at
    city.pass_time(200)
    assert every(HandoverUpdated, city.report("U1", position=at(111.60))) == []
    city.pass_time(200)
    update = only(HandoverUpdated, city.report("U1", position=at(111.60)))
    assert update.expected_at == first + timedelta(seconds=400)


def test_the_work_on_scene_counts_down_and_arrival_is_a_fact() -> None:
    city = rolling()
    city.run_to("U1", "on_scene")
    expected = city.handover("U1").expected_at
    city.pass_time(240)
    assert every(HandoverUpdated, city.report("U1", position=at(111.60))) == []
    assert city.handover("U1").expected_at == expected
    city.run_to("U1", "at_hospital")
    arrived = city.now
    city.pass_time(60)
    city.answer("c1", condition="critical")
    assert city.handover("U1").expected_at == arrived


# -- signatures


def test_the_record_is_closed_by_both_signatures_and_the_room_is_taken() -> None:
    city = rolling()
    city.run_to("U1", "at_hospital")
    handover = city.handover("U1")
    signed = city.say(city.crew_signs(handover))
    assert kinds(signed) == ["handover.progressed", "disinfection.ordered"]
    assert "by the crew already" in city.refusal(city.crew_signs(handover))
    closed = only(HandoverClosed, city.say(city.hospital_signs(handover)))
    assert (closed.signed_by_crew, closed.signed_by_hospital) == ("m1", "n1")
    assert closed.keeps_cases is False
    assert city.unit("U1").status == "handed_over"
    assert city.city.hospitals["general"].rooms["fever_clinic"] == 1


def test_a_hospital_that_signs_early_closes_the_record_on_arrival_and_the_crews_signature() -> None:
    city = rolling()
    handover = city.handover("U1")
    assert "not on board yet" in city.refusal(city.hospital_signs(handover))
    assert "not at the hospital" in city.refusal(city.crew_signs(handover))
    city.run_to("U1", "transporting")
    city.say(city.hospital_signs(city.handover("U1")))
    city.run_to("U1", "at_hospital")
    assert "handover.closed" in kinds(city.say(city.crew_signs(city.handover("U1"))))
    assert city.refusal(city.crew_signs(handover)) == "handover_id: is closed"


def test_another_units_crew_does_not_sign() -> None:
    city = rolling()
    city.city.load([unit("U2")])
    other = city.crew_signs(city.handover("U1")).model_copy(update={"unit_id": "U2"})
    assert city.refusal(other) == "handover_id: is another unit's handover"


def test_a_record_that_nobody_signs_is_escalated() -> None:
    city = rolling()
    city.say(city.acknowledges(city.handover("U1")))
    city.run_to("U1", "at_hospital")
    assert escalated(city.pass_time(1_799)) == []
    assert escalated(city.pass_time(1)) == ["handover_unsigned"]


@pytest.mark.parametrize(("late", "left"), [(600, 1_200), (0, 1_800), (99_999, 0)])
def test_the_limit_for_the_signatures_runs_from_the_arrival(late: int, left: int) -> None:
    city = rolling()
    city.say(city.acknowledges(city.handover("U1")))
    city.run_to("U1", "transporting")
    city.pass_time(900)
    # Heard of late, from a device whose clock may be wrong: never before the order.
    arrived = city.now - timedelta(seconds=late)
    city.say(city.reported("U1", status="at_hospital").model_copy(update={"at": arrived}))
    due = city.timers["handover_signatures/c1/A1/H1"].due_at
    earliest = city.assignment("U1").ordered_at + timedelta(seconds=1_800)
    assert due == max(city.now + timedelta(seconds=left), earliest)


# -- what is learnt on the way


def test_a_change_of_destination_withdraws_and_announces_anew() -> None:
    city = rolling()
    city.run_to("U1", "on_scene")
    events = city.answer("c1", epidemiology=POSITIVE)
    assert only(HandoverWithdrawn, events).hospital_id == "general"
    assert only(HandoverAnnounced, events).hospital_id == "designated"
    assert city.assignment("U1").ppe == "full"


def test_nothing_is_lowered_after_the_patient_is_met() -> None:
    city = SmallCity(transfer_unit("T1"), unit("U1"))
    city.say(case("c1"))
    city.run_to("T1", "on_scene")
    city.answer("c1", case_status="none", symptoms=[], epidemiology=ALL_NO)
    run = city.assignment("T1")
    assert (run.ppe, run.destination, run.disinfection) == (
        "full", "designated_hospital", "terminal",
    )  # fmt: skip
    assert city.handover("T1").hospital_id == "designated"


def test_before_the_patient_is_met_what_is_excluded_is_lowered_and_the_crew_swapped_back() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(febrile("c1", POSITIVE))
    assert city.assignment("T1").ppe == "full"
    events = city.answer("c1", epidemiology=ALL_NO)
    run = city.assignment("U1")
    assert (run.rule, run.ppe, run.disinfection) == ("R7", "enhanced", "routine")
    assert [kind for kind in kinds(events) if kind.startswith("order.")] == [
        "order.issued", "order.withdrawn",
    ]  # fmt: skip
    assert city.unit("T1").status == "returning"
    assert city.handover("U1").hospital_id == "general"
