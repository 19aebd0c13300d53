"""Near enough: no better suited crew, and no swap, comes later than the pack allows."""

from typing import Any

import pytest

from dispatch.policy.pack import Pack, load_pack
from dispatch.topics.announcement import Announcement
from dispatch.topics.incidents import (
    EscalationRaised,
    IncidentAssigned,
    IncidentQueued,
    IncidentReleased,
)
from dispatch.topics.orders import OrderAmended, OrderIssued, OrderWithdrawn
from tests.unit.domain.city_builder import (
    ALL_NO,
    MIDDLE,
    POSITIVE,
    UNDETERMINED,
    SmallCity,
    at,
    call,
    case,
    escalated,
    every,
    febrile,
    hospital,
    only,
    transfer_unit,
    unit,
    wanted,
)

# Patients are at 111.60; 0.01 degrees take 102 s.
DOOR, NEAR, LATE, FAR = at(111.60), at(111.64), at(111.79), at(112.44)
PLAN: dict[str, Any] = {"kind": "institution", "institution_id": "I", "can_admit_suspected": False}


def goes(events: list[Announcement]) -> str:
    return only(OrderIssued, events).unit_id


def explained(events: list[Announcement], kind: str) -> str:
    (found,) = (each for each in every(EscalationRaised, events) if each.kind == kind)
    return found.explanation


# -- which crew


def test_a_transfer_crew_hours_away_is_no_better_than_a_regular_one_at_the_door() -> None:
    city = SmallCity(
        transfer_unit("T1", status="rolling", assignment_id="x"),
        transfer_unit("T2", station=FAR),
        unit("U1"),
    )
    events = city.say(case("c1"))
    assert goes(events) == "U1"
    order = only(OrderIssued, events)
    assert (order.ppe.level, order.destination) == ("full", "designated_hospital")
    assert only(IncidentAssigned, events).passed_over == {"too_late": 1, "assigned": 1}
    assert escalated(events) == ["regular_instead_of_transfer"]
    assert "1 would come too late" in explained(events, "regular_instead_of_transfer")


def test_a_transfer_crew_hours_away_goes_where_nobody_else_can_and_that_is_told() -> None:
    city = SmallCity(
        transfer_unit("T1", status="rolling", assignment_id="x"),
        transfer_unit("T2", station=FAR),
    )
    events = city.say(case("c1"))
    assert goes(events) == "T2"
    assert escalated(events) == ["crew_far_away"]
    assert explained(events, "crew_far_away").startswith("unit T2 takes 8")


@pytest.mark.parametrize(
    ("longitude", "who"), [(111.77, "T1"), (111.78, "U1")], ids=["1,739 s", "1,841 s"]
)
def test_a_transfer_crew_may_come_half_an_hour_later_to_a_stable_patient(
    longitude: float, who: str
) -> None:
    city = SmallCity(transfer_unit("T1", station=at(longitude)), unit("U1"))
    assert goes(city.say(case("c1"))) == who


@pytest.mark.parametrize(("longitude", "who"), [(111.617, "T1"), (111.618, "U1")])
def test_to_a_critical_patient_it_may_come_three_minutes_later(longitude: float, who: str) -> None:
    city = SmallCity(transfer_unit("T1", station=at(longitude)), unit("U1"))
    patient = {"case_status": "confirmed", "condition": "critical"}
    assert goes(city.say(call("c1", caller=PLAN, patient=patient))) == who


def test_how_late_it_may_come_counts_from_the_first_that_could() -> None:
    city = SmallCity(transfer_unit("T1", station=FAR), unit("U1", station=at(112.30)))
    events = city.say(case("c1"))
    assert goes(events) == "T1"
    assert escalated(events) == ["crew_far_away"]


def test_a_negative_pressure_vehicle_hours_away_is_not_first_and_nobody_says_so() -> None:
    city = SmallCity(
        unit("near"), unit("too"), unit("sealed", vehicle="negative_pressure", station=FAR)
    )
    events = city.say(case("c1"))
    assigned = only(IncidentAssigned, events)
    assert assigned.unit_id == "near"
    assert assigned.why == [
        "nearest_by_travel_time", "own_district", "regular_instead_of_transfer",
    ]  # fmt: skip
    assert assigned.passed_over == {"farther": 2}


