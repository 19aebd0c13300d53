"""A better place, from whomever, reaches the crew at once and may change who goes."""

from typing import Any

import pytest

from dispatch.topics.calls import CallAnswered
from dispatch.topics.handovers import HandoverAnnounced, HandoverUpdated, HandoverWithdrawn
from dispatch.topics.incidents import IncidentAmended, IncidentAssigned
from dispatch.topics.orders import OrderAmended, OrderIssued
from dispatch.topics.units import SceneReported
from tests.unit.domain.city_builder import (
    UNDETERMINED,
    SmallCity,
    at,
    call,
    every,
    febrile,
    only,
    transfer_unit,
    unit,
)

PHONE, OTHER = "13904700001", "13904700002"
HERE = {"latitude": 40.8, "longitude": 111.6}
NEAR = {"latitude": 40.8008, "longitude": 111.6}  # 89 m
ADDRESS = {"address": "胜利街 1 号"}
FIRST: dict[str, Any] = {"caller": {"phone": PHONE}, "chief_complaint": "胸痛"}


def scene_reported(city: SmallCity, unit_id: str, **location: Any) -> SceneReported:
    assignment_id = city.assignment(unit_id).assignment_id
    body = {"unit_id": unit_id, "assignment_id": assignment_id, "at": city.now}
    return SceneReported.model_validate(body | {"location": location})


def test_an_answer_with_a_place_amends_the_order_with_the_scene() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", **FIRST, location=ADDRESS))
    events = city.answer("c1", location={"latitude": 40.82, "longitude": 111.63})
    amended = only(OrderAmended, events)
    assert amended.unit_id == "U1"
    assert (amended.scene.latitude, amended.scene.longitude) == (40.82, 111.63)
    assert (amended.scene.source, amended.scene.address) == ("caller", "胜利街 1 号")
    assert amended.changed["scene"]["latitude"] == 40.82
    # Whoever reads the shared topic learns that the place is another, and the district.
    told = only(IncidentAmended, events).changed["scene"]
    assert (told["longitude"], told["source"], told["address"]) == (111.6, "district_centre", None)
    assert city.incident("c1").place.position == at(111.63, 40.82)
    assert city.assignment("U1").place == city.incident("c1").place


def test_a_better_place_and_what_else_is_said_with_it_are_one_amendment() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED, **FIRST, location=ADDRESS))
    events = city.answer("c1", location=HERE, condition="critical", symptoms=["cough"])
    amended = only(OrderAmended, events)
    assert {"scene", "condition", "symptoms"} <= amended.changed.keys()
    assert len(every(HandoverUpdated, events) + every(HandoverAnnounced, events)) == 1
    graver = FIRST | {"caller": {"phone": PHONE, "name": "Wang Xiaoming"}, "patient_count": 1}
    events = city.say(febrile("c2", {"exposure": "yes"}, **graver, location=NEAR))
    amended = only(OrderAmended, events)
    assert {"scene", "contacts", "epidemiology"} <= amended.changed.keys()
    assert len(every(HandoverUpdated, events) + every(HandoverAnnounced, events)) == 1


def test_an_address_alone_leaves_the_position_and_a_filler_everything() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", **FIRST))
    amended = only(OrderAmended, city.answer("c1", location=ADDRESS))
    assert (amended.scene.latitude, amended.scene.address) == (40.8, "胜利街 1 号")
    assert city.answer("c1", location={"address": "不详"}) == []


@pytest.mark.parametrize(
    "nowhere", [{"latitude": 0.0, "longitude": 0.0}, {"latitude": -40.8, "longitude": 111.6}]
)
def test_an_answer_with_a_place_at_which_nobody_is_changes_nothing(nowhere: dict[str, Any]) -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", **FIRST))
    answer = {"call_id": "c1", "answered_at": city.now, "condition": "critical"}
    refusal = city.refusal(CallAnswered.model_validate(answer | {"location": nowhere}))
    assert refusal.startswith("location: ")


def test_a_repeat_callers_exact_place_reaches_the_crew_from_the_same_phone_alone() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST))
    moved = only(OrderAmended, city.say(call("c2", **FIRST, location=NEAR)))
    assert moved.scene.latitude == NEAR["latitude"]
    bystander = FIRST | {"caller": {"phone": OTHER}}
    told = only(OrderAmended, city.say(call("c3", **bystander, location=HERE)))
    assert told.changed.keys() == {"contacts"}
    # Nobody is told of what any receiver is out by.
    jitter = NEAR | {"latitude": 40.8009}
    assert every(OrderAmended, city.say(call("c4", **FIRST, location=jitter))) == []


