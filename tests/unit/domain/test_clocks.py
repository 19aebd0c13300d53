"""Every limit starts, warns, and is met, breached or stopped; by the time of its events."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain import clocks
from dispatch.domain.model import CITY, Batch
from dispatch.policy.pack import load_pack
from dispatch.topics.announcement import Announcement
from dispatch.topics.clocks import (
    ClockBreached,
    ClockEndedLate,
    ClockMet,
    ClockStarted,
    ClockStopped,
    ClockWarned,
)
from dispatch.topics.incidents import EscalationRaised
from dispatch.topics.orders import OrderIssued
from tests.unit.domain.city_builder import (
    START,
    WEST,
    SmallCity,
    at,
    call,
    escalated,
    every,
    febrile,
    kinds,
    only,
    unit,
)

RESULT = {"owner": "i1", "subject": "i1/A1", "district": WEST}
LIMIT, WARNING = 43_200, 7_200  # seconds, of result_other


def started(city: SmallCity, **changes: Any) -> list[Announcement]:
    """Start the clock of a nucleic-acid result."""
    return city.do(lambda known: clocks.start(known, "result_other", **RESULT | changes))


def met(city: SmallCity, at: datetime | None = None) -> list[Announcement]:
    """Meet the clock that `started` starts."""
    return city.do(lambda known: clocks.meet(known, "result_other", "i1", "i1/A1", at))


def stopped(city: SmallCity) -> list[Announcement]:
    """Stop the clock that `started` starts."""
    return city.do(lambda known: clocks.stop(known, "result_other", "i1", "i1/A1", "no more"))


def of_clock(events: list[Announcement], kind: str) -> list[str]:
    """Return the types of the events of one kind of clock."""
    return [
        e.event_type
        for e in events
        if e.event_type.startswith("clock.") and e.model_dump()["kind"] == kind
    ]


# -- one clock


def test_a_clock_starts_warns_runs_out_and_ends_late() -> None:
    city = SmallCity()
    begun = only(ClockStarted, started(city))
    assert begun.clock_id == "i1/result_other/i1/A1"
    assert (begun.started_at, begun.due_at) == (START, START + timedelta(seconds=LIMIT))
    assert begun.warn_at == begun.due_at - timedelta(seconds=WARNING)
    assert city.pass_time(LIMIT - WARNING - 1) == []
    warned = only(ClockWarned, city.pass_time(1))
    assert (warned.warned, warned.left_seconds) == ("hospital_duty_officer", WARNING)
    assert city.pass_time(WARNING - 1) == []
    events = city.pass_time(1)
    breached = only(ClockBreached, events)
    assert breached.escalated_to == "hospital_duty_officer"
    assert breached.at == breached.due_at == begun.due_at
    escalation = only(EscalationRaised, events)
    assert (escalation.incident_id, escalation.subject) == ("i1", "i1/A1")
    assert "result other" in escalation.explanation
    assert "hospital duty officer" in escalation.explanation
    assert city.pass_time(LIMIT) == []
    late = only(ClockEndedLate, met(city))
    assert late.took_seconds == 2 * LIMIT
    assert not city.timers


@pytest.mark.parametrize("kind", sorted(load_pack("covid-19").clocks))
def test_every_kind_of_clock_runs_out_at_its_limit(kind: Any) -> None:
    city = SmallCity()
    limit = city.pack.clocks[kind]
    events = city.do(lambda known: clocks.start(known, kind, owner=CITY, subject="H1"))
    assert only(ClockStarted, events).due_at == START + timedelta(seconds=limit.limit_seconds)
    events = city.pass_time(limit.limit_seconds - 1)
    assert len(every(ClockWarned, events)) == (limit.warn_seconds is not None)
    events = city.pass_time(1)
    assert only(ClockBreached, events).escalated_to == limit.escalate_to
    assert only(EscalationRaised, events).incident_id is None


def test_the_limit_of_a_clock_may_be_another_than_the_packs() -> None:
    city = SmallCity()
    begun = only(ClockStarted, started(city, limit_seconds=WARNING))
    assert (begun.limit_seconds, begun.warn_at) == (WARNING, None)
    assert kinds(city.pass_time(WARNING)) == ["clock.breached", "escalation.raised"]


def test_what_is_done_exactly_at_the_end_is_in_time() -> None:
    city = SmallCity()
    started(city)
    city.pass_time(LIMIT - 1)
    city.now += timedelta(seconds=1)
    assert only(ClockMet, met(city)).took_seconds == LIMIT
    assert city.pass_time(1) == []


def test_what_the_last_second_brings_about_is_in_time() -> None:
    city = SmallCity()
    begun = only(ClockStarted, started(city))
    end = only(ClockMet, met(city, at=begun.due_at + timedelta(seconds=0.9)))
    assert end.took_seconds == LIMIT + 0.9


def test_what_was_done_in_time_is_met_though_heard_of_late() -> None:
    city = SmallCity()
    begun = only(ClockStarted, started(city))
    city.now = begun.due_at + timedelta(hours=3)
    assert only(ClockMet, met(city, at=begun.due_at)).took_seconds == LIMIT


def test_what_was_done_too_late_is_breached_before_it_ends() -> None:
    city = SmallCity()
    begun = only(ClockStarted, started(city))
    city.now = begun.due_at + timedelta(seconds=1)
    events = met(city)
    assert kinds(events) == ["clock.breached", "escalation.raised", "clock.ended_late"]
    assert only(ClockBreached, events).at == begun.due_at
    assert only(ClockEndedLate, events).took_seconds == LIMIT + 1
    assert city.pass_time(LIMIT) == []


def test_a_breach_that_was_told_stands_whatever_is_heard_of_later() -> None:
    city = SmallCity()
    begun = only(ClockStarted, started(city))
    city.pass_time(LIMIT)
    late = only(ClockEndedLate, met(city, at=begun.due_at - timedelta(seconds=5)))
    assert late.took_seconds == LIMIT - 5


def test_a_device_whose_clock_is_slow_takes_no_negative_time() -> None:
    city = SmallCity()
    started(city)
    assert only(ClockMet, met(city, at=START - timedelta(seconds=9))).took_seconds == 0


def test_a_clock_is_started_met_and_stopped_once() -> None:
    city = SmallCity()
    assert met(city) == stopped(city) == []
    begun = only(ClockStarted, started(city))
    city.pass_time(60)
    assert started(city) == []
    assert only(ClockMet, met(city)).took_seconds == 60
    assert met(city) == stopped(city) == []
    again = only(ClockStarted, started(city))
    assert again.due_at == begun.due_at + timedelta(seconds=60)
    assert only(ClockStopped, stopped(city)).reason == "no more"
    assert met(city) == stopped(city) == []
    assert city.pass_time(2 * LIMIT) == []


def test_a_breached_clock_can_be_stopped() -> None:
    city = SmallCity()
    started(city)
    city.pass_time(LIMIT)
    assert kinds(stopped(city)) == ["clock.stopped"]
    assert met(city) == []


def test_what_was_overslept_is_breached_without_a_warning() -> None:
    city = SmallCity()
    started(city)
    (timer,) = city.timers.values()
    city.now += timedelta(seconds=LIMIT + 1)
    assert kinds(city.fire(timer)) == ["clock.breached", "escalation.raised"]
    assert not city.timers


def test_a_clock_of_a_batch_is_no_incidents() -> None:
    city = SmallCity()
    batch = Batch(
        batch_id="i1",
        institution_id="general",
        requested_at=START,
        district=WEST,
        position=at(111.6),
        address=None,
        kind="batch",
        patients=(),
        loading_places=1,
    )
    city.city.load([batch])
    started(city)
    assert only(EscalationRaised, city.pass_time(LIMIT)).incident_id is None


@given(
    done=st.lists(st.integers(-100, 2 * LIMIT), min_size=1, max_size=3),
    heard=st.lists(st.integers(0, LIMIT), min_size=3, max_size=3),
)
def test_whatever_comes_a_clock_ends_once_as_its_events_say(
    done: list[int], heard: list[int]
) -> None:
    city = SmallCity()
    events = started(city)
    for seconds, later in zip(done, heard, strict=False):
        events += city.pass_time(later)
        events += met(city, at=START + timedelta(seconds=seconds))
    told = kinds(events)
    assert told.count("clock.met") + told.count("clock.ended_late") == 1
    assert told.count("clock.breached") == told.count("clock.ended_late")
    first = START + timedelta(seconds=done[0])
    in_time = done[0] <= LIMIT and heard[0] < LIMIT
    assert ("clock.met" in told) == in_time
    ended = next(e for e in events if isinstance(e, ClockMet | ClockEndedLate))
    assert ended.took_seconds == max(0.0, (first - START).total_seconds())


# -- restarts and calendars


def test_a_clock_read_back_runs_out_at_the_same_second() -> None:
    city = SmallCity()
    begun = only(ClockStarted, started(city))
    (timer,) = city.timers.values()
    restarted = SmallCity()
    restarted.city.load(city.city.clocks.values())
    restarted.timers[timer.timer_id] = timer
    events = restarted.pass_time(LIMIT)
    assert only(ClockWarned, events).at == begun.warn_at
    assert only(ClockBreached, events).due_at == begun.due_at


@pytest.mark.parametrize(
    "local",
    [
        datetime(2022, 3, 27, 1, 30, tzinfo=ZoneInfo("Europe/Berlin")),  # an hour is left out
        datetime(2022, 10, 30, 1, 30, tzinfo=ZoneInfo("Europe/Berlin")),  # an hour comes twice
        datetime(2024, 2, 29, 20, 0, tzinfo=ZoneInfo("Asia/Shanghai")),
        datetime(2022, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
)
def test_a_limit_is_as_long_across_any_boundary(local: datetime) -> None:
    city = SmallCity()
    city.now = local.astimezone(UTC)
    begun = only(ClockStarted, started(city, started_at=local))
    assert begun.due_at.astimezone(UTC) - city.now == timedelta(seconds=LIMIT)
    city.pass_time(LIMIT - 1)
    assert kinds(city.pass_time(1)) == ["clock.breached", "escalation.raised"]


# -- accepted to order


def test_the_first_order_ends_the_time_from_acceptance() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    events = city.say(call("c1", patient_count=2))
    assert len(every(OrderIssued, events)) == 2
    assert of_clock(events, "accepted_to_order") == ["clock.started", "clock.met"]


def test_an_order_later_than_a_minute_after_the_acceptance_is_late() -> None:
    city = SmallCity(unit("U1", staffed=False))
    events = city.say(call("c1"))
    assert of_clock(events, "accepted_to_order") == ["clock.started"]
    events = city.pass_time(60)
    assert of_clock(events, "accepted_to_order") == ["clock.warned", "clock.breached"]
    assert only(ClockWarned, events).at == START + timedelta(seconds=45)
    events = city.report("U1", staffed=True)
    assert of_clock(events, "accepted_to_order") == ["clock.ended_late"]
    assert only(ClockEndedLate, events).took_seconds == 60


def test_the_time_runs_from_the_acceptance_not_from_when_it_was_heard_of() -> None:
    city = SmallCity(unit("U1"))
    events = city.say(call("c1", received_at=START - timedelta(seconds=90)))
    assert of_clock(events, "accepted_to_order") == [
        "clock.started", "clock.breached", "clock.ended_late",
    ]  # fmt: skip
    assert only(ClockEndedLate, events).took_seconds == 90


def test_an_order_at_the_screening_deadline_is_in_time() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1"))
    events = city.pass_time(60)
    assert of_clock(events, "accepted_to_order") == ["clock.warned", "clock.met"]


def test_nobody_waits_for_the_order_of_a_call_that_is_held_or_cancelled() -> None:
    city = SmallCity()
    city.say(call("c1"))
    city.say(call("c2", location={"latitude": 40.9, "longitude": 111.6}))
    assert only(ClockStopped, city.hold("c1")).reason == "the call is held"
    assert only(ClockStopped, city.cancel("c2")).reason == "cancelled"
    assert "clock_breached" not in escalated(city.pass_time(120))


def test_a_linked_call_has_no_order_of_its_own_until_it_is_unlinked() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    same = {"chief_complaint": "fall", "caller": {"phone": "13800000000"}}
    city.say(call("c1", **same))
    assert of_clock(city.say(call("c2", **same)), "accepted_to_order") == []
    city.pass_time(30)
    events = city.unlink("c2")
    assert of_clock(events, "accepted_to_order") == ["clock.started", "clock.met"]
    assert every(ClockStarted, events)[0].started_at == city.now


# -- order to rolling


def test_the_order_to_rolling_ends_when_the_crew_says_it_rolled() -> None:
    city = SmallCity(unit("U1"))
    begun = every(ClockStarted, city.say(call("c1")))[-1]
    assert (begun.kind, begun.subject) == ("order_to_rolling", "c1/A1")
    city.say(city.acknowledged("U1"))
    city.now += timedelta(seconds=200)
    rolled = city.reported("U1", status="rolling").model_copy(
        update={"at": START + timedelta(seconds=170)}
    )
    events = city.say(rolled)
    assert only(ClockMet, events).took_seconds == 170


def test_a_unit_that_does_not_roll_is_told_of_and_ends_late() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.say(city.acknowledged("U1"))
    events = city.pass_time(180)
    assert kinds(events) == ["clock.warned", "clock.breached", "escalation.raised"]
    assert only(ClockBreached, events).escalated_to == "station_head"
    assert only(ClockEndedLate, city.run_to("U1", "rolling")).took_seconds == 180


def test_a_run_that_ends_before_it_rolls_stops_its_clock() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1"))
    events = city.end("U1", "refused", "crew_incomplete")
    assert of_clock(events, "order_to_rolling") == ["clock.stopped", "clock.started"]
    assert only(ClockStarted, events).subject == "c1/A2"


# -- call answered


def ringing(seconds: float | None) -> dict[str, Any]:
    """Return what is recorded of a call that rang and was answered after some seconds."""
    rang = {"ring_at": START - timedelta(seconds=60)}
    if seconds is None:
        return rang
    return rang | {"talk_started_at": rang["ring_at"] + timedelta(seconds=seconds)}


def test_a_call_answered_in_ten_seconds_meets_its_clock() -> None:
    city = SmallCity(unit("U1"))
    events = city.say(call("c1", **ringing(10)))
    assert of_clock(events, "call_answered") == ["clock.started", "clock.met"]
    answered = every(ClockMet, events)[0]
    assert (answered.subject, answered.took_seconds) == ("c1", 10)
    assert answered.at == START - timedelta(seconds=50)


def test_a_call_answered_later_is_breached_and_ended_at_the_times_recorded() -> None:
    city = SmallCity(unit("U1"))
    events = city.say(call("c1", **ringing(11)))
    assert of_clock(events, "call_answered") == [
        "clock.started", "clock.breached", "clock.ended_late",
    ]  # fmt: skip
    assert only(ClockBreached, events).at == START - timedelta(seconds=50)
    assert only(ClockEndedLate, events).at == START - timedelta(seconds=49)
    assert city.pass_time(1) == []


def test_nothing_is_said_of_an_answer_whose_time_was_not_recorded() -> None:
    city = SmallCity(unit("U1"))
    assert of_clock(city.say(call("c1", **ringing(None))), "call_answered") == []


def test_a_linked_call_was_answered_at_its_own_time() -> None:
    city = SmallCity(unit("U1"))
    same = {"chief_complaint": "fall", "caller": {"phone": "13800000000"}}
    city.say(call("c1", **same, **ringing(5)))
    events = city.say(call("c2", **same, **ringing(7)))
    answered = only(ClockMet, events)
    assert (answered.owner, answered.subject, answered.took_seconds) == ("c1", "c2", 7)
