"""A unit that is free takes over the run of a crew that would be there much later, and no other."""

from typing import Any

import pytest

from dispatch.policy.pack import Pack, load_pack
from dispatch.topics.handovers import HandoverAnnounced
from dispatch.topics.incidents import IncidentAssigned, IncidentReleased
from dispatch.topics.orders import OrderIssued, OrderWithdrawn
from tests.unit.domain.city_builder import (
    EAST,
    MIDDLE,
    POSITIVE,
    SmallCity,
    at,
    call,
    every,
    febrile,
    kinds,
    only,
    transfer_unit,
    unit,
    wanted,
)

# At 40 km/h and a road factor of 1.35, 0.01 degrees take 102 s; the packs' limit is 180 s.
FAR = {"latitude": 40.8, "longitude": 111.70}
NEARER, HARDLY_NEARER = at(111.68), at(111.616)


def off_duty(unit_id: str, **changes: Any) -> Any:
    """Return a unit at the far patient's door that comes on duty later."""
    return unit(unit_id, **{"status": "off_duty", "station": at(111.70)} | changes)


def far(call_id: str = "c1", **changes: Any) -> Any:
    """Return the call of the far patient."""
    return call(call_id, location=FAR, **changes)


def ordered(city: SmallCity, event: Any) -> str:
    """Let a call come, and its crew acknowledge the order; returns who goes."""
    (order,) = every(OrderIssued, city.say(event))
    city.say(city.acknowledged(order.unit_id))
    return order.unit_id


def on_it(city: SmallCity, incident_id: str = "c1") -> list[str]:
    """Return who is on an incident now."""
    return city.on_the_incident(incident_id)


def test_a_unit_that_comes_on_duty_nearer_by_takes_over() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    ordered(city, far())
    events = city.report("U2", "available")
    told = kinds(events)
    assert told.index("order.issued") < told.index("order.withdrawn")
    assert only(OrderIssued, events).unit_id == "U2"
    assert only(OrderWithdrawn, events).unit_id == "U1"
    assigned = only(IncidentAssigned, events)
    assert assigned.because == "unit U2 is free and 1023 s nearer"
    assert assigned.why == ["nearest_by_travel_time", "own_district", "nearer_unit_free"]
    assert assigned.passed_over == {"farther": 1}
    assert only(IncidentReleased, events).outcome == "swapped"
    assert (city.unit("U1").status, city.unit("U2").status) == ("returning", "ordered")


def test_a_unit_that_is_hardly_nearer_does_not() -> None:
    city = SmallCity(unit("U1"), off_duty("U2", station=HARDLY_NEARER))
    ordered(city, far())
    city.report("U2", "available")
    assert on_it(city) == ["U1"]


def test_a_crew_that_has_not_acknowledged_keeps_its_run_until_it_is_found_silent() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    city.say(far())
    city.report("U2", "available")
    assert on_it(city) == ["U1"]
    released = only(IncidentReleased, city.pass_time(60))
    assert (released.unit_id, released.outcome) == ("U1", "unanswered")
    assert on_it(city) == ["U2"]


def test_a_crew_that_has_come_near_meanwhile_keeps_its_run() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    ordered(city, far())
    city.report("U1", "rolling", position=at(111.69))
    city.report("U2", "available")
    assert on_it(city) == ["U1"]


def test_a_crew_is_taken_to_have_driven_on_since_it_said_where_it_is() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    ordered(city, far())
    city.report("U1", "rolling", position=at(111.675))
    city.pass_time(100)
    city.report("U2", "available")
    assert on_it(city) == ["U1"]


def test_a_crew_on_its_way_whose_position_is_not_known_keeps_its_run() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    ordered(city, far())
    city.report("U1", "rolling", position=at(111.61))
    city.pass_time(121)
    city.report("U2", "available")
    assert on_it(city) == ["U1"]
    city.report("U1", position=at(111.61))
    city.report("U2", position=at(111.70))
    assert on_it(city) == ["U2"]


def test_a_unit_whose_position_is_not_known_takes_nothing_over() -> None:
    city = SmallCity(unit("U1"), off_duty("U2", position=at(111.70), position_at=None))
    ordered(city, far())
    city.report("U2", "available", position=at(111.70))
    assert on_it(city) == ["U2"]
    city = SmallCity(unit("U1"), off_duty("U2"))
    city.report("U2", position=at(111.70))
    city.pass_time(121)
    ordered(city, far())
    city.report("U2", "available")
    assert on_it(city) == ["U1"]