def test_one_that_is_not_the_nearest_does_not_say_that_it_is() -> None:
    city = SmallCity(
        unit("near"), unit("too"), unit("sealed", vehicle="negative_pressure", station=NEAR)
    )
    assigned = only(IncidentAssigned, city.say(case("c1")))
    assert assigned.why == [
        "own_district", "negative_pressure_first", "regular_instead_of_transfer",
    ]  # fmt: skip
    assert assigned.passed_over == {"not_negative_pressure": 2}


def test_one_of_the_own_district_says_who_would_have_been_there_sooner() -> None:
    city = SmallCity(unit("own", station=NEAR), unit("other", district=MIDDLE), unit("out"))
    city.report("out", "off_duty")
    assigned = only(IncidentAssigned, city.say(call("c1")))
    assert (assigned.unit_id, assigned.why) == ("own", ["own_district"])
    assert assigned.passed_over == {"other_district": 1, "off_duty": 1}


def test_a_regular_crew_hours_away_is_told_too() -> None:
    city = SmallCity(unit("U1", station=FAR))
    assert escalated(city.say(call("c1"))) == ["crew_far_away"]
    city = SmallCity(unit("U1", station=LATE))
    assert escalated(city.say(call("c1"))) == []
    city = SmallCity(unit("U1", station=LATE))
    assert escalated(city.say(call("c1", patient={"condition": "unknown"}))) == ["crew_far_away"]


def test_who_is_waited_for_must_come_in_time_from_where_it_is() -> None:
    soon: dict[str, Any] = {"status": "disinfecting", "job_id": "j"}
    near = SmallCity(transfer_unit("T1", **soon), unit("U1"))
    assert only(IncidentQueued, near.say(case("c1"))).waiting_for == "transfer_crew"
    far = SmallCity(transfer_unit("T1", station=FAR, **soon), unit("U1"))
    assert goes(far.say(case("c1"))) == "U1"


def test_a_crew_that_is_free_soon_is_waited_for_rather_than_one_hours_away() -> None:
    city = SmallCity(
        transfer_unit("T1", status="disinfecting", job_id="j"), transfer_unit("T2", station=FAR)
    )
    queued = only(IncidentQueued, city.say(case("c1")))
    assert queued.passed_over == {"disinfecting": 1, "too_late": 1}
    events = city.pass_time(1_800)
    assert goes(events) == "T2"
    assert "crew_far_away" in escalated(events)


def test_each_who_waits_for_a_transfer_crew_is_asked_for_itself() -> None:
    city = SmallCity(
        transfer_unit("T1", status="disinfecting", job_id="j"),
        transfer_unit("T2", status="off_duty", station=FAR),
        unit("U1", staffed=False),
    )
    city.say(case("c1"))
    there = {"latitude": 40.8, "longitude": FAR.longitude - 0.1}
    city.say(call("c2", location=there, patient={"case_status": "confirmed"}))
    assert city.incident("c2").waiting_for == "transfer_crew"
    city.report("T2", "available")
    assert city.assignment("T2").incident_id == "c2"
    assert city.incident("c1").status == "waiting"


# -- a swap


def on_the_way(*others: Any, longitude: float = 111.60) -> SmallCity:
    """Return a city where U1 is on the way to a febrile patient whose history is not all known."""
    city = SmallCity(unit("U1", station=at(longitude)), *others)
    assert goes(city.say(febrile("c1", UNDETERMINED))) == "U1"
    city.say(city.acknowledged("U1"))
    city.report("U1", "rolling", position=at(longitude))
    return city


def test_a_crew_at_the_door_is_not_withdrawn_for_one_hours_away() -> None:
    city = on_the_way(transfer_unit("T1", station=FAR))
    events = city.answer("c1", epidemiology=POSITIVE)
    assert every(OrderWithdrawn, events) == []
    assert city.on_the_incident("c1") == ["U1"]
    told = only(OrderAmended, events)
    assert (told.unit_id, told.ppe.level, told.destination) == ("U1", "full", "designated_hospital")
    assert "at the door" in explained(events, "no_transfer_crew_to_swap")


