"""A crew that answered in time and was heard late keeps its run, if it is there sooner."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch.domain.city import Rejected
from dispatch.topics.announcement import Announcement
from dispatch.topics.fleet import UnitChanged
from dispatch.topics.incidents import IncidentAssigned, IncidentProgressed
from dispatch.topics.orders import OrderIssued, OrderWithdrawn
from dispatch.topics.units import OrderAcknowledged, UnitReported
from tests.unit.domain.city_builder import START, SmallCity, at, call, every, only, unit


def in_a_dead_zone(*others: Any) -> SmallCity:
    """Return a city in which U1 was not heard for a minute after its order."""
    city = SmallCity(unit("U1", station=at(111.62)), *others)
    city.say(call("c1"))
    assert city.on_the_incident("c1") == ["U1"]
    city.pass_time(60)
    assert city.unit("U1").status == "out_of_service"
    return city


def late(seconds: float = 4) -> OrderAcknowledged:
    """Return U1's acknowledgement, so many seconds after the call."""
    said_at = START + timedelta(seconds=seconds)
    return OrderAcknowledged(unit_id="U1", assignment_id="c1/A1", at=said_at)


def heard(city: SmallCity, seconds: float = 4) -> list[Announcement]:
    return city.say(late(seconds))


def test_it_keeps_the_run_and_the_other_is_free() -> None:
    city = in_a_dead_zone(unit("U2", station=at(111.70)))
    assert city.on_the_incident("c1") == ["U2"]
    city.pass_time(5)
    events = heard(city)
    assert city.on_the_incident("c1") == ["U1"]
    assert only(OrderIssued, events).unit_id == "U1"
    withdrawn = only(OrderWithdrawn, events)
    assert (withdrawn.unit_id, withdrawn.assignment_id) == ("U2", "c1/A2")
    # U1 has been driving for a minute.
    assert withdrawn.reason == (
        "unit U1 acknowledged its order in time, was heard late, and is there 879 s sooner"
    )
    assigned = only(IncidentAssigned, events)
    assert (assigned.why, assigned.instead_of) == (["acknowledged_in_time"], "c1/A2")
    assert city.unit("U2").status == "returning"
    # It has answered.
    assert only(IncidentProgressed, events).status == "ordered"
    assert city.assignment("U1").acknowledged_at == city.now
    assert not every(OrderWithdrawn, city.pass_time(120))
    # What it says of the run by the id that it knows is of this one.
    city.run_to("U1", "rolling")
    with pytest.raises(Rejected, match="a run is refused before it starts"):
        city.say(city.ended("U1", "refused", "vehicle_fault").model_copy(
            update={"assignment_id": "c1/A1"}
        ))  # fmt: skip
    city.run_to("U1", "at_hospital")
    assert city.handover("U1").assignment_id == "c1/A3"


def test_it_stays_with_the_other_who_is_there_sooner() -> None:
    city = in_a_dead_zone(unit("U2", status="off_duty", station=at(111.60)))
    assert city.on_the_incident("c1") == []
    city.report("U2", "available")
    city.run_to("U2", "rolling")
    city.pass_time(5)
    events = heard(city)
    assert city.on_the_incident("c1") == ["U2"]
    changed = only(UnitChanged, events)
    assert (changed.unit_id, changed.status) == ("U1", "returning")
    assert changed.reason == (
        "the order was acknowledged in time and heard late: unit U2 is there sooner"
    )
    assert not every(OrderWithdrawn, events)


def test_who_is_with_the_patient_stays() -> None:
    city = in_a_dead_zone(unit("U2", station=at(111.70)))
    city.run_to("U2", "on_scene")
    city.pass_time(5)
    heard(city)
    assert city.on_the_incident("c1") == ["U2"]
    assert city.unit("U1").status == "returning"


def test_whom_a_dispatcher_has_chosen_stays() -> None:
    city = in_a_dead_zone(unit("U2", station=at(111.70)), unit("U3", station=at(111.75)))
    city.override("c1", unit_id="U3")
    city.pass_time(5)
    heard(city)
    assert city.on_the_incident("c1") == ["U3"]


