"""A call on hold comes back: in time, when it is taken up, or when the patient gets worse."""

from datetime import timedelta
from typing import Any

import pytest

from dispatch.errors import PackError
from dispatch.policy.pack import PACKS, read_pack
from dispatch.topics.calls import Call
from dispatch.topics.clocks import ClockMet, ClockStarted, ClockStopped
from dispatch.topics.incidents import EscalationRaised, IncidentResumed
from tests.unit.domain.city_builder import (
    START,
    SmallCity,
    call,
    escalated,
    every,
    febrile,
    kinds,
    only,
    unit,
)


def held(*units: Any, opening: Call | None = None, until: float | None = None) -> SmallCity:
    """Return a city in which a call is on hold, until some seconds from now if given."""
    city = SmallCity(*units)
    city.say(opening or call("c1"))
    city.hold("c1", None if until is None else city.now + timedelta(seconds=until))
    return city


def test_a_hold_is_bounded_by_the_pack() -> None:
    city = SmallCity()
    city.say(call("c1"))
    too_long = city.held("c1", until=city.now + timedelta(seconds=1_801))
    assert city.refusal(too_long) == "until: is more than 1800 s from now"
    assert city.incident("c1").status == "waiting"
    city.hold("c1", city.now + timedelta(seconds=1_800))
    assert only(IncidentResumed, city.pass_time(1_800)).reason == "the hold is over"


def test_somebody_is_reminded_of_a_hold_until_it_is_over() -> None:
    city = held(until=1_000)
    reminders = [
        each for each in every(EscalationRaised, city.pass_time(1_000)) if each.kind == "still_held"
    ]
    assert [(each.at - START).total_seconds() for each in reminders] == [300, 600, 900]
    assert reminders[0].explanation == (
        "a patient (stable) is on hold until 2022-12-23 08:16:40+00:00"
    )
    assert city.incident("c1").status == "waiting"
    assert "still_held" not in escalated(city.pass_time(1_000))


def test_nobody_is_reminded_of_what_is_taken_up_or_called_off() -> None:
    city = held()
    city.resume("c1")
    assert "still_held" not in escalated(city.pass_time(599))
    city = held()
    city.cancel("c1")
    assert not city.timers


@pytest.mark.parametrize("condition", ["unknown", "critical"])
def test_a_hold_ends_when_an_answer_says_that_the_patient_is_worse(condition: str) -> None:
    city = held(unit("U1", staffed=False))
    city.report("U1", staffed=True)
    assert city.unit("U1").status == "available"
    events = city.answer("c1", condition=condition)
    resumed = only(IncidentResumed, events)
    assert resumed.by == "centre"
    assert resumed.reason == f"the patient is {condition} now: an answer came in"
    assert city.assignment("U1").incident_id == "c1"
    assert not {"hold/c1", "hold_reminder/c1"} & city.timers.keys()


def test_a_hold_ends_when_another_caller_says_that_the_patient_is_worse() -> None:
    same = {"chief_complaint": "fall", "caller": {"phone": "13800000000"}}
    city = held(unit("U1", staffed=False), opening=call("c1", **same))
    city.report("U1", staffed=True)
    events = city.say(call("c2", **same, patient={"condition": "critical"}))
    assert only(IncidentResumed, events).reason.endswith("repeat call c2 says more")
    assert city.assignment("U1").incident_id == "c1"


def test_from_unknown_to_critical_is_worse_too() -> None:
    city = held(opening=call("c1", patient={"condition": "unknown"}))
    assert "incident.resumed" in kinds(city.answer("c1", condition="critical"))


def test_what_is_no_worse_leaves_a_hold_alone() -> None:
    city = held(opening=febrile("c1", patient={"condition": "critical"}))
    for answers in (
        {"condition": "unknown"},
        {"condition": "stable"},
        {"case_status": "suspected"},
        {"epidemiology": {"travel": "yes"}},
    ):
        assert "incident.resumed" not in kinds(city.answer("c1", **answers))
    assert city.incident("c1").status == "held"


def test_a_call_that_is_taken_up_has_the_whole_limit_of_its_order_again() -> None:
    city = SmallCity()
    city.say(call("c1"))
    city.pass_time(40)
    assert only(ClockStopped, city.hold("c1")).kind == "accepted_to_order"
    city.pass_time(100)
    started = only(ClockStarted, city.resume("c1"))
    assert (started.kind, started.started_at) == ("accepted_to_order", city.now)
    assert "clock_breached" not in escalated(city.pass_time(59))
    assert "clock_breached" in escalated(city.pass_time(1))


def test_so_has_one_whose_hold_is_over() -> None:
    city = held(unit("U1", staffed=False))
    city.report("U1", staffed=True)
    events = city.pass_time(600)
    assert every(ClockStarted, events)[0].kind == "accepted_to_order"
    assert only(ClockMet, events).took_seconds == 0


def test_the_limit_of_a_first_order_does_not_start_again() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.end("U1", "refused", "vehicle_fault")
    city.hold("c1")
    assert "clock.started" not in kinds(city.resume("c1"))


def test_a_pack_whose_holds_would_end_too_late_is_refused(tmp_path: Any) -> None:
    plain = (PACKS / "covid-19.toml").read_text("utf-8")
    file = tmp_path / "pack.toml"
    file.write_text(plain.replace("hold_at_most_seconds = 1800", "hold_at_most_seconds = 599"))
    with pytest.raises(PackError, match="must not be more than hold_at_most_seconds"):
        read_pack(file)