@pytest.mark.parametrize(("longitude", "who"), [(111.615, "T1"), (111.62, "U1")])
def test_from_a_crew_at_the_door_one_that_is_as_near_takes_over(longitude: float, who: str) -> None:
    city = on_the_way(transfer_unit("T1", station=at(longitude)))
    city.answer("c1", epidemiology=POSITIVE)
    assert city.on_the_incident("c1") == [who]


def test_a_crew_that_is_there_before_it_is_ordered_to_is_at_the_door_too() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1", station=LATE))
    city.say(febrile("c1", UNDETERMINED))
    city.answer("c1", epidemiology=POSITIVE)
    assert city.on_the_incident("c1") == ["U1"]
    assert city.assignment("U1").ppe == "full"


@pytest.mark.parametrize(("longitude", "who"), [(111.698, "T1"), (111.70, "U1")])
def test_a_swap_may_cost_a_stable_patient_ten_minutes(longitude: float, who: str) -> None:
    # U1 has 409 s to go.
    city = on_the_way(transfer_unit("T1", station=at(longitude)), longitude=111.64)
    events = city.answer("c1", epidemiology=POSITIVE)
    assert city.on_the_incident("c1") == [who]
    if who == "T1":
        assigned = only(IncidentAssigned, events)
        assert assigned.instead_of == "c1/A1"
        assert assigned.later_seconds == pytest.approx(593, abs=1)
        assert only(IncidentReleased, events).outcome == "swapped"
    else:
        assert "the crew on its way in 409 s" in explained(events, "no_transfer_crew_to_swap")


def test_a_crew_is_taken_to_have_driven_on() -> None:
    city = on_the_way(transfer_unit("T1", station=at(111.68)), longitude=111.64)
    city.pass_time(300)
    city.answer("c1", epidemiology=POSITIVE)
    assert city.on_the_incident("c1") == ["U1"]


def test_a_crew_that_was_sent_from_its_station_is_on_its_way_from_there() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1", station=LATE))
    city.report("U1", position=at(112.2))
    city.pass_time(600)
    assigned = only(IncidentAssigned, city.say(febrile("c1", UNDETERMINED)))
    assert (assigned.unit_id, assigned.travel_seconds) == ("U1", 0)
    city.report("U1", "rolling")
    events = city.answer("c1", epidemiology=POSITIVE)
    assert city.on_the_incident("c1") == ["U1"]
    assert "the crew on its way is at the door" in explained(events, "no_transfer_crew_to_swap")


def test_a_regular_crew_takes_over_from_a_transfer_crew_as_soon_and_no_later() -> None:
    for station, who in ((DOOR, "U1"), (LATE, "T1")):
        city = SmallCity(transfer_unit("T1"), unit("U1", station=station))
        assert goes(city.say(febrile("c1", POSITIVE))) == "T1"
        events = city.answer("c1", epidemiology=ALL_NO)
        assert city.on_the_incident("c1") == [who]
        assert escalated(events) == []


def test_the_dispatcher_may_swap_for_one_hours_away() -> None:
    city = on_the_way(unit("U2", station=FAR))
    events = city.override("c1", unit_id="U2")
    assert goes(events) == "U2"
    assert only(IncidentAssigned, events).later_seconds == pytest.approx(8_590, abs=20)
    assert escalated(events) == []


def test_an_undisinfected_crew_is_not_replaced_by_one_that_comes_too_late() -> None:
    for station, who in ((at(111.75), "U2"), (FAR, "U1")):
        city = SmallCity(unit("U1"), unit("U2", station=station))
        assert goes(city.say(febrile("c0", ALL_NO))) == "U1"
        city.run_to("U1", "at_hospital")
        handover = city.handover("U1")
        city.hand_over("U1")
        city.report("U1", "returning")
        assert goes(city.say(call("c1", caller={"phone": "13800000000"}))) == "U1"
        events = city.say(city.found(handover))
        assert city.on_the_incident("c1") == [who]
        assert ("crew_exposed" in escalated(events)) == (who == "U1")
        if who == "U2":
            assigned = every(IncidentAssigned, events)[0]
            assert assigned.why[-1] == "other_not_disinfected"


