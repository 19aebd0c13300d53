"""What the health commission says of cases and crews."""

from datetime import timedelta

from dispatch.topics.clocks import ClockMet, ClockStarted
from dispatch.topics.reports import InfectionRecorded, SurveyRecorded
from tests.unit.domain.city_builder import (
    SmallCity,
    call,
    case,
    escalated,
    every,
    kinds,
    only,
    transfer_unit,
    unit,
)


def surveys(city: SmallCity) -> list[ClockStarted]:
    started = every(ClockStarted, [emission.event for emission in city.history])
    return [clock for clock in started if clock.kind == "survey"]


def test_a_case_is_surveyed_within_a_day() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(case("c1"))
    [clock] = surveys(city)
    assert (clock.due_at - clock.started_at).total_seconds() == 86_400
    city.pass_time(3_600)
    events = city.say(city.surveyed("c1", generation=2, contacts=14))
    recorded = only(SurveyRecorded, events)
    assert (recorded.generation, recorded.contacts) == (2, 14)
    assert only(ClockMet, events).took_seconds == 3_600


def test_a_survey_after_the_incident_and_after_its_day_is_recorded_as_late() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(case("c1"))
    city.hand_over("T1")
    city.disinfect("T1")
    city.pass_time(86_400)
    assert "clock.ended_late" in kinds(city.say(city.surveyed("c1")))


def test_a_survey_of_nothing_or_again_is_refused() -> None:
    city = SmallCity(transfer_unit("T1"), unit("U1"))
    city.say(case("c1"))
    city.say(call("c2"))
    city.say(city.surveyed("c1"))
    for incident_id, reason in (
        ("c1", "is surveyed already"),
        ("c2", "no case was found in it"),
        ("c3", "is not an incident of this centre"),
    ):
        assert city.refusal(city.surveyed(incident_id)) == f"incident_id: {reason}"


def test_a_survey_from_the_future_is_refused_beyond_clock_skew() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(case("c1"))
    ahead = city.now + timedelta(seconds=301)
    assert city.refusal(city.surveyed("c1", at=ahead)) == "at: is more than 300 s in the future"
    city.say(city.surveyed("c1", at=city.now + timedelta(seconds=300)))


def test_an_infected_crew_is_recorded_and_somebody_must_look() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(case("c1"))
    city.hand_over("T1")
    city.disinfect("T1")
    events = city.say(city.infected("c1", "T1"))
    assert only(InfectionRecorded, events).unit_id == "T1"
    assert escalated(events) == ["crew_infected"]


def test_an_infection_is_traced_to_a_run_of_that_unit() -> None:
    city = SmallCity(transfer_unit("T1"), unit("U1"))
    city.say(case("c1"))
    assert city.refusal(city.infected("c1", "U1")) == "unit_id: has not been on this incident"
    assert city.refusal(city.infected("c2", "T1")) == (
        "incident_id: is not an incident of this centre"
    )
