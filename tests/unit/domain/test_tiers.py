"""Tiers of hospitals for cases: the next is called in half full, and never shared with others."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.domain.fleet import report_duties
from dispatch.domain.model import Hospital
from dispatch.topics.announcement import Announcement
from dispatch.topics.beds import ServiceChanged, TierStepped
from dispatch.topics.clocks import ClockBreached, ClockMet, ClockStarted, ClockStopped
from dispatch.topics.handovers import HandoverAnnounced
from dispatch.topics.hospitals import HospitalReported
from dispatch.topics.incidents import EscalationRaised
from dispatch.topics.reports import DutiesReported
from tests.unit.domain.city_builder import (
    SmallCity,
    at,
    call,
    case,
    every,
    hospital,
    kinds,
    only,
    transfer_unit,
    unit,
)

EMPTY = {"emergency": 20, "isolation": 30}


def tiers(**free: int) -> list[Hospital]:
    """Return a hospital of each tier, with so many beds for cases free; the rest is taken."""
    return [
        hospital(
            "D", "designated", capacity={"isolation": 10, "icu": 10},
            rooms={"isolation": 10, "icu": 10} | free,
        ),
        hospital(
            "R", "reserve_designated", "ordinary", capacity=EMPTY, position=at(111.63),
            rooms={"emergency": 12, "isolation": 30},
        ),
        hospital(
            "F", "temporary", capacity={"isolation": 200}, rooms={"isolation": 200},
            service="standby",
        ),
    ]  # fmt: skip


def called_in(*entities: Any) -> SmallCity:
    """Return a city whose reserve hospital has been called in just now."""
    city = SmallCity(*entities, hospitals=tiers())
    city.report_hospital("D", rooms={"isolation": 0})
    assert service(city, "R") == "emptying"
    return city


def service(city: SmallCity, hospital_id: str) -> str:
    return city.city.hospitals[hospital_id].service


def put_in_service(city: SmallCity) -> list[Announcement]:
    events = city.report_hospital("R", rooms={"emergency": 20}, service="emptied")
    return events + city.report_hospital("R", service="cases")


# -- calling in


def test_half_full_the_designated_tier_calls_the_reserve_in_with_its_limits() -> None:
    city = SmallCity(hospitals=tiers())
    assert city.report_hospital("D", rooms={"isolation": 1}) == []
    events = city.report_hospital("D", rooms={"icu": 9})
    stepped = only(TierStepped, events)
    assert (stepped.hospital_id, stepped.step, stepped.tier) == (
        "R",
        "reserve_called",
        "designated",
    )
    assert (stepped.occupied, stepped.capacity, stepped.share) == (10, 20, 0.5)
    assert stepped.emptied_by == city.now + timedelta(hours=24)
    assert stepped.in_service_by == city.now + timedelta(hours=48)
    changed = only(ServiceChanged, events)
    assert (changed.before, changed.service) == ("ordinary", "emptying")
    assert changed.because == "the designated tier is at 10 of 20 beds"
    started = {clock.kind: clock for clock in every(ClockStarted, events)}
    assert started.keys() == {"reserve_emptied", "reserve_in_service"}
    assert {clock.owner for clock in started.values()} == {"city"}
    assert {clock.subject for clock in started.values()} == {"R"}
    assert started["reserve_emptied"].due_at == stepped.emptied_by


def test_a_promised_bed_counts_as_taken() -> None:
    city = SmallCity(transfer_unit("U1"), hospitals=tiers(isolation=1))
    assert only(TierStepped, city.say(case("c1"))).occupied == 10


def test_a_tier_is_called_in_once() -> None:
    city = called_in()
    assert every(TierStepped, city.report_hospital("D", rooms={"icu": 0})) == []
    put_in_service(city)
    assert every(TierStepped, city.report_hospital("D", rooms={"icu": 1})) == []


def test_the_tier_before_counts_with_the_beds_in_service_alone() -> None:
    city = SmallCity(hospitals=tiers())
    city.report_hospital("R", rooms={"isolation": 0})
    assert (service(city, "R"), service(city, "F")) == ("ordinary", "standby")


def test_a_hospital_that_is_empty_already_is_only_to_be_in_service() -> None:
    city = SmallCity(hospitals=tiers())
    city.report_hospital("R", service="emptying")
    city.report_hospital("R", rooms={"emergency": 20}, service="emptied")
    events = city.report_hospital("D", rooms={"isolation": 0})
    assert only(TierStepped, events).emptied_by is None
    assert only(ClockStarted, events).kind == "reserve_in_service"
    assert every(ServiceChanged, events) == []


def test_half_full_the_reserve_opens_the_temporary_hospital() -> None:
    city = called_in()
    put_in_service(city)
    assert city.report_hospital("R", rooms={"isolation": 16}) == []
    events = city.report_hospital("R", rooms={"isolation": 15})
    stepped = only(TierStepped, events)
    assert (stepped.hospital_id, stepped.step, stepped.tier, stepped.emptied_by) == (
        "F", "temporary_opened", "reserve_designated", None,
    )  # fmt: skip
    assert only(ClockStarted, events).kind == "temporary_in_service"
    assert city.report_hospital("R", rooms={"isolation": 14}) == []
    events = city.report_hospital("F", service="cases")
    assert only(ClockMet, events).kind == "temporary_in_service"


# -- no tier left


def said_last(events: list[Announcement]) -> list[str]:
    raised = every(EscalationRaised, events)
    return [each.explanation for each in raised if each.kind == "last_tier_filling"]


def test_a_last_tier_that_fills_up_is_told_once_until_it_has_been_empty() -> None:
    city = SmallCity(hospitals=tiers()[:1])
    told = "the designated tier is at {} of 20 beds, and the city has no tier after it to be called"
    assert city.report_hospital("D", rooms={"isolation": 1}) == []
    assert said_last(city.report_hospital("D", rooms={"isolation": 0})) == [f"{told.format(10)} in"]
    assert city.report_hospital("D", rooms={"isolation": 1}) == []
    assert city.report_hospital("D", rooms={"isolation": 0, "icu": 0}) == []
    assert city.report_hospital("D", rooms={"isolation": 10, "icu": 10}) == []
    assert said_last(city.report_hospital("D", rooms={"icu": 0})) == [f"{told.format(10)} in"]


def test_the_temporary_hospital_is_the_last_tier_where_there_is_one() -> None:
    city = called_in()
    put_in_service(city)
    assert said_last(city.report_hospital("R", rooms={"isolation": 15})) == []
    city.report_hospital("F", service="cases")
    (said,) = said_last(city.report_hospital("F", rooms={"isolation": 100}))
    assert said.startswith("the temporary tier is at 100 of 200 beds")


def test_a_city_without_a_reserve_opens_the_temporary_hospital_next() -> None:
    designated, _, temporary = tiers()
    city = SmallCity(hospitals=[designated, temporary])
    events = city.report_hospital("D", rooms={"isolation": 0})
    stepped = only(TierStepped, events)
    assert (stepped.hospital_id, stepped.step, stepped.tier) == (
        "F", "temporary_opened", "designated",
    )  # fmt: skip
    assert said_last(events) == []
    city.report_hospital("F", service="cases")
    assert refusal(city, "F", "standby").endswith("the designated tier is at 10 of 20 beds")


# -- limits


def test_the_limits_hold_over_the_end_of_a_month() -> None:
    city = SmallCity(hospitals=tiers())
    city.pass_time((datetime(2023, 2, 28, 15, 30, tzinfo=UTC) - city.now).total_seconds())
    events = city.report_hospital("D", rooms={"isolation": 0})
    assert only(TierStepped, events).emptied_by == datetime(2023, 3, 1, 15, 30, tzinfo=UTC)
    assert only(TierStepped, events).in_service_by == datetime(2023, 3, 2, 15, 30, tzinfo=UTC)
    assert every(ClockBreached, city.pass_time(24 * 3600 - 1)) == []
    assert only(ClockBreached, city.pass_time(1)).kind == "reserve_emptied"
    events = city.report_hospital("R", rooms={"emergency": 20}, service="emptied")
    assert kinds(events) == ["service.changed", "clock.ended_late"]
    city.pass_time(24 * 3600 - 1)
    events = city.report_hospital("R", service="cases")
    assert only(ClockMet, events).took_seconds == 48 * 3600 - 1
    assert city.pass_time(1_000_000) == []


def test_the_limits_are_met_by_what_the_hospital_reports() -> None:
    city = called_in()
    city.pass_time(3_600)
    events = put_in_service(city)
    assert [clock.kind for clock in every(ClockMet, events)] == [
        "reserve_emptied", "reserve_in_service",
    ]  # fmt: skip
    assert [change.service for change in every(ServiceChanged, events)] == ["emptied", "cases"]


def test_a_tier_that_was_stood_down_is_called_in_again() -> None:
    city = called_in()
    city.report_hospital("D", rooms={"isolation": 9})
    events = city.report_hospital("R", service="ordinary")
    assert [clock.kind for clock in every(ClockStopped, events)] == [
        "reserve_emptied", "reserve_in_service",
    ]  # fmt: skip
    assert every(TierStepped, events) == []
    events = city.report_hospital("D", rooms={"isolation": 0})
    assert only(TierStepped, events).hospital_id == "R"
    assert len(every(ClockStarted, events)) == 2


def test_a_tier_is_not_stood_down_while_the_one_before_it_is_half_full() -> None:
    city = called_in()
    put_in_service(city)
    city.report_hospital("R", rooms={"isolation": 15})
    city.report_hospital("F", service="cases")
    needed = "service: the hospital is needed for cases: the reserve_designated tier is at 15 of 30"
    assert refusal(city, "F", "standby") == f"{needed} beds"
    city.report_hospital("R", rooms={"isolation": 30})
    needed = "service: the hospital is needed for cases: the designated tier is at 10 of 20 beds"
    assert refusal(city, "R", "ordinary") == needed
    city.report_hospital("F", service="standby")
    city.report_hospital("D", rooms={"isolation": 10})
    city.report_hospital("R", service="ordinary")
    assert (service(city, "R"), service(city, "F")) == ("ordinary", "standby")


# -- whom a hospital is for


def refusal(city: SmallCity, hospital_id: str, service: str, **more: Any) -> str:
    body = {"hospital_id": hospital_id, "at": city.now, "service": service}
    return city.refusal(HospitalReported.model_validate(body | more))


@pytest.mark.parametrize(
    ("hospital_id", "wanted", "legal"),
    [
        ("R", "cases", "ordinary cannot be followed by cases (legal: emptying)"),
        ("R", "emptied", "ordinary cannot be followed by emptied (legal: emptying)"),
        ("R", "standby", "ordinary cannot be followed by standby (legal: emptying)"),
        ("F", "ordinary", "standby cannot be followed by ordinary (legal: cases)"),
        ("D", "emptying", "cases cannot be followed by emptying (legal: ordinary, standby)"),
        ("D", "standby", "standby is for temporary hospitals alone"),
    ],
)
def test_what_may_not_follow_is_refused(hospital_id: str, wanted: str, legal: str) -> None:
    city = SmallCity(hospitals=tiers())
    assert refusal(city, hospital_id, wanted) == f"service: {legal}"


def test_a_hospital_is_not_emptied_while_ordinary_patients_are_there_or_expected() -> None:
    city = SmallCity(unit("U1"), hospitals=tiers())
    city.say(call("c1"))
    city.run_to("U1", "transporting")
    city.report_hospital("R", service="emptying")
    assert refusal(city, "R", "emptied") == (
        "service: 9 beds are taken by or promised to ordinary patients"
    )
    why = refusal(city, "R", "emptied", rooms={"emergency": 20})
    assert why == "service: 1 beds are taken by or promised to ordinary patients"
    city.hand_over("U1")
    city.report_hospital("R", rooms={"emergency": 20}, service="emptied")
    assert service(city, "R") == "emptied"


def test_cases_must_be_gone_before_others_come() -> None:
    city = SmallCity(hospitals=tiers(isolation=9))
    assert refusal(city, "D", "ordinary") == "service: 1 beds are taken by or promised to cases"
    events = city.report_hospital("D", service="ordinary", rooms={"isolation": 10})
    assert only(ServiceChanged, events).before == "cases"


def test_a_report_of_the_same_service_changes_nothing() -> None:
    assert SmallCity(hospitals=tiers()).report_hospital("D", service="cases") == []


def test_cases_and_others_never_share_a_hospital() -> None:
    city = called_in(transfer_unit("T1"), transfer_unit("T2"), unit("U1"))
    city.city.load([hospital("far", "ordinary", position=at(112.5))])
    city.report_hospital("D", rooms={"icu": 0})
    city.say(call("c1"))
    events = city.run_to("U1", "transporting")
    assert only(HandoverAnnounced, events).hospital_id == "far"
    first = only(HandoverAnnounced, city.say(case("c2")))
    assert (first.hospital_id, first.place) == ("D", None)
    put_in_service(city)
    second = only(HandoverAnnounced, city.say(call("c3", **elsewhere(case_status="confirmed"))))
    assert second.hospital_id == "R"


def elsewhere(**patient: Any) -> dict[str, Any]:
    return {"patient": patient, "location": {"latitude": 40.9, "longitude": 111.6}}


# -- duties


def duties(city: SmallCity) -> dict[str, float]:
    city.city.begin(now=city.now, cause="duties")
    report_duties(city.city)
    report = only(DutiesReported, city._settle())
    return {each["duty"]: each["has"] for each in report.shortfalls if each["district"] is None}


def test_too_few_beds_for_cases_and_too_few_of_them_in_intensive_care_fall_short() -> None:
    city = SmallCity(
        transfer_unit("T1"),
        hospitals=[
            hospital(
                "D",
                "designated",
                capacity={"isolation": 90, "icu": 8},
                rooms={"isolation": 90},
            ),
            hospital("general", "ordinary", capacity={"ward": 900, "emergency": 100, "icu": 50}),
        ],
    )
    assert duties(city) == {"case_bed_share": 0.098, "intensive_share": 8 / 98}
    (report,) = city.report_hospital("D", capacity={"icu": 10})
    assert isinstance(report, DutiesReported)
    assert duties(city) == {}
    assert city.report_hospital("D", capacity={"icu": 11}) == []


def test_a_city_without_beds_owes_none() -> None:
    assert duties(SmallCity(transfer_unit("T1"))) == {}
