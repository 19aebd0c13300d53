"""What the crew gets: the order whole, every change that it would see, and nothing twice."""

from dataclasses import replace
from typing import Any

import pytest

from dispatch.domain import orders
from dispatch.domain.model import Assignment
from dispatch.store import codec
from dispatch.topics import for_everybody
from dispatch.topics.announcement import Announcement
from dispatch.topics.calls import Call, CallLinkConfirmed
from dispatch.topics.incidents import IncidentAmended
from dispatch.topics.orders import OrderAmended, OrderEnded, OrderIssued, OrderWithdrawn
from tests.unit.domain.city_builder import (
    ALL_NO,
    POSITIVE,
    WEST,
    SmallCity,
    call,
    every,
    febrile,
    kinds,
    only,
    transfer_unit,
    unit,
    wanted,
)

SAID: dict[str, Any] = {
    "caller": {"phone": "13800000001", "name": "Wang"},
    "contact": {"phone": "13800000002", "name": "Zhao"},
    "patient": {
        "condition": "unknown",
        "symptoms": ["fever"],
        "name": "Li",
        "sex": "female",
        "age": 62.0,
    },
    "epidemiology": POSITIVE,
    "chief_complaint": "fever for two days",
    "requirement": "oxygen on board",
    "special_needs": "speaks Mongolian",
    "preliminary_judgement": "influenza",
    "call_address": "the shop below",
    "destination_wish": "People's Hospital",
    "stretcher": True,
    "location": {"latitude": 40.8, "longitude": 111.601, "address": "Victory Street 1"},
}
WORDS = (
    "13800000001", "13800000002", "Wang", "Zhao", "Li", "female", "62", "fever", "close_contact",
    "oxygen", "Mongolian", "influenza", "the shop below", "People's Hospital", "Victory", "111.601",
)  # fmt: skip


def told_all() -> Call:
    return call("c1", **SAID)


def changed(events: list[Announcement]) -> dict[str, Any]:
    return only(OrderAmended, events).changed


def ordered(**changes: Any) -> SmallCity:
    """Return a city with a unit on its way to a stable patient of whom all is known."""
    city = SmallCity(unit("U1"), unit("U2", station=unit("U1").station))
    patient = {"condition": "stable"} | changes.pop("patient", {})
    city.say(call("c1", patient=patient, epidemiology=ALL_NO, **changes))
    return city


def test_an_order_has_all_that_the_console_collected() -> None:
    order = only(OrderIssued, SmallCity(unit("U1")).say(told_all()))
    assert order.call_back == "13800000001"
    assert [(who.role, who.name, who.phone) for who in order.contacts or ()] == [
        ("caller", "Wang", "13800000001"),
        ("contact", "Zhao", "13800000002"),
    ]
    [patient] = order.patients or []
    assert (patient.name, patient.sex, patient.age) == ("Li", "female", 62.0)
    assert order.symptoms == ["fever"]
    assert order.epidemiology == POSITIVE
    assert order.history == "positive"
    assert (order.complaint, order.requirement) == ("fever for two days", "oxygen on board")
    assert (order.special_needs, order.stretcher) == ("speaks Mongolian", True)
    assert {(note.about, note.text) for note in order.notes or ()} == {
        ("preliminary_judgement", "influenza"),
        ("destination_wish", "People's Hospital"),
        ("call_address", "the shop below"),
    }
    scene = order.scene
    assert (scene.latitude, scene.longitude, scene.address) == (40.8, 111.601, "Victory Street 1")
    assert (scene.district, scene.district_name) == (WEST, "West")
    assert order.handover_id == "c1/A1/H1"


def test_of_all_this_the_shared_topic_has_nothing() -> None:
    city = SmallCity(unit("U1"))
    told: list[Announcement] = [only(OrderIssued, city.say(told_all()))]
    told += every(OrderAmended, city.answer("c1", condition="critical", symptoms=["cough"]))
    for event in told:
        said = for_everybody(event.event_type, event.model_dump(mode="json"))
        type(event).model_validate(said)
        text = str(said)
        assert [word for word in WORDS if word in text] == []
        assert "cough" not in text
    scene = for_everybody("order.issued", told[0].model_dump(mode="json"))["scene"]
    # The district's centre, marked as such.
    assert (scene["latitude"], scene["longitude"]) == (40.8, 111.6)
    assert (scene["source"], scene["address"], scene["district"]) == ("district_centre", None, WEST)
    amended = for_everybody("order.amended", told[1].model_dump(mode="json"))
    # Its readers see that a crew was told, and of what only what is nobody's own.
    assert amended["changed"]["condition"] == "critical"
    assert amended["changed"]["symptoms"] is None