def test_a_crew_that_has_met_its_patient_keeps_the_run() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    city.say(far())
    city.run_to("U1", "on_scene")
    city.report("U2", "available")
    assert on_it(city) == ["U1"]


def test_a_crew_that_the_dispatcher_chose_keeps_the_run() -> None:
    city = SmallCity(unit("U1"), unit("U3"), off_duty("U2"))
    (other,) = {"U1", "U3"} - {ordered(city, far())}
    city.override("c1", unit_id=other)
    city.say(city.acknowledged(other))
    city.report("U2", "available")
    assert on_it(city) == [other]


def test_the_crew_kind_that_the_dispatcher_chose_stays() -> None:
    city = SmallCity(transfer_unit("T1"), off_duty("U2"), mode="routine")
    assert ordered(city, far()) == "T1"
    city.override("c1", crew="transfer")
    city.report("U2", "available")
    assert on_it(city) == ["T1"]


def test_a_crew_of_the_kind_that_the_dispatcher_did_not_choose_takes_nothing_over() -> None:
    city = SmallCity(unit("U1"), off_duty("T1", crew="transfer"), mode="routine")
    assert ordered(city, far()) == "U1"
    city.override("c1", crew="regular")
    city.report("T1", "available")
    assert on_it(city) == ["U1"]


def test_a_crew_that_the_dispatcher_sent_away_does_not_come_back() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1", station=at(111.70)), mode="routine")
    assert ordered(city, far()) == "T1"
    city.override("c1", crew="regular")
    assert on_it(city) == ["U1"]
    city.say(city.acknowledged("U1"))
    city.report("T1", position=at(111.70))
    assert on_it(city) == ["U1"]


def test_a_crew_of_the_wrong_kind_takes_nothing_over() -> None:
    city = SmallCity(
        transfer_unit("T1"), unit("U1"), off_duty("U2"), off_duty("T2", crew="transfer")
    )
    assert ordered(city, febrile("c1", POSITIVE, location=FAR)) == "T1"
    assert ordered(city, far("c2", patient={"age": 3})) == "U1"
    city.report("U2", "available")
    assert (on_it(city, "c1"), on_it(city, "c2")) == (["T1"], ["U2"])
    city.report("T2", "available")
    assert (on_it(city, "c1"), on_it(city, "c2")) == (["T2"], ["U2"])


def test_in_one_pool_either_kind_takes_over() -> None:
    city = SmallCity(unit("U1"), off_duty("T2", crew="transfer"), mode="routine")
    ordered(city, far())
    city.report("T2", "available")
    assert on_it(city) == ["T2"]


def test_a_patient_who_is_asked_while_a_crew_is_on_its_way_gets_the_nearer_one_too() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    ordered(city, far())
    city.answer("c1", symptoms=["fever"])
    assert city.incident("c1").status == "assigned"
    city.report("U2", "available")
    assert on_it(city) == ["U2"]


def test_a_crew_of_another_district_takes_no_run_that_its_own_serves_in_time() -> None:
    patient = {"latitude": 40.8, "longitude": 111.66}
    city = SmallCity(unit("U1"), off_duty("U2", station=at(111.66), district=EAST))
    ordered(city, call("c1", location=patient))
    assert kinds(city.report("U2", "available")) == ["unit.changed"]
    assert on_it(city) == ["U1"]
    city.say(call("c2", location=patient, patient={"condition": "critical"}, district=MIDDLE))
    assert on_it(city, "c2") == ["U2"]


def test_the_trip_of_a_transfer_is_not_taken_over() -> None:
    city = SmallCity(transfer_unit("T1"), off_duty("T2", crew="transfer"))
    city.say(wanted("t1", location=FAR))
    for offer in list(city.city.offers.values()):
        city.say(city.accepts(offer.offer_id))
    city.say(city.acknowledged("T1"))
    city.report("T2", "available")
    assert on_it(city, "t1") == ["T1"]


