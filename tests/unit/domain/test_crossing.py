"""What doesn't follow from what is known: early, crossed, or of what is behind its unit."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch.domain.city import Crossed, Duplicate, Early, Rejected
from dispatch.domain.model import Assignment
from dispatch.domain.subjects import waits_for
from dispatch.topics.calls import CallAnswered
from tests.unit.domain.city_builder import RUN, SmallCity, call, case, transfer_unit, unit


def seconds(city: SmallCity, more: float) -> datetime:
    return city.now + timedelta(seconds=more)


def refused(city: SmallCity, status: str, **more: Any) -> type[Exception]:
    """Return how a report of U1 is refused."""
    with pytest.raises((Rejected, Duplicate)) as refusal:
        city.report("U1", status, **more)
    return refusal.type


@pytest.fixture
def city() -> SmallCity:
    """A city where U1 is ordered to c1, and a minute has passed."""
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.pass_time(30)
    return city


@pytest.mark.parametrize("status", RUN[1:])
def test_what_comes_later_on_a_run_is_early(city: SmallCity, status: str) -> None:
    assert refused(city, status) is Early


def test_what_no_crew_reports_is_never_legal(city: SmallCity) -> None:
    city.report("U1", "rolling")
    assert refused(city, "ordered") is Rejected
    assert refused(city, "handed_over") is Rejected


def test_what_is_behind_the_unit_is_known(city: SmallCity) -> None:
    city.report("U1", "rolling", "on_scene")
    city.pass_time(60)
    assert refused(city, "rolling", at=seconds(city, -90)) is Duplicate
    # Later than what followed from it: that is an error.
    assert refused(city, "rolling", at=seconds(city, -1)) is Early


def test_what_is_of_the_run_before_is_known_and_may_cross_with_an_order(city: SmallCity) -> None:
    assert refused(city, "available", at=seconds(city, -60)) is Duplicate
    # The crew has not seen its order.
    assert refused(city, "available") is Crossed
    city.report("U1", "rolling")
    assert refused(city, "available") is Early


def test_a_report_of_a_run_crosses_with_its_withdrawal(city: SmallCity) -> None:
    city.cancel("c1")
    city.pass_time(5)
    assert refused(city, "rolling") is Crossed
    city.pass_time(city.pack.events.future_tolerance_seconds)
    assert refused(city, "on_scene") is Early


def test_a_run_that_nobody_has_ordered_is_early() -> None:
    assert refused(SmallCity(unit("U1")), "rolling") is Early


def test_an_acknowledgement_crosses_with_the_withdrawal_of_its_order(city: SmallCity) -> None:
    acknowledged = city.acknowledged("U1")
    city.cancel("c1")
    with pytest.raises(Crossed, match="has ended"):
        city.say(acknowledged)


def test_an_acknowledgement_that_comes_after_a_report_tells_its_own_time(city: SmallCity) -> None:
    acknowledged = city.acknowledged("U1")
    city.pass_time(10)
    city.report("U1", "rolling")
    assert city.assignment("U1").acknowledged_at == city.now
    city.say(acknowledged)
    assert city.assignment("U1").acknowledged_at == seconds(city, -10)
    with pytest.raises(Duplicate):
        city.say(acknowledged)


def test_after_its_certificate_a_unit_has_its_disinfection_behind_it() -> None:
    city = SmallCity(transfer_unit("U1"))
    city.say(case("c1"))
    city.run_to("U1", "at_hospital")
    city.hand_over("U1")
    began = city.now
    assert refused(city, "returning") is Early
    city.pass_time(3_600)
    city.say(city.certificate("U1", started_at=began, ended_at=city.now))
    assert city.city.units["U1"].status == "returning"
    assert refused(city, "disinfecting", at=began) is Duplicate
    city.report("U1", "available")
    assert refused(city, "returning", at=seconds(city, -1)) is Duplicate
    city.pass_time(1)
    assert refused(city, "disinfecting") is Early


def before_its_order(*others: Any) -> SmallCity:
    """Return a city where U1 has lost an order to a cancellation and been given one at once."""
    city = SmallCity(unit("U1"), *others)
    city.say(call("c1"))
    city.pass_time(40)
    city.cancel("c1")
    city.say(call("c2", location={"latitude": 40.8, "longitude": 111.7}))
    assert city.on_the_incident("c2") == ["U1"]
    return city


def test_what_was_said_before_an_order_acknowledges_none() -> None:
    city = before_its_order()
    city.pass_time(5)
    rolled = city.reported("U1", status="rolling", at=seconds(city, -20))
    assert city.refusal(rolled) == (
        "status: was said before the unit was given the order that it has now"
    )
    with pytest.raises(Crossed):
        city.say(rolled)
    run = city.assignment("U1")
    assert (run.acknowledged_at, run.reached, city.unit("U1").status) == (None, {}, "ordered")
    # Nobody has answered: the next unit goes.
    city.pass_time(60)
    assert city.on_the_incident("c2") == []


def test_a_clock_that_is_slow_takes_no_acknowledgement_away(city: SmallCity) -> None:
    slow = city.pack.events.future_tolerance_seconds
    city.report("U1", "rolling", at=city.assignment("U1").ordered_at - timedelta(seconds=slow))
    assert city.assignment("U1").acknowledged_at == city.assignment("U1").ordered_at
    city.pass_time(60)
    assert city.unit("U1").status == "rolling"


def test_what_is_older_than_the_units_word_of_itself_is_of_another_order() -> None:
    city = SmallCity(unit("U1", status="off_duty"))
    slow = city.pack.events.future_tolerance_seconds + 1
    city.pass_time(slow)
    city.report("U1", "available")
    city.say(call("c1"))
    long_ago = seconds(city, -slow)
    assert refused(city, "rolling", at=long_ago) is Crossed
    # Of an order that is acknowledged by its id no clock is asked.
    city.say(city.acknowledged("U1"))
    city.report("U1", "rolling", "on_scene", at=long_ago)
    assert city.unit("U1").status == "on_scene"


def test_an_acknowledgement_by_its_id_is_of_its_order_whatever_the_clock() -> None:
    city = before_its_order()
    said = city.acknowledged("U1").model_copy(update={"at": seconds(city, -90)})
    city.say(said)
    assert city.assignment("U1").acknowledged_at == city.assignment("U1").ordered_at
    # So is what follows.
    city.report("U1", "rolling", at=seconds(city, -89))
    assert city.unit("U1").status == "rolling"


def test_while_the_citys_time_is_far_ahead_good_crews_keep_their_orders(city: SmallCity) -> None:
    """The database's clock may have been set back: all others are behind the city's time then."""
    city.report("U1", "rolling", at=seconds(city, -1_200))
    assert city.unit("U1").status == "rolling"
    assert city.assignment("U1").acknowledged_at == city.assignment("U1").ordered_at


def test_what_is_of_a_run_that_its_crew_has_ended_acknowledges_no_other() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.pass_time(30)
    rolled, met = (city.reported("U1", status=each) for each in ("rolling", "on_scene"))
    city.pass_time(5)
    city.end("U1", "aborted", "patient_cancelled")
    city.pass_time(5)
    city.say(call("c2", location={"latitude": 40.8, "longitude": 111.7}))
    with pytest.raises(Crossed, match="was said before the unit was given the order"):
        city.say(rolled)
    # It has met the patient of the run before, nobody else's.
    city.say(met)
    assert city.known(Assignment, "c1/A1").met_patient
    run = city.assignment("U1")
    assert (run.acknowledged_at, run.met_patient, city.unit("U1").status) == (
        None, False, "ordered",
    )  # fmt: skip


def test_a_crew_with_a_slow_clock_whose_last_run_is_known_acknowledges_by_its_status() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.report("U1", "rolling")
    city.pass_time(30)
    city.cancel("c1")
    city.say(call("c2", location={"latitude": 40.8, "longitude": 111.7}))
    city.pass_time(10)
    city.report("U1", "rolling", at=seconds(city, -120))
    assert city.assignment("U1").incident_id == "c2"
    assert city.unit("U1").status == "rolling"


def test_a_broken_vehicle_gives_its_run_up_by_whatever_clock() -> None:
    """A console has said that it is available, by a clock that is right."""
    city = SmallCity(unit("U1", status="off_duty"), unit("U2", status="off_duty"))
    city.report("U1", "available")
    city.say(call("c1"))
    city.report("U2", "available")
    city.report("U1", "rolling")
    city.pass_time(50)
    city.report("U1", "out_of_service", at=seconds(city, -120))
    assert city.on_the_incident("c1") == ["U2"]


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ("available", "out_of_service"),
        ("available", "off_duty"),
        ("out_of_service", "available"),
        ("off_duty", "available"),
        ("off_duty", "out_of_service"),
        ("out_of_service", "off_duty"),
    ],
)
def test_an_older_word_of_a_unit_about_itself_has_no_effect(newer: str, older: str) -> None:
    city = SmallCity(unit("U1", status="off_duty" if newer == "available" else "available"))
    city.report("U1", newer)
    before = city.unit("U1")
    city.pass_time(5)
    report = city.reported("U1", status=older, at=seconds(city, -6))
    with pytest.raises(Crossed, match="is older than what the unit has said of itself since"):
        city.say(report)
    assert city.unit("U1") == before
    # Of the same time counts what comes last.
    city.report("U1", older, at=seconds(city, -5))
    assert city.unit("U1").status == older


def test_what_is_said_again_is_the_last_word_too() -> None:
    city = SmallCity(unit("U1"))
    city.report("U1", "out_of_service")
    city.pass_time(60)
    city.report("U1", "out_of_service")
    city.report("U1", "out_of_service", at=seconds(city, -50))
    assert refused(city, "available", at=seconds(city, -30)) is Crossed
    city.report("U1", "available")
    assert city.unit("U1").status == "available"


def test_a_run_is_not_given_up_for_what_was_said_before_the_unit_was_free() -> None:
    city = SmallCity(unit("U1", status="off_duty"))
    city.pass_time(10)
    city.report("U1", "available")
    city.say(call("c1"))
    city.run_to("U1", "rolling")
    slow = city.pack.events.future_tolerance_seconds
    assert refused(city, "out_of_service", at=seconds(city, -5 - slow)) is Crossed
    assert city.on_the_incident("c1") == ["U1"]
    city.report("U1", "out_of_service")
    assert city.on_the_incident("c1") == []


def test_what_is_of_another_turn_is_known(city: SmallCity) -> None:
    city.report("U1", "rolling")
    city.pass_time(30)
    assert refused(city, "available", at=seconds(city, -60)) is Duplicate
    assert refused(city, "available") is Early
    city.hand_over("U1")
    city.report("U1", "returning", "available")
    city.pass_time(5)
    assert refused(city, "rolling", at=seconds(city, -6)) is Duplicate
    assert refused(city, "rolling") is Early


def test_at_the_hospital_what_comes_next_waits_whatever_the_clock(city: SmallCity) -> None:
    city.run_to("U1", "at_hospital")
    assert refused(city, "returning", at=seconds(city, -60)) is Early


def test_an_answer_crosses_with_the_cancellation_of_its_call(city: SmallCity) -> None:
    answered = CallAnswered(call_id="c1", answered_at=city.now, condition="critical")
    city.cancel("c1")
    with pytest.raises(Crossed, match="is cancelled"):
        city.say(answered)
    city.pass_time(city.pack.events.future_tolerance_seconds + 1)
    with pytest.raises(Rejected, match="is cancelled") as refusal:
        city.say(answered.model_copy(update={"answered_at": city.now}))
    assert not isinstance(refusal.value, Crossed)


def test_what_a_dispatcher_wants_of_a_call_may_be_early(city: SmallCity) -> None:
    """Whether the run has ended, the link was confirmed, the hospital is open may be unread."""
    for early in (city.held("c1"), city.unlinked("c1")):
        with pytest.raises(Early):
            city.say(early)
    city.report_hospital("general", status="closed")
    chosen = city.overridden("c1", hospital_id="general")
    with pytest.raises(Early, match="is closed") as refusal:
        city.say(chosen)
    assert waits_for(chosen, refusal.value.reasons) == "hospital/general"
    city.report_hospital("general", status="open")
    city.say(chosen)
    assert city.incident("c1").wanted_hospital == "general"


def test_a_call_that_is_cancelled_is_unlinked_no_more(city: SmallCity) -> None:
    city.cancel("c1")
    with pytest.raises(Crossed, match="is not linked"):
        city.say(city.unlinked("c1"))