def test_a_place_without_its_district_in_the_event_is_told_to_some_ten_kilometres() -> None:
    order = only(OrderIssued, SmallCity(unit("U1")).say(told_all())).model_dump(mode="json")
    before = {
        name: order["scene"][name] for name in ("latitude", "longitude", "source", "district")
    }
    said = for_everybody(
        "order.issued", order | {"scene": before | {"address": "Victory Street 1"}}
    )
    assert (said["scene"]["latitude"], said["scene"]["longitude"]) == (40.8, 111.6)
    assert said["scene"]["address"] is None


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"condition": "critical"}, {"condition": "critical"}),
        ({"condition": "unknown"}, {"condition": "unknown"}),
        ({"symptoms": ["diarrhoea"]}, {"symptoms": ["diarrhoea"]}),
        ({"case_status": "suspected"}, {"case_status": "suspected"}),
        (
            {"epidemiology": {"exposure": "unknown"}},
            {"epidemiology": ALL_NO | {"exposure": "unknown"}, "history": "undetermined"},
        ),
    ],
)
def test_what_an_answer_changes_reaches_the_crew(
    answers: dict[str, Any], told: dict[str, Any]
) -> None:
    city = ordered()
    found = changed(city.answer("c1", **answers))
    assert {name: found.get(name) for name in told} == told


def test_a_critical_change_reaches_a_crew_on_scene_and_on_the_way_to_the_hospital() -> None:
    city = ordered()
    city.run_to("U1", "on_scene")
    assert changed(city.answer("c1", condition="critical"))["condition"] == "critical"
    city.report("U1", "transporting")
    assert changed(city.answer("c1", condition="stable"))["condition"] == "stable"


def test_a_symptom_taken_back_reaches_the_crew() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", ALL_NO))
    assert changed(city.answer("c1", symptoms_taken_back=["fever"]))["symptoms"] == []


def test_each_crew_of_an_incident_is_told() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", patient_count=2))
    events = city.answer("c1", condition="critical")
    assert {each.unit_id for each in every(OrderAmended, events)} == {"U1", "U2"}


def test_nothing_new_is_no_amendment() -> None:
    city = ordered(patient={"symptoms": ["diarrhoea"]})
    assert city.answer("c1", symptoms=["diarrhoea"]) == []
    # A code and a word for it are the same symptom.
    events = city.answer("c1", symptoms=["腹泻"])
    assert not every(OrderAmended, events)
    assert not every(IncidentAmended, events)
    assert all(
        each.changed for each in every(OrderAmended, city.answer("c1", condition="critical"))
    )


def test_who_reports_a_status_changes_no_order() -> None:
    city = ordered()
    events = city.run_to("U1", "on_scene")
    assert not every(OrderAmended, events)


def repeat(**changes: Any) -> Call:
    """Return a call about the same patient, alike in complaint."""
    return call("c2", epidemiology=ALL_NO, chief_complaint="he has fallen", **changes)


def linked_city(**changes: Any) -> SmallCity:
    return ordered(chief_complaint="he has fallen", **changes)


def test_the_number_of_a_second_caller_reaches_the_crew() -> None:
    city = linked_city(caller={"phone": "13800000001"})
    events = city.say(repeat(caller={"phone": "13800000009", "name": "Sun"}))
    assert kinds(events)[0] == "call.linked"
    contacts = changed(events)["contacts"]
    assert [each["phone"] for each in contacts] == ["13800000001", "13800000009"]
    assert "call_back" not in changed(events)


def test_the_first_number_that_anybody_gives_is_to_be_called_back() -> None:
    city = linked_city()
    assert city.assignment("U1").told["call_back"] is None
    assert changed(city.say(repeat(caller={"phone": "13800000009"})))["call_back"] == "13800000009"


def test_a_second_call_that_says_nothing_new_tells_the_crew_nothing() -> None:
    city = linked_city(caller={"phone": "13800000001"})
    events = city.say(repeat(caller={"phone": "13800000001"}))
    assert kinds(events) == ["call.linked"]


def test_what_a_second_caller_asks_for_reaches_the_crew() -> None:
    city = linked_city(requirement="oxygen on board")
    events = city.say(repeat(requirement="come to the back door", special_needs="deaf"))
    assert changed(events)["special_needs"] == "deaf"
    assert changed(events)["notes"] == [{"about": "requirement", "text": "come to the back door"}]
    assert "requirement" not in changed(events)