def test_the_place_of_a_call_that_was_linked_wrongly_is_taken_back() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST))
    city.say(call("c2", **FIRST, location=NEAR))
    events = city.unlink("c2")
    assert only(OrderAmended, events).scene.latitude == 40.8
    assert only(OrderIssued, events).scene.latitude == NEAR["latitude"]


def test_a_crew_on_scene_tells_the_others_where_the_district_was_all_that_was_known() -> None:
    city = SmallCity(unit("U1"), unit("U2", station=at(111.65)))
    city.say(call("c1", **FIRST, location=ADDRESS, patient_count=2))
    city.run_to("U1", "rolling")
    city.run_to("U2", "rolling")
    city.pass_time(300)
    events = city.report("U1", "on_scene", position=at(111.61))
    amended = only(OrderAmended, events)
    assert (amended.unit_id, amended.scene.longitude, amended.scene.source) == (
        "U2", 111.61, "unit",
    )  # fmt: skip
    # The run that is there fails: the next crew is sent to where it was, not to the district.
    city.city.load([unit("U3")])
    events = city.end("U1", "aborted", "vehicle_fault")
    assert only(OrderIssued, events).scene.longitude == 111.61


def test_what_a_crew_learns_of_the_scene_reaches_every_crew_on_its_way() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST, patient_count=2))
    events = city.say(scene_reported(city, "U1", latitude=40.81, longitude=111.6))
    told = every(OrderAmended, events)
    assert {each.unit_id for each in told} == {"U1", "U2"}
    assert {each.scene.source for each in told} == {"unit"}
    refusal = city.refusal(scene_reported(city, "U1", latitude=0.0, longitude=0.0))
    assert refusal.startswith("location: ")


def test_a_scene_that_moves_may_change_who_goes() -> None:
    city = SmallCity(unit("U1"), unit("east", station=at(111.8)))
    city.say(call("c1", **FIRST, location=ADDRESS))
    city.say(city.acknowledged("U1"))
    events = city.answer("c1", location={"latitude": 40.8, "longitude": 111.79})
    assert only(OrderIssued, events).unit_id == "east"
    assert city.on_the_incident("c1") == ["east"]


def test_a_scene_that_moves_changes_nobody_who_has_reached_the_patient() -> None:
    city = SmallCity(unit("U1"), unit("east", station=at(111.8)))
    city.say(call("c1", **FIRST, location=ADDRESS))
    city.run_to("U1", "on_scene")
    events = city.answer("c1", location={"latitude": 40.8, "longitude": 111.79})
    assert not every(OrderIssued, events)
    assert not every(OrderAmended, events)
    assert city.on_the_incident("c1") == ["U1"]


def test_who_takes_over_at_a_better_place_gets_the_order_and_the_hospital_s_room() -> None:
    city = SmallCity(unit("U1"), unit("east", station=at(111.8)))
    city.say(febrile("c1", UNDETERMINED, location=ADDRESS))
    city.say(city.acknowledged("U1"))
    room = city.handover("U1")
    events = city.answer("c1", location={"latitude": 40.8, "longitude": 111.79})
    order, assigned = only(OrderIssued, events), only(IncidentAssigned, events)
    assert (order.unit_id, order.scene.longitude) == ("east", 111.79)
    assert assigned.instead_of == "c1/A1"
    assert assigned.later_seconds is not None
    assert assigned.later_seconds < 0
    assert only(HandoverWithdrawn, events).handover_id == room.handover_id
    assert order.handover_id == only(HandoverAnnounced, events).handover_id
    # The crew that turns round was told where to, and that it goes back: nothing after that.
    of_first = [each.event_type for each in events if getattr(each, "unit_id", "") == "U1"]
    told = [each for each in of_first if each.startswith("order.")]
    assert told == ["order.amended", "order.withdrawn"]
    assert only(OrderAmended, city.answer("c1", condition="critical")).unit_id == "east"


def test_a_better_place_that_comes_with_a_case_sends_one_crew_by_where_the_patient_is() -> None:
    city = SmallCity(
        unit("U1"), unit("east", station=at(111.8)), transfer_unit("T1", station=at(111.82))
    )
    city.say(call("c1", **FIRST, location=ADDRESS))
    city.run_to("U1", "rolling")
    city.report("U1", position=at(111.6001))  # at the door of where the patient was said to be
    east = {"latitude": 40.8, "longitude": 111.79}
    events = city.answer("c1", location=east, case_status="confirmed")
    assert [each.unit_id for each in every(OrderIssued, events)] == ["T1"]
    assert only(OrderIssued, events).scene.longitude == 111.79
    assert city.on_the_incident("c1") == ["T1"]
    assert city.unit("U1").status == "returning"