def test_who_waits_comes_first() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    ordered(city, far())
    city.say(call("c2"))
    city.report("U2", "available")
    assert (on_it(city), on_it(city, "c2")) == (["U1"], ["U2"])


def test_the_crew_that_is_released_takes_over_in_its_turn() -> None:
    city = SmallCity(unit("U1"), off_duty("U2", station=at(111.50)), off_duty("U3"))
    ordered(city, far())
    city.report("U2", "available")
    assert ordered(city, call("c2", location={"latitude": 40.8, "longitude": 111.62})) == "U2"
    city.report("U1", "rolling", position=at(111.60))
    events = city.report("U3", "available")
    assert [each.unit_id for each in every(OrderIssued, events)] == ["U3", "U1"]
    assert (on_it(city), on_it(city, "c2")) == (["U3"], ["U1"])
    assert city.unit("U2").status == "returning"


def test_of_several_runs_the_one_with_the_most_gained_is_taken_over() -> None:
    city = SmallCity(unit("U1"), unit("U2", station=at(111.61)), off_duty("U3", station=NEARER))
    assert ordered(city, call("c2", location=FAR | {"longitude": 111.69})) == "U2"
    assert ordered(city, far()) == "U1"
    city.report("U3", "available")
    assert (on_it(city), on_it(city, "c2")) == (["U3"], ["U2"])


def test_a_unit_does_not_come_back_to_an_incident_that_it_has_left() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    ordered(city, far())
    city.report("U1", "rolling", position=at(111.60))
    city.report("U2", "available")
    city.say(city.acknowledged("U2"))
    city.report("U2", position=at(111.60))
    city.report("U1", position=at(111.70))
    assert on_it(city) == ["U2"]


def test_a_patient_whom_a_unit_left_on_the_way_is_reached_from_there() -> None:
    city = SmallCity(unit("U1"), unit("U2"), off_duty("U3", station=at(111.70)))
    first = ordered(city, call("c1"))
    city.run_to(first, "on_scene")
    city.report(first, "transporting", position=at(111.70))
    city.end(first, "aborted", "vehicle_fault")
    (second,) = on_it(city)
    city.say(city.acknowledged(second))
    city.report("U3", "available")
    assert on_it(city) == ["U3"]


def test_surplus_units_are_released_once_whoever_takes_over_what() -> None:
    city = SmallCity(
        unit("U1", station=at(111.66)),
        unit("U2", station=at(111.62)),
        unit("U3"),
        unit("U9", station=at(111.58)),
    )
    city.say(far(chief_complaint="traffic accident"))
    city.say(far("c2", patient_count=3, chief_complaint="traffic accident"))
    city.say(call("c5", location={"latitude": 40.8, "longitude": 111.61}))
    for unit_id, longitude in (("U1", 111.66), ("U2", 111.62), ("U3", 111.695), ("U9", 111.58)):
        city.report(unit_id, "rolling", position=at(longitude))
    events = city.unlink("c2")
    withdrawn = [each.assignment_id for each in every(OrderWithdrawn, events)]
    assert len(withdrawn) == len(set(withdrawn))
    active = {
        run.assignment_id: run.unit_id
        for run in city.city.assignments.values()
        if run.ended_at is None
    }
    assert len(set(active.values())) == len(active)
    assert all(city.unit(who).assignment_id == run for run, who in active.items())


def test_a_hospital_that_has_diverted_the_patient_is_not_asked_by_the_next_run() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    ordered(city, febrile("c1", location=FAR, patient={"condition": "critical"}))
    asked = city.handover("U1")
    city.say(city.diverts(asked))
    following = city.handover("U1").hospital_id
    assert following != asked.hospital_id
    events = city.report("U2", "available")
    assert only(HandoverAnnounced, events).hospital_id == following


@pytest.mark.parametrize("seconds", [None, 1024])
def test_the_pack_says_what_must_be_gained(seconds: int | None) -> None:
    city = SmallCity(unit("U1"), off_duty("U2"), pack=_pack(seconds))
    ordered(city, far())
    city.report("U2", "available")
    assert on_it(city) == ["U1"]


def _pack(seconds: int | None) -> Pack:
    pack = load_pack("covid-19")
    allocation = pack.allocation.model_copy(update={"take_over_seconds": seconds})
    return pack.model_copy(update={"allocation": allocation})
