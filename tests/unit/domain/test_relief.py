"""A unit that is free takes over the run of a crew that would be there much later, and no other."""

from typing import Any

import pytest

from dispatch.policy.pack import Pack, load_pack
from dispatch.topics.incidents import IncidentAssigned, IncidentReleased
from dispatch.topics.orders import OrderIssued, OrderWithdrawn
from tests.unit.domain.city_builder import (
    EAST,
    MIDDLE,
    POSITIVE,
    SmallCity,
    at,
    call,
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


def test_a_unit_that_comes_on_duty_nearer_by_takes_over() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    city.say(call("c1", location=FAR))
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
    city.say(call("c1", location=FAR))
    city.report("U2", "available")
    assert city.assignment("U1").incident_id == "c1"


def test_a_crew_that_has_come_near_meanwhile_keeps_its_run() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    city.say(call("c1", location=FAR))
    city.report("U1", "rolling", position=at(111.69))
    city.report("U2", "available")
    assert city.assignment("U1").incident_id == "c1"


def test_a_crew_on_its_way_whose_position_is_not_known_keeps_its_run() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    city.say(call("c1", location=FAR))
    city.report("U1", "rolling", position=at(111.61))
    city.pass_time(121)
    city.report("U2", "available")
    assert city.assignment("U1").incident_id == "c1"
    city.report("U1", position=at(111.61))
    city.report("U2", position=at(111.70))
    assert city.assignment("U2").incident_id == "c1"


def test_a_crew_that_has_met_its_patient_keeps_the_run() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    city.say(call("c1", location=FAR))
    city.run_to("U1", "on_scene")
    city.report("U2", "available")
    assert city.assignment("U1").incident_id == "c1"


def test_a_crew_that_the_dispatcher_chose_keeps_the_run() -> None:
    city = SmallCity(unit("U1"), unit("U3"), off_duty("U2"))
    city.say(call("c1", location=FAR))
    (other,) = {"U1", "U3"} - {city.city.assignments["c1/A1"].unit_id}
    city.override("c1", unit_id=other)
    city.report("U2", "available")
    assert city.assignment(other).incident_id == "c1"


def test_a_crew_of_the_wrong_kind_takes_nothing_over() -> None:
    city = SmallCity(
        transfer_unit("T1"), unit("U1"), off_duty("U2"), off_duty("T2", crew="transfer")
    )
    city.say(febrile("c1", POSITIVE, location=FAR))
    city.say(call("c2", location=FAR | {"longitude": 111.71}))
    assert city.assignment("T1").incident_id == "c1"
    assert city.assignment("U1").incident_id == "c2"
    city.report("U2", "available")
    assert city.assignment("T1").incident_id == "c1"
    assert city.assignment("U2").incident_id == "c2"
    city.report("T2", "available")
    assert city.assignment("T2").incident_id == "c1"


def test_a_crew_of_another_district_takes_no_run_that_its_own_serves_in_time() -> None:
    patient = {"latitude": 40.8, "longitude": 111.66}
    city = SmallCity(unit("U1"), off_duty("U2", station=at(111.66), district=EAST))
    city.say(call("c1", location=patient))
    city.report("U2", "available")
    assert city.assignment("U1").incident_id == "c1"
    city.say(call("c2", location=patient, patient={"condition": "critical"}, district=MIDDLE))
    assert city.assignment("U2").incident_id == "c2"


def test_the_trip_of_a_transfer_is_not_taken_over() -> None:
    city = SmallCity(transfer_unit("T1"), off_duty("T2", crew="transfer"))
    city.say(wanted("t1", location=FAR))
    for offer in list(city.city.offers.values()):
        city.say(city.accepts(offer.offer_id))
    assert city.assignment("T1").incident_id == "t1"
    city.report("T2", "available")
    assert city.assignment("T1").incident_id == "t1"


def test_who_waits_comes_first() -> None:
    city = SmallCity(unit("U1"), off_duty("U2"))
    city.say(call("c1", location=FAR))
    city.say(call("c2"))
    city.report("U2", "available")
    assert city.assignment("U1").incident_id == "c1"
    assert city.assignment("U2").incident_id == "c2"


def test_the_crew_that_is_released_takes_over_in_its_turn() -> None:
    city = SmallCity(unit("U1"), off_duty("U2", station=at(111.50)), off_duty("U3"))
    city.say(call("c1", location=FAR))
    city.report("U2", "available")
    city.say(call("c2", location={"latitude": 40.8, "longitude": 111.62}))
    assert city.assignment("U2").incident_id == "c2"
    city.report("U1", "rolling", position=at(111.60))
    events = city.report("U3", "available")
    assert [each.unit_id for each in events if isinstance(each, OrderIssued)] == ["U3", "U1"]
    assert city.assignment("U3").incident_id == "c1"
    assert city.assignment("U1").incident_id == "c2"
    assert city.unit("U2").status == "returning"


def test_of_several_runs_the_one_with_the_most_gained_is_taken_over() -> None:
    city = SmallCity(unit("U1"), unit("U2", station=at(111.61)), off_duty("U3", station=NEARER))
    city.say(call("near", location={"latitude": 40.8, "longitude": 111.69}))
    city.say(call("far", location=FAR))
    assert city.assignment("U2").incident_id == "near"
    city.report("U3", "available")
    assert city.assignment("U3").incident_id == "far"
    assert city.assignment("U2").incident_id == "near"


@pytest.mark.parametrize("seconds", [None, 1024])
def test_the_pack_says_what_must_be_gained(seconds: int | None) -> None:
    city = SmallCity(unit("U1"), off_duty("U2"), pack=_pack(seconds))
    city.say(call("c1", location=FAR))
    city.report("U2", "available")
    assert city.assignment("U1").incident_id == "c1"


def _pack(seconds: int | None) -> Pack:
    pack = load_pack("covid-19")
    allocation = pack.allocation.model_copy(update={"take_over_seconds": seconds})
    return pack.model_copy(update={"allocation": allocation})
