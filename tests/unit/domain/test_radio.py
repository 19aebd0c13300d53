"""A crew that is silent loses its run; when none is heard, the orders stand."""

from typing import Any

import pytest

from dispatch.topics.incidents import EscalationRaised
from tests.unit.domain.city_builder import SmallCity, at, call, escalated, only, unit


def somewhere(number: int) -> Any:
    """Return a call at a place of its own."""
    return call(f"c{number}", location={"latitude": 40.8, "longitude": 111.6 + number / 100})


def fleet(count: int) -> list[Any]:
    return [unit(f"U{number:02}", station=at(111.6)) for number in range(1, count + 1)]


def out_of_service(city: SmallCity) -> list[str]:
    return [key for key, each in city.city.units.items() if each.status == "out_of_service"]


def on_duty(city: SmallCity, number: int) -> list[str]:
    return city.on_the_incident(f"c{number}")


def test_seven_calls_into_silence_take_nobody_out_of_service() -> None:
    city = SmallCity(*fleet(22))
    for number in range(1, 8):
        city.say(somewhere(number))
    ordered = [on_duty(city, number) for number in range(1, 8)]
    events = city.pass_time(900)
    assert escalated(events).count("radio_out") == 1
    assert "run_unanswered" not in escalated(events)
    assert out_of_service(city) == []
    assert [on_duty(city, number) for number in range(1, 8)] == ordered


def test_those_who_were_silent_before_it_was_clear_are_back_in_service() -> None:
    city = SmallCity(*fleet(22))
    events = []
    for number in range(1, 8):
        events += city.say(somewhere(number)) + city.pass_time(20)
    events += city.pass_time(900)
    assert escalated(events).count("radio_out") == 1
    assert escalated(events).count("run_unanswered") == 2
    assert out_of_service(city) == []
    # Whom the first two were passed on to stays ordered, too.
    assert all(len(on_duty(city, number)) == 1 for number in range(1, 8))


def test_it_says_which_orders_stand() -> None:
    city = SmallCity(*fleet(3))
    for number in (1, 2, 3):
        city.say(somewhere(number))
    told = only(EscalationRaised, city.pass_time(60))
    assert (told.kind, told.incident_id, told.subject) == ("radio_out", None, "city")
    assert told.explanation == (
        "3 orders since 08:00:00 UTC are not answered, and no crew was heard: "
        "radio or network out; the orders stand (U01, U02, U03)"
    )


def test_two_silent_crews_are_silent_crews() -> None:
    city = SmallCity(*fleet(2))
    city.say(somewhere(1))
    city.say(somewhere(2))
    assert escalated(city.pass_time(60)) == ["run_unanswered", "run_unanswered"]
    assert out_of_service(city) == ["U01", "U02"]


@pytest.mark.parametrize(("seconds", "found"), [(120, "radio_out"), (121, "run_unanswered")])
def test_it_takes_three_within_five_minutes(seconds: float, found: str) -> None:
    city = SmallCity(unit("U1"))
    city.say(somewhere(1))
    city.pass_time(60)
    last: list[str] = []
    for number, before in ((2, 120), (3, seconds - 60)):
        city.pass_time(before)
        city.city.load([unit(f"U{number}")])
        city.say(somewhere(number))
        last = escalated(city.pass_time(60))
    assert [each for each in last if each in ("radio_out", "run_unanswered")] == [found]


def test_when_a_crew_is_heard_the_silent_ones_are_silent() -> None:
    city = SmallCity(*fleet(10))
    for number in (1, 2, 3):
        city.say(somewhere(number))
    city.pass_time(30)
    # Not even to say anything new.
    city.report("U10", "available")
    assert escalated(city.pass_time(30)) == ["run_unanswered"] * 3
    assert len(out_of_service(city)) == 3


def test_a_crew_that_was_heard_before_the_orders_says_nothing_of_the_radio_now() -> None:
    city = SmallCity(*fleet(10))
    city.report("U10", "available")
    city.pass_time(1)
    for number in (1, 2, 3):
        city.say(somewhere(number))
    assert escalated(city.pass_time(60)) == ["radio_out"]


def test_when_crews_are_heard_again_all_have_time_to_answer() -> None:
    city = SmallCity(*fleet(10))
    for number in (1, 2, 3):
        city.say(somewhere(number))
    city.pass_time(150)
    heard, late, silent = (on_duty(city, number)[0] for number in (1, 2, 3))
    city.say(city.acknowledged(heard))
    assert "run_unanswered" not in escalated(city.pass_time(59))
    city.say(city.acknowledged(late))
    assert escalated(city.pass_time(31)).count("run_unanswered") == 1
    assert out_of_service(city) == [silent]
    assert on_duty(city, 2) == [late]


def test_when_it_is_out_again_that_is_said_again() -> None:
    city = SmallCity(*fleet(20))
    for number in (1, 2, 3):
        city.say(somewhere(number))
    assert escalated(city.pass_time(60)) == ["radio_out"]
    for number in (1, 2, 3):
        city.say(city.acknowledged(on_duty(city, number)[0]))
    city.pass_time(600)
    for number in (4, 5, 6):
        city.say(somewhere(number))
    assert escalated(city.pass_time(60)) == ["radio_out"]


def test_an_order_that_stands_goes_on_standing_when_the_others_are_called_off() -> None:
    city = SmallCity(*fleet(10))
    for number in (1, 2, 3):
        city.say(somewhere(number))
    city.pass_time(60)
    city.cancel("c1")
    city.cancel("c2")
    assert "run_unanswered" not in escalated(city.pass_time(600))
    assert out_of_service(city) == []


def test_a_crew_that_refuses_is_passed_over_while_the_others_stand() -> None:
    city = SmallCity(*fleet(10))
    for number in (1, 2, 3):
        city.say(somewhere(number))
    city.pass_time(60)
    first = on_duty(city, 1)[0]
    city.end(first, "refused", "vehicle_fault")
    assert on_duty(city, 1) != [first]
