"""Cases who decline transport, and patients who leave before the result."""

from typing import Any

import pytest

from dispatch.domain.model import Handover
from dispatch.topics.commission import ReportAcknowledged
from dispatch.topics.hospitals import BedFreed, PatientLeft
from dispatch.topics.incidents import EscalationRaised
from dispatch.topics.reports import DepartureReported, ReportSettled
from tests.unit.domain.city_builder import (
    ALL_NO,
    UNDETERMINED,
    SmallCity,
    call,
    case,
    escalated,
    every,
    febrile,
    only,
    transfer_unit,
    unit,
)


def left(city: SmallCity, handover: Handover, **more: Any) -> PatientLeft:
    body = {"hospital_id": handover.hospital_id, "handover_id": handover.handover_id}
    return PatientLeft.model_validate(body | {"at": city.now} | more)


def freed(city: SmallCity, handover: Handover, outcome: str) -> BedFreed:
    body = {"hospital_id": handover.hospital_id, "room": handover.room, "at": city.now}
    return BedFreed.model_validate(body | {"promise_id": handover.handover_id, "outcome": outcome})


def received() -> tuple[SmallCity, Handover]:
    """Return a city in which a fever clinic has received a patient."""
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "at_hospital")
    handover = city.handover("U1")
    city.hand_over("U1")
    return city, handover


@pytest.mark.parametrize("reason", ["transport_declined", "patient_left"])
def test_a_case_who_declines_transport_is_escalated_and_reported(reason: str) -> None:
    city = SmallCity(transfer_unit("U1"))
    city.say(case("c1", name="Li"))
    city.run_to("U1", "on_scene")
    events = city.end("U1", "empty", reason)
    assert escalated(events) == ["transport_declined"]
    assert only(EscalationRaised, events).subject == "c1/A1"
    report = only(DepartureReported, events)
    assert (report.reason, report.case_status) == ("transport_declined", "confirmed")
    assert report.content["patients"] == [{"name": "Li"}]
    assert report.handover_id is None


@pytest.mark.parametrize(
    ("opening", "reason"),
    [
        (call("c1"), "transport_declined"),
        (febrile("c1", ALL_NO), "transport_declined"),
        (case("c1"), "patient_not_found"),
    ],
)
def test_nobody_else_who_stays_is_reported(opening: Any, reason: str) -> None:
    city = SmallCity(unit("U1"), transfer_unit("U2"))
    city.say(opening)
    (unit_id,) = city.on_the_incident("c1")
    city.run_to(unit_id, "on_scene")
    events = city.end(unit_id, "empty", reason)
    assert every(DepartureReported, events) == []
    assert escalated(events) == []


def test_a_report_of_a_departure_is_sent_again_until_it_is_acknowledged() -> None:
    city = SmallCity(transfer_unit("U1"))
    city.say(case("c1"))
    city.run_to("U1", "on_scene")
    report = only(DepartureReported, city.end("U1", "empty", "transport_declined"))
    again = every(DepartureReported, city.pass_time(15 * 60))
    assert [(each.report_id, each.attempt) for each in again] == [(report.report_id, 2)]
    events = city.say(
        ReportAcknowledged(incident_id="c1", report_id=report.report_id, at=city.now, by="cdc")
    )
    assert only(ReportSettled, events).report_id == report.report_id
    assert every(DepartureReported, city.pass_time(3_600)) == []


def test_who_leaves_before_the_result_is_escalated_and_reported() -> None:
    city, handover = received()
    events = city.say(left(city, handover))
    assert escalated(events) == ["patient_left"]
    assert "before the result of nucleic_acid" in only(EscalationRaised, events).explanation
    report = only(DepartureReported, events)
    assert (report.reason, report.handover_id) == ("left_hospital", handover.handover_id)
    assert report.hospital_id == handover.hospital_id
    assert city.refusal(left(city, handover)) == "handover_id: its patient has left already"


def test_a_bed_that_is_left_says_the_same() -> None:
    city, handover = received()
    assert escalated(city.say(freed(city, handover, "left"))) == ["patient_left"]
    city, handover = received()
    assert escalated(city.say(freed(city, handover, "discharged"))) == []


def test_after_a_negative_result_anybody_may_leave_and_a_case_may_not() -> None:
    city, handover = received()
    city.say(city.result(handover))
    assert escalated(city.say(left(city, handover))) == []
    city, handover = received()
    city.say(city.result(handover, positive=True))
    events = city.say(left(city, handover))
    assert escalated(events) == ["patient_left"]
    assert "as a confirmed case" in only(EscalationRaised, events).explanation


@pytest.mark.parametrize("outcome", ["left", "discharged", "moved", None])
def test_a_case_found_in_somebody_who_is_gone_is_escalated_and_nobody_sent(
    outcome: str | None,
) -> None:
    city, handover = received()
    city.say(left(city, handover) if outcome is None else freed(city, handover, outcome))
    events = city.say(city.result(handover, positive=True))
    assert escalated(events) == ["patient_left"]
    assert "no longer at" in only(EscalationRaised, events).explanation
    assert city.city.handovers[handover.handover_id].transfer_call_id is None


def test_nobody_leaves_where_they_never_came() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    handover = city.handover("U1")
    assert city.refusal(left(city, handover)) == "handover_id: its patient has not arrived"
    assert "another hospital" in city.refusal(left(city, handover, hospital_id="second"))
    assert "not a handover" in city.refusal(left(city, handover, handover_id="c1/A1/H9"))