def test_it_goes_where_nobody_else_could() -> None:
    city = in_a_dead_zone()
    assert city.incident("c1").status == "waiting"
    city.pass_time(5)
    assigned = only(IncidentAssigned, heard(city))
    assert (assigned.unit_id, assigned.assignment_id) == ("U1", "c1/A2")
    assert assigned.because == "unit U1 acknowledged its order in time, and was heard late"
    assert assigned.travel_seconds == pytest.approx(205 - 61, abs=2)


def test_it_is_free_where_the_patient_needs_nobody_any_more() -> None:
    city = in_a_dead_zone(unit("U2", station=at(111.70)))
    city.cancel("c1")
    changed = [each for each in heard(city) if isinstance(each, UnitChanged)]
    assert [(each.unit_id, each.status) for each in changed] == [("U1", "returning")]
    assert changed[0].reason is not None
    assert changed[0].reason.endswith("the patient needs no unit any more")


@pytest.mark.parametrize(("seconds", "keeps"), [(-500, True), (360, True), (361, False)])
def test_in_time_is_within_the_limit_and_what_clocks_may_differ_by(
    seconds: float, keeps: bool
) -> None:
    city = in_a_dead_zone(unit("U2", station=at(112.30)))
    city.pass_time(361)
    if keeps:
        heard(city, seconds=seconds)
        assert city.on_the_incident("c1") == ["U1"]
    else:
        assert city.refusal(late(seconds)).startswith("assignment_id: has ended (unanswered)")


def test_a_clock_that_is_fast_takes_nothing_from_it() -> None:
    city = in_a_dead_zone(unit("U2", station=at(111.70)))
    city.pass_time(5)
    heard(city, seconds=94)
    assert city.on_the_incident("c1") == ["U1"]


def test_one_that_rolls_without_a_word_has_acknowledged_too() -> None:
    city = in_a_dead_zone(unit("U2", station=at(111.70)))
    city.pass_time(5)
    rolled_at: datetime = START + timedelta(seconds=20)
    city.report("U1", "rolling", at=rolled_at)
    assert city.on_the_incident("c1") == ["U1"]
    assert city.unit("U1").status == "rolling"


def test_one_that_rolls_and_is_later_is_told_that_it_is_free() -> None:
    city = in_a_dead_zone(unit("U2", station=at(111.70)))
    city.run_to("U2", "on_scene")
    city.report("U1", "rolling", at=START + timedelta(seconds=20))
    assert city.unit("U1").status == "returning"
    assert city.on_the_incident("c1") == ["U2"]


def test_it_serves_who_waits_by_then() -> None:
    city = in_a_dead_zone(unit("U2", station=at(111.70)))
    city.run_to("U2", "on_scene")
    city.say(call("c2", location={"latitude": 40.8, "longitude": 111.64}))
    assert city.incident("c2").status == "waiting"
    heard(city)
    assert city.on_the_incident("c2") == ["U1"]


def test_the_other_patients_go_on_waiting_for_their_units() -> None:
    city = SmallCity(unit("U1"), unit("U2", status="off_duty"), unit("U3", status="off_duty"))
    city.say(call("c1", patient_count=3))
    city.pass_time(65)
    assert city.on_the_incident("c1") == []
    heard(city)
    assert city.on_the_incident("c1") == ["U1"]
    assert city.incident("c1").status == "waiting"
    city.report("U2", "available")
    city.report("U3", "available")
    assert sorted(city.on_the_incident("c1")) == ["U1", "U2", "U3"]


def test_what_it_said_of_an_earlier_run_acknowledges_nothing() -> None:
    city = in_a_dead_zone(unit("U2", station=at(111.70)))
    city.pass_time(5)
    message = city.refusal(
        UnitReported(unit_id="U1", status="rolling", at=START - timedelta(hours=1))
    )
    assert message.startswith("status: ")
    assert city.on_the_incident("c1") == ["U2"]
    assert city.unit("U1").status == "out_of_service"


def test_who_was_back_in_service_meanwhile_acknowledges_anew() -> None:
    city = in_a_dead_zone(unit("U2", station=at(111.70)))
    city.pass_time(10)
    city.report("U1", "available")
    city.pass_time(10)
    heard(city)
    assert city.on_the_incident("c1") == ["U1"]
    assert city.assignment("U1").acknowledged_at is None
    city.pass_time(60)
    assert city.on_the_incident("c1") == ["U2"]
