"""A position that can't be is left out of a report, said, and something better stands in for it."""

from datetime import timedelta
from typing import Any

import pytest

from dispatch.domain.model import Position
from dispatch.topics.fleet import UnitWarned
from dispatch.topics.incidents import EscalationRaised, IncidentAssigned
from tests.unit.domain.city_builder import (
    EAST,
    SmallCity,
    at,
    call,
    escalated,
    every,
    kinds,
    only,
    unit,
    wanted,
)

NO_FIX = Position(0.0, 0.0)
ABROAD = Position(55.75, 37.62)


def test_the_rest_of_a_report_counts() -> None:
    city = SmallCity(unit("U1", status="off_duty", staffed=False))
    events = city.report("U1", "available", staffed=True, position=NO_FIX)
    assert kinds(events) == ["unit.warned", "unit.changed", "unit.changed"]
    known = city.unit("U1")
    assert (known.status, known.staffed, known.position) == ("available", True, None)


@pytest.mark.parametrize(
    ("position", "why", "explanation"),
    [
        (NO_FIX, "no_fix", "0, 0 stands for no position"),
        (ABROAD, "out_of_bounds", "55.7500, 37.6200 is outside the city's bounds"),
        (at(111.9), "too_fast", "no vehicle comes there from its last position at 180 km/h"),
    ],
)
def test_it_is_told_once_and_the_last_position_stands_in(
    position: Position, why: str, explanation: str
) -> None:
    city = SmallCity(unit("U1"))
    city.report("U1", position=at(111.61))
    city.pass_time(10)
    warned = only(UnitWarned, city.report("U1", position=position))
    assert (warned.why, warned.explanation, warned.stands_in) == (why, explanation, "last_position")
    assert (warned.latitude, warned.longitude) == (position.latitude, position.longitude)
    city.pass_time(1)
    assert not city.report("U1", position=position)
    assert city.unit("U1").position == at(111.61)
    # It is told again when it begins anew.
    city.pass_time(1)
    assert not city.report("U1", position=at(111.61))
    city.pass_time(1)
    assert kinds(city.report("U1", position=position)) == ["unit.warned"]


def test_another_reason_is_told_too() -> None:
    city = SmallCity(unit("U1"))
    assert only(UnitWarned, city.report("U1", position=NO_FIX)).stands_in == "station"
    assert only(UnitWarned, city.report("U1", position=ABROAD)).why == "out_of_bounds"


def test_one_that_comes_late_says_nothing_against_what_is_known() -> None:
    city = SmallCity(unit("U1"))
    city.report("U1", position=at(111.61))
    earlier = city.now - timedelta(seconds=30)
    late = only(UnitWarned, city.report("U1", position=at(111.60), at=earlier))
    assert (late.why, late.stands_in) == ("older_than_last", "last_position")
    assert not city.report("U1", position=at(111.60), at=earlier)
    assigned = only(IncidentAssigned, city.say(call("c1")))
    assert assigned.why == ["only_one_left", "own_district"]
    assert assigned.travel_seconds == pytest.approx(102, abs=1)


def test_a_report_from_the_future_is_taken_as_of_now() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.report("U1", position=at(111.61))
    ahead = city.now + timedelta(seconds=301)
    events = city.report("U1", "rolling", position=at(111.615), at=ahead)
    warned = only(UnitWarned, events)
    assert (warned.why, warned.stands_in) == ("from_the_future", "last_position")
    assert (
        warned.explanation == "the report is more than 300 s in the future: it was taken as of now"
    )
    known = city.unit("U1")
    assert (known.position, known.position_at, known.doubt) == (at(111.615), city.now, None)
    assert city.assignment("U1").reached == {"rolling": city.now}


def test_a_clock_that_is_ahead_is_told_once_as_long_as_it_is() -> None:
    city = SmallCity(unit("U1"))
    told = []
    for seconds, ahead in ((0, 301), (10, 4_000), (10, 0), (590, 301), (601, 301)):
        city.pass_time(seconds)
        said = city.now + timedelta(seconds=ahead)
        told.append(kinds(city.report("U1", position=at(111.61), at=said)))
    assert told == [["unit.warned"], [], [], [], ["unit.warned"]]


def test_a_device_that_is_fast_freezes_nothing_and_is_not_fresher_than_others() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    for ahead in (200, 7_200):
        city.report("U1", position=at(111.62), at=city.now + timedelta(seconds=ahead))
        city.report("U2", position=at(111.62))
        assert city.unit("U1").position_at == city.unit("U2").position_at == city.now
        city.pass_time(10)
        # Another device of the vehicle, or this one once it is right: what it says is later.
        city.report("U1", position=at(111.621))
        assert city.unit("U1").position == at(111.621)
    city.report("U1", position=at(111.62), at=city.now + timedelta(seconds=7_200))
    city.pass_time(121)
    city.report("U2", position=at(111.63))
    here = {"latitude": 40.8, "longitude": 111.62}
    # What it said is as old as that of any other.
    assert choice(city, location=here).unit_id == "U2"