# -- how long a set of protection lasts

# With 18 min on scene, 30 of disinfection and the way back to it, a way of 5,400 s is too long.
HOSPITAL = hospital("designated", "designated", position=at(112.20), rooms={"isolation": 2})


def test_a_run_that_takes_longer_than_a_set_lasts_is_left_to_who_can_do_it() -> None:
    city = SmallCity(
        transfer_unit("T1", station=at(112.05)),
        unit("U1", station=at(112.0)),
        hospitals=[HOSPITAL],
    )
    events = city.say(case("c1"))
    assert goes(events) == "T1"
    far = hospital("designated", "designated", position=at(112.32), rooms={"isolation": 2})
    city = SmallCity(
        transfer_unit("T1", station=at(112.05)), unit("U1", station=at(111.80)), hospitals=[far]
    )
    events = city.say(case("c1"))
    assert goes(events) == "U1"


def test_a_run_that_nobody_can_do_in_one_set_is_done_and_told() -> None:
    city = SmallCity(transfer_unit("T1", station=FAR), hospitals=[HOSPITAL])
    events = city.say(case("c1"))
    assert goes(events) == "T1"
    assert "beyond_wear_time" in only(IncidentAssigned, events).why
    assert escalated(events) == ["crew_far_away", "wear_time_exceeded"]
    assert "lasts 240 min" in explained(events, "wear_time_exceeded")
    # It is told once.
    assert escalated(city.answer("c1", case_status="suspected")) == []


def test_whoever_wears_nothing_special_may_take_as_long_as_it_takes() -> None:
    far = hospital("general", "ordinary", position=at(114.00))
    city = SmallCity(unit("U1"), hospitals=[far])
    assert escalated(city.say(call("c1"))) == []


def test_a_crew_that_is_told_to_protect_fully_on_its_way_is_told_how_long_that_lasts() -> None:
    far = hospital("designated", "designated", position=at(114.00), rooms={"isolation": 2})
    near = hospital("clinic", "fever_clinic")
    city = SmallCity(unit("U1"), hospitals=[far, near])
    assert escalated(city.say(febrile("c1", UNDETERMINED))) == []
    events = city.answer("c1", epidemiology=POSITIVE)
    assert escalated(events) == ["no_transfer_crew_to_swap", "wear_time_exceeded"]


def test_a_set_that_is_worn_longer_than_was_expected_is_told_in_time() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.pass_time(30)
    city.run_to("U1", "on_scene")
    # 30 min before the 4 h are over, for the disinfection.
    assert "wear_time_exceeded" not in escalated(city.pass_time(210 * 60 - 1))
    assert escalated(city.pass_time(1)) == ["wear_time_exceeded"]
    assert "wear_time_exceeded" not in escalated(city.pass_time(60 * 60))


@pytest.mark.parametrize("door", [True, False])
def test_a_set_is_worn_until_the_hospital_has_signed(door: bool) -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "at_hospital")
    if not door:
        city.hand_over("U1")
    assert ("wear_time_exceeded" in escalated(city.pass_time(210 * 60))) is door
    assert not any(timer.kind == "wear_time" for timer in city.timers.values())


def test_disinfection_at_the_base_is_not_done_in_the_crews_own_set() -> None:
    def told(pack: Pack) -> list[str]:
        far = hospital("designated", "designated", position=at(112.75), rooms={"isolation": 2})
        city = SmallCity(transfer_unit("T1"), pack=pack, hospitals=[far])
        return escalated(city.say(case("c1")))

    assert told(load_pack("covid-19")) == ["wear_time_exceeded"]
    assert told(load_pack("influenza-a-h1n1-2009")) == []


def test_a_planned_trip_is_told_too_and_its_way_is_not() -> None:
    city = SmallCity(transfer_unit("T1", station=FAR), hospitals=[HOSPITAL])
    city.say(wanted("t1"))
    offer = next(iter(city.city.offers.values()))
    events = city.say(city.accepts(offer.offer_id))
    assert escalated(events) == ["crew_far_away", "wear_time_exceeded"]
