"""A crew that has handed over and never says that it sets out is assumed to, in time."""

from dispatch.topics.announcement import Announcement
from dispatch.topics.fleet import UnitChanged
from dispatch.topics.orders import OrderIssued
from tests.unit.domain.city_builder import (
    UNDETERMINED,
    SmallCity,
    call,
    escalated,
    febrile,
    only,
    unit,
)

TIMER = "setting_out/U1"


def handed_over(city: SmallCity) -> SmallCity:
    """Let U1 bring an ordinary patient of c1 to the hospital, where both sign."""
    city.say(call("c1"))
    city.hand_over("U1")
    return city


def limit(city: SmallCity) -> float:
    return city.pack.allocation.assume_returning_seconds


def changes(events: list[Announcement]) -> list[tuple[str, str, bool]]:
    return [(e.before, e.status, e.assumed) for e in events if isinstance(e, UnitChanged)]


def test_a_crew_that_never_says_returning_counts_as_such_after_the_packs_time() -> None:
    city = handed_over(SmallCity(unit("U1")))
    assert changes(city.pass_time(limit(city) - 1)) == []
    assert city.unit("U1").status == "handed_over"
    assert changes(city.pass_time(1)) == [("handed_over", "returning", True)]
    assert TIMER not in city.timers


def test_whoever_waits_gets_the_unit_that_is_assumed_to_return() -> None:
    city = handed_over(SmallCity(unit("U1")))
    city.say(call("c2", location={"latitude": 40.9, "longitude": 111.9}))
    events = city.pass_time(limit(city))
    order = only(OrderIssued, events)
    assert (order.unit_id, order.incident_id) == ("U1", "c2")


def test_what_the_crew_says_itself_is_not_assumed_and_ends_the_waiting() -> None:
    city = handed_over(SmallCity(unit("U1")))
    assert changes(city.report("U1", "returning")) == [("handed_over", "returning", False)]
    assert TIMER not in city.timers
    assert changes(city.pass_time(limit(city))) == []


def test_the_crew_may_say_so_when_it_was_assumed_already() -> None:
    city = handed_over(SmallCity(unit("U1")))
    city.pass_time(limit(city))
    assert city.report("U1", "returning") == []
    assert changes(city.report("U1", "available")) == [("returning", "available", False)]


def test_a_vehicle_that_is_to_be_disinfected_is_assumed_nothing_of() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.hand_over("U1")
    assert TIMER not in city.timers
    events = city.pass_time(max(limit(city), city.pack.disinfection.overdue_minutes * 60))
    assert changes(events) == []
    assert "disinfection_overdue" in escalated(events)
    assert changes(city.disinfect("U1")) == [("handed_over", "returning", False)]


def test_a_vehicle_that_was_disinfected_while_it_waited_for_the_hospital_sets_out_too() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "at_hospital")
    handover = city.handover("U1")
    city.say(city.crew_signs(handover))
    city.pass_time(1_800)
    city.say(city.certificate("U1", job_id="c1/A1/D"))
    city.say(city.hospital_signs(handover))
    assert city.unit("U1").status == "handed_over"
    assert changes(city.pass_time(limit(city))) == [("handed_over", "returning", True)]


def test_a_vehicle_that_a_dispatcher_let_go_sets_out_too() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.run_to("U1", "at_hospital")
    city.say(city.crew_signs(city.handover("U1")))
    city.say(city.waived("c1"))
    assert changes(city.pass_time(limit(city))) == [("handed_over", "returning", True)]


def test_a_unit_that_has_broken_down_is_left_where_it_stands() -> None:
    city = handed_over(SmallCity(unit("U1")))
    city.report("U1", "out_of_service")
    assert changes(city.pass_time(limit(city))) == []
    assert city.unit("U1").status == "out_of_service"


def test_the_time_counts_from_the_last_handover() -> None:
    city = handed_over(SmallCity(unit("U1")))
    city.pass_time(limit(city) - 60)
    city.report("U1", "returning")
    city.say(call("c2", received_at=city.now))
    city.hand_over("U1")
    assert changes(city.pass_time(limit(city) - 1)) == []
    assert changes(city.pass_time(1)) == [("handed_over", "returning", True)]