def test_a_clock_that_is_a_little_ahead_hides_no_later_position() -> None:
    city = SmallCity(unit("U1"))
    city.report("U1", position=at(111.61), at=city.now + timedelta(seconds=200))
    city.pass_time(10)
    assert not city.report("U1", position=at(111.612))
    assert city.unit("U1").position == at(111.612)


def choice(city: SmallCity, **changes: Any) -> IncidentAssigned:
    return only(IncidentAssigned, city.say(call("c1", **changes)))


def test_a_choice_goes_by_the_last_position_and_says_so() -> None:
    city = SmallCity(unit("U1"), unit("U2", station=at(111.63)))
    city.report("U1", position=at(111.62))
    city.pass_time(60)
    city.report("U1", position=NO_FIX)
    chosen = choice(city, location={"latitude": 40.8, "longitude": 111.62})
    assert (chosen.unit_id, chosen.travel_seconds) == ("U1", 0)
    assert chosen.why[-1] == "position_not_believed_last_used"


def test_then_by_the_station_and_says_so() -> None:
    city = SmallCity(unit("U1"))
    city.report("U1", position=at(111.62))
    city.report("U1", position=NO_FIX)
    city.pass_time(121)
    chosen = choice(city)
    assert (chosen.travel_seconds, chosen.why[-1]) == (0, "position_not_believed_station_used")
    city = SmallCity(unit("U1"))
    city.report("U1", position=NO_FIX)
    assert choice(city).why[-1] == "position_not_believed_station_used"


def test_the_dispatchers_choice_says_so_too() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.report("U2", position=NO_FIX)
    assert choice(city).unit_id == "U1"
    events = city.override("c1", unit_id="U2")
    assert only(IncidentAssigned, events).why == [
        "dispatcher_choice", "position_not_believed_station_used",
    ]  # fmt: skip


def test_nobody_takes_over_by_a_position_that_is_not_believed() -> None:
    far = {"latitude": 40.8, "longitude": 111.70}
    city = SmallCity(unit("U1"), unit("U2", status="off_duty", station=at(111.5)))
    choice(city, location=far)
    city.say(city.acknowledged("U1"))
    city.report("U2", "available", position=at(111.5))
    city.pass_time(10)
    # At the patient's door, 17 km in ten seconds.
    city.report("U2", position=at(111.70))
    assert city.on_the_incident("c1") == ["U1"]
    # And nobody loses a run because of one.
    city.report("U1", "rolling", position=NO_FIX)
    city.report("U2", position=at(111.501))
    assert city.on_the_incident("c1") == ["U1"]


def test_nobody_takes_over_who_says_nonsense_and_was_never_seen() -> None:
    city = SmallCity(unit("U1"), unit("U2", status="off_duty", station=at(111.7)))
    choice(city, location={"latitude": 40.8, "longitude": 111.70})
    city.say(city.acknowledged("U1"))
    city.report("U2", "available", position=NO_FIX)
    assert city.on_the_incident("c1") == ["U1"]


def test_arrival_times_do_not_go_by_it() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", patient={"symptoms": ["fever"]}, epidemiology={
        "travel": "unknown", "residence": "no", "close_contact": "no", "exposure": "no",
    }))  # fmt: skip
    expected = city.handover("U1").expected_at
    city.report("U1", "rolling", position=ABROAD)
    assert city.handover("U1").expected_at == expected


def test_who_takes_a_patient_over_on_the_way_is_sent_to_the_last_position_that_was_believed() -> (
    None
):
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.run_to("U1", "transporting")
    city.report("U1", position=at(111.61))
    city.report("U1", position=NO_FIX)
    city.pass_time(121)
    events = city.end("U1", "aborted", "vehicle_fault")
    assert city.incident("c1").left_behind[0].position == at(111.61)
    aborted = every(EscalationRaised, events)[0]
    assert (
        "where its patient is now is not known: last at 2022-12-23 08:00:00" in aborted.explanation
    )


def test_a_call_at_a_placeholder_is_refused_by_the_rule_that_lenient_reading_makes_good() -> None:
    city = SmallCity(unit("U1"))
    nowhere = call("c1", location={"latitude": 0.0, "longitude": 0.0})
    assert city.refusal(nowhere) == "location: 0, 0 stands for no position"
    abroad = call("c1", location={"latitude": 55.75, "longitude": 37.62, "address": "here"})
    assert "is outside the city's bounds" in city.refusal(abroad)


def test_a_transfer_from_nowhere_is_refused() -> None:
    city = SmallCity(unit("U1"))
    nowhere = wanted("t1", location={"latitude": 0.0, "longitude": 0.0})
    assert city.refusal(nowhere) == "location: 0, 0 stands for no position"


def test_nothing_is_escalated_for_a_position() -> None:
    city = SmallCity(unit("U1", district=EAST))
    assert not escalated(city.report("U1", position=NO_FIX))
