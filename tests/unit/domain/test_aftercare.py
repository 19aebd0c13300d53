"""What is owed to a patient after the handover: the test's result, the follow-up."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dispatch.domain.model import Handover
from dispatch.topics.announcement import Announcement
from dispatch.topics.clocks import ClockBreached, ClockEndedLate, ClockMet, ClockStarted
from dispatch.topics.hospitals import FollowUpCompleted
from dispatch.topics.incidents import ResultRecorded
from dispatch.topics.reports import CaseReported
from tests.unit.domain.city_builder import (
    POSITIVE,
    UNDETERMINED,
    SmallCity,
    call,
    case,
    every,
    febrile,
    hospital,
    kinds,
    only,
    transfer_unit,
    unit,
    usual_hospitals,
)


def started(events: list[Announcement]) -> dict[str, ClockStarted]:
    wanted = ("result_fever_clinic", "result_other", "follow_up")
    return {each.kind: each for each in every(ClockStarted, events) if each.kind in wanted}


def fever_clinic() -> tuple[SmallCity, Handover, list[Announcement]]:
    """Return a city in which a patient was handed over at a fever clinic."""
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    events = city.run_to("U1", "at_hospital") + city.hand_over("U1")
    return city, city.known(Handover, "c1/A1/H1"), events


def test_a_result_at_a_fever_clinic_is_due_within_six_hours() -> None:
    city, handover, events = fever_clinic()
    [clock] = started(events).values()
    assert (clock.kind, clock.subject) == ("result_fever_clinic", handover.handover_id)
    assert (clock.due_at - clock.started_at).total_seconds() == 6 * 3_600
    city.pass_time(3_600)
    events = city.say(city.result(handover))
    recorded = only(ResultRecorded, events)
    assert (recorded.positive, recorded.case_status) == (False, None)
    assert only(ClockMet, events).took_seconds == 3_600


def test_a_result_at_a_designated_hospital_is_due_within_twelve_hours() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(case("c1"))
    [clock] = started(city.run_to("T1", "at_hospital")).values()
    assert started(city.hand_over("T1")) == {}
    assert clock.kind == "result_other"
    assert (clock.due_at - clock.started_at).total_seconds() == 12 * 3_600


def test_no_result_is_awaited_of_a_patient_who_is_not_tested() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    assert started(city.run_to("U1", "at_hospital") + city.hand_over("U1")) == {}


def test_a_result_is_due_from_the_arrival_whether_the_hospital_signs_or_not() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "transporting")
    city.say(city.acknowledges(city.handover("U1")))
    city.pass_time(600)
    arrived = city.now - timedelta(seconds=300)
    at_the_door = city.reported("U1", status="at_hospital").model_copy(update={"at": arrived})
    [clock] = started(city.say(at_the_door)).values()
    assert (clock.started_at, clock.subject) == (arrived, "c1/A1/H1")
    events = city.pass_time(6 * 3_600)
    assert [each.kind for each in every(ClockBreached, events)] == ["result_fever_clinic"]


def test_a_patient_who_is_found_to_need_a_test_at_the_hospital_is_waited_for_too() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    assert started(city.run_to("U1", "at_hospital")) == {}
    city.find("U1", case_status="confirmed")
    assert [*started(city.hand_over("U1"))] == ["result_other"]


def test_a_late_result_ends_the_limit_late() -> None:
    city, handover, _ = fever_clinic()
    assert "clock.breached" in kinds(city.pass_time(6 * 3_600))
    assert only(ClockEndedLate, city.say(city.result(handover))).kind == "result_fever_clinic"


def test_a_result_before_both_have_signed_meets_the_limit() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "at_hospital")
    events = city.say(city.result(city.handover("U1")))
    assert kinds(events) == ["result.recorded", "clock.met"]
    assert started(city.hand_over("U1")) == {}


def test_another_test_or_a_second_result_does_not_touch_the_limit() -> None:
    city, handover, _ = fever_clinic()
    assert kinds(city.say(city.result(handover, test="blood_count"))) == ["result.recorded"]
    assert "clock.met" in kinds(city.say(city.result(handover)))
    handover = city.known(Handover, handover.handover_id)
    assert kinds(city.say(city.result(handover))) == ["result.recorded"]


def test_a_negative_result_lowers_nothing() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(case("c1"))
    city.hand_over("T1")
    events = city.say(city.result(city.known(Handover, "c1/A1/H1")))
    assert every(CaseReported, events) == []
    assert city.incident("c1").case_status == "confirmed"


def test_a_positive_result_of_a_vehicle_that_has_left_has_it_disinfected() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.hand_over("U1")
    city.report("U1", "returning")
    events = city.say(city.result(city.known(Handover, "c1/A1/H1"), positive=True))
    assert "disinfection.ordered" in kinds(events)
    assert city.job("U1").incident_id == "c1"
    again = city.say(city.result(city.known(Handover, "c1/A1/H1"), positive=True, test="antigen"))
    assert kinds(again) == ["result.recorded"]


def test_a_result_that_belongs_to_nobody_is_refused() -> None:
    city, handover, _ = fever_clinic()
    unknown = city.result(replace(handover, handover_id="c9/A1/H1"))
    assert city.refusal(unknown) == "handover_id: is not a handover of this centre"
    elsewhere = city.result(replace(handover, hospital_id="second"))
    assert city.refusal(elsewhere) == "handover_id: was announced to another hospital"
    odd = city.result(handover, case_status="confirmed")
    assert city.refusal(odd) == "case_status: is given with a positive result only"
    ahead = city.result(handover, at=city.now + timedelta(seconds=301))
    assert city.refusal(ahead) == "at: is more than 300 s in the future"


def test_a_result_for_a_hospital_that_diverted_is_refused() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", POSITIVE, patient={"condition": "critical"}))
    handover = city.handover("U1")
    city.say(city.diverts(handover))
    assert city.refusal(city.result(handover)) == "handover_id: is diverted"


# -- follow-up


def followed() -> tuple[SmallCity, list[Announcement]]:
    """Return a city in which a recovered patient was brought home."""
    hospitals = [*usual_hospitals(), hospital("community", "community")]
    city = SmallCity(unit("U1"), hospitals=hospitals)
    city.say(call("c1"))
    city.run_to("U1", "at_hospital")
    city.city.load([replace(city.incident("c1"), transfer_kind="recovered")])
    return city, city.hand_over("U1")


def over(hospital_id: str = "community", handover_id: str = "c1/A1/H1", **more: Any) -> Any:
    body = {"hospital_id": hospital_id, "handover_id": handover_id, "by": "n1", **more}
    return FollowUpCompleted.model_validate(body)


def test_a_recovered_patient_is_followed_for_fourteen_days() -> None:
    city, events = followed()
    clock = started(events)["follow_up"]
    assert (clock.due_at - clock.started_at) == timedelta(days=14)
    city.pass_time(13 * 86_400)
    assert only(ClockMet, city.say(over(at=city.now))).kind == "follow_up"
    assert city.refusal(over(at=city.now)) == (
        "handover_id: the follow-up of its patient is over already"
    )


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (("nowhere", "c1/A1/H1"), "hospital_id: is not a hospital of this city"),
        (
            ("second", "c1/A1/H1"),
            "hospital_id: neither received the patient nor is one of the community",
        ),
        (("community", "c9/A1/H1"), "handover_id: is not a handover of this centre"),
    ],
)
def test_a_follow_up_of_nobody_is_refused(event: tuple[str, str], reason: str) -> None:
    city, _ = followed()
    assert city.refusal(over(*event, at=city.now)) == reason


def test_a_patient_who_is_not_followed_has_no_follow_up_to_complete() -> None:
    city, handover, _ = fever_clinic()
    event = over(handover.hospital_id, at=city.now)
    assert city.refusal(event) == "handover_id: its patient is not followed"