def test_no_name_that_is_given_is_lost_whatever_the_count() -> None:
    city = ordered(patient={"name": "Zhang San", "age": 58.0}, caller={"phone": "13800000001"})
    same = {"name": "Zhang Laosan", "age": 60.0, "sex": "male"}
    city.say(call("c2", patient=same, caller={"phone": "13800000001"}))
    event = CallLinkConfirmed(call_id="c2", at=city.now, by="d1", reason="one patient")
    patients = changed(city.say(event))["patients"]
    assert [each["name"] for each in patients] == ["Zhang San", "Zhang Laosan"]
    assert changed(city.answer("c1", condition="critical")).keys() == {"condition"}


def test_more_patients_reach_the_crew_that_is_there() -> None:
    city = linked_city()
    events = city.say(repeat(patient_count=3))
    of_first = [each for each in every(OrderAmended, events) if each.unit_id == "U1"]
    assert [each.changed["patient_count"] for each in of_first] == [3]


def test_what_an_unlinked_call_said_is_not_told_any_more() -> None:
    city = linked_city(caller={"phone": "13800000001"})
    city.say(repeat(caller={"phone": "13800000009"}))
    events = city.unlink("c2")
    of_first = [each for each in every(OrderAmended, events) if each.unit_id == "U1"]
    assert [[who["phone"] for who in each.changed["contacts"]] for each in of_first] == [
        ["13800000001"]
    ]


def test_another_place_reaches_the_crew() -> None:
    city = ordered()
    run = city.assignment("U1")
    elsewhere = replace(run.place, address="Victory Street 2")

    def move(it: Any) -> None:
        it.put(replace(it.incidents["c1"], place=elsewhere))
        it.put(replace(run, place=elsewhere))
        orders.tell_crews(it)

    assert changed(city.do(move))["scene"]["address"] == "Victory Street 2"


def test_of_very_many_callers_an_order_stays_one_that_a_topic_takes() -> None:
    city = linked_city()
    long = "x" * 20_000
    for number in range(120):
        caller = {"phone": f"{number:011}", "name": "y" * 2_000}
        said = repeat(caller=caller, requirement=f"{long[:-4]}{number}")
        city.say(said.model_copy(update={"call_id": f"r{number}"}))
    told = city.assignment("U1").told
    assert len(told["contacts"]) == 100
    assert len(told["notes"]) <= 50
    assert len(codec.dump(city.assignment("U1"))) < 300_000


def test_a_crew_of_a_transfer_is_told_of_its_own_patients_only() -> None:
    city = SmallCity(transfer_unit("T1"), transfer_unit("T2"))
    city.say(
        wanted(
            "t1",
            {"name": "Li", "mobility": "stretcher"},
            {"name": "Wu"},
            contact={"phone": "04700000000", "name": "ward 3"},
        )
    )
    events = city.say(city.accepts("t1/O1"))
    found = every(OrderIssued, events)
    assert len(found) == 2
    for order, name in zip(found, ("Li", "Wu"), strict=True):
        assert [patient.name for patient in order.patients or ()] == [name]
        assert order.institution_id == "clinic"
        assert order.call_back == "04700000000"


def test_a_run_that_is_over_ends_its_order_once() -> None:
    city = ordered()
    city.run_to("U1", "at_hospital")
    events = city.hand_over("U1")
    assert only(OrderEnded, events).outcome == "completed"
    city.say(call("c3"))
    assert not every(OrderEnded, city.pass_time(60))


def test_an_empty_run_ends_its_order() -> None:
    city = ordered()
    city.run_to("U1", "on_scene")
    events = city.end("U1", "empty", "patient_left")
    assert only(OrderEnded, events).outcome == "empty"


@pytest.mark.parametrize(
    "end",
    [
        lambda city: city.cancel("c1"),
        lambda city: city.override("c1", unit_id="U2"),
        lambda city: city.report("U1", "out_of_service"),
    ],
)
def test_an_order_that_was_withdrawn_is_not_ended_too(end: Any) -> None:
    events = end(ordered())
    assert only(OrderWithdrawn, events).unit_id == "U1"
    assert not every(OrderEnded, events)


def test_what_a_crew_was_told_is_known_again_from_the_database() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1", {"needs": ["oxygen"], "age": 1.5}))
    city.say(city.accepts("t1/O1"))
    run = city.assignment("T1")
    assert codec.load("Assignment", codec.dump(run)) == run


def test_a_run_of_before_is_told_everything_with_the_next_change() -> None:
    city = ordered(caller={"phone": "13800000001"})
    run = city.assignment("U1")
    city.do(lambda it: it.put(replace(run, told={})))
    told = changed(city.answer("c1", condition="critical"))
    assert told["condition"] == "critical"
    assert told["call_back"] == "13800000001"
    state = codec.dump(run)
    before = codec.load("Assignment", state.replace('"told"', '"told_before"'))
    assert isinstance(before, Assignment)
    assert before.told == {}
