"""What may be about an open incident is proposed to a dispatcher, and a crew goes meanwhile."""

from typing import Any

import pytest

from dispatch.domain.city import Unknown
from dispatch.topics.calls import CallLinkConfirmed, CallLinkRefused
from dispatch.topics.clocks import ClockStopped
from dispatch.topics.handovers import (
    HandoverAnnounced,
    HandoverClosed,
    HandoverObserved,
    HandoverWithdrawn,
)
from dispatch.topics.incidents import CallLinked, LinkLapsed, LinkProposed, LinkRefused
from dispatch.topics.orders import OrderAmended, OrderIssued, OrderWithdrawn
from dispatch.topics.reports import CaseReported
from tests.unit.domain.city_builder import (
    UNDETERMINED,
    SmallCity,
    at,
    call,
    every,
    febrile,
    hospital,
    kinds,
    only,
    transfer_unit,
    unit,
    wanted,
)

PHONE, OTHER = "13904700001", "13904700002"
HERE = {"latitude": 40.8, "longitude": 111.6}
BESIDE = {"latitude": 40.8, "longitude": 111.6024}  # 202 m to the east
SOMEWHERE = {"address": "幸福小区3号楼2单元501"}
FIRST: dict[str, Any] = {"caller": {"phone": PHONE}, "chief_complaint": "胸痛", "location": HERE}


def confirmed(city: SmallCity, call_id: str, **more: Any) -> CallLinkConfirmed:
    return CallLinkConfirmed(call_id=call_id, at=city.now, by="d1", reason="one patient", **more)


def refused(city: SmallCity, call_id: str, **more: Any) -> CallLinkRefused:
    return CallLinkRefused(call_id=call_id, at=city.now, by="d1", reason="two patients", **more)


@pytest.mark.parametrize(
    ("first", "second", "metres", "same_phone"),
    [
        # One of them without an exact place.
        (FIRST, FIRST | {"location": SOMEWHERE}, None, True),
        (FIRST | {"location": SOMEWHERE}, FIRST, None, True),
        # 200 m apart, whatever else is said.
        (FIRST, FIRST | {"location": BESIDE}, 202.0, True),
        (FIRST, {"location": BESIDE, "chief_complaint": "burnt hand"}, 202.0, False),
        # Close, but neither telephone nor complaint agree.
        (FIRST, {"location": HERE, "chief_complaint": "burnt hand"}, 0.0, False),
        (FIRST, {"location": HERE}, 0.0, False),
        # The same name.
        (
            FIRST | {"patient": {"name": "王小明"}},
            {"location": SOMEWHERE, "patient": {"name": "王 小明"}},
            None,
            False,
        ),
        (
            FIRST | {"caller": {"name": "Wang Xiaoming"}},
            {"location": SOMEWHERE, "patient": {"name": "WANG XIAOMING"}},
            None,
            False,
        ),
        # The same address, from somebody else.
        (
            FIRST | {"location": SOMEWHERE},
            {"location": {"address": "幸福小区 3号楼 2单元 501"}, "chief_complaint": "心梗"},
            None,
            False,
        ),
        # Another patient by what is said of them, in the same place and from the same telephone.
        (FIRST | {"patient": {"sex": "male"}}, FIRST | {"patient": {"sex": "女"}}, 0.0, True),
    ],
)
def test_a_link_is_proposed_where_one_thing_agrees_and_a_crew_goes(
    first: dict[str, Any], second: dict[str, Any], metres: float | None, same_phone: bool
) -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **first))
    events = city.say(call("c2", **second))
    proposed = only(LinkProposed, events)
    assert (proposed.call_id, proposed.incident_id) == ("c2", "c1")
    assert proposed.same_phone == same_phone
    assert proposed.metres == (None if metres is None else pytest.approx(metres, abs=0.5))
    assert only(OrderIssued, events).incident_id == "c2"
    assert (city.incident("c2").may_be, city.incident("c1").proposed) == ("c1", ("c2",))


@pytest.mark.parametrize(
    "second",
    [
        FIRST | {"location": {"latitude": 40.8, "longitude": 111.6037}},  # 312 m
        FIRST | {"location": {"latitude": 40.8405, "longitude": 111.6}},  # 4.5 km
        {"location": SOMEWHERE, "chief_complaint": "胸痛"},
        {"location": HERE | {"longitude": 111.6037}, "patient": {"name": "王小明"}},
    ],
)
def test_nothing_is_proposed_where_nothing_agrees_or_exact_places_contradict(
    second: dict[str, Any],
) -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST | {"patient": {"name": "王小明"}}))
    events = city.say(call("c2", **second))
    assert not {"link.proposed", "call.linked"} & set(kinds(events))
    assert only(OrderIssued, events).incident_id == "c2"


def test_the_same_address_telephone_and_complaint_are_a_repeat() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST | {"location": SOMEWHERE}))
    assert only(CallLinked, city.say(call("c2", **FIRST | {"location": SOMEWHERE}))).metres is None


# -- confirmed


def test_confirming_keeps_the_crew_that_arrives_first_and_calls_the_other_back() -> None:
    city = SmallCity(unit("far", station=at(111.75)))
    city.say(call("c1", **FIRST))
    city.city.load([unit("near", station=at(111.61))])
    city.say(call("c2", **FIRST | {"location": BESIDE}))
    assert city.assignment("near").incident_id == "c2"
    city.run_to("far", "rolling")
    events = city.say(confirmed(city, "c2"))
    linked = only(CallLinked, events)
    assert (linked.call_id, linked.incident_id) == ("c1", "c2")
    assert (linked.by, linked.reason) == ("d1", "one patient")
    assert only(OrderWithdrawn, events).unit_id == "far"
    assert city.unit("far").status == "returning"
    assert "c1" not in city.city.incidents
    assert city.incident("c2").calls == ("c2", "c1")
    assert city.incident("c2").may_be is None
    # The first caller is heard as the caller of the incident that goes on.
    assert city.answer("c1", condition="critical")
    assert city.incident("c2").condition == "critical"


def test_confirming_keeps_the_first_crew_where_it_is_nearer_or_as_near() -> None:
    city = SmallCity(unit("U1"), unit("U2", station=at(111.7)))
    city.say(call("c1", **FIRST))
    city.say(call("c2", **FIRST | {"location": BESIDE, "patient": {"condition": "critical"}}))
    events = city.say(confirmed(city, "c2", incident_id="c1"))
    assert only(CallLinked, events).call_id == "c2"
    assert only(OrderWithdrawn, events).unit_id == "U2"
    assert city.on_the_incident("c1") == ["U1"]
    assert city.incident("c1").condition == "critical"
    city.hand_over("U1")
    assert city.known(type(city.incident("c1")), "c1").outcome == "completed"


def test_confirming_an_incident_that_waits_serves_it_by_the_crew_of_the_other() -> None:
    city = SmallCity()
    city.say(call("c1", **FIRST | {"location": SOMEWHERE}))
    city.city.load([unit("U1")])
    city.say(call("c2", **FIRST))
    events = city.say(confirmed(city, "c2"))
    served = city.assignment("U1").incident_id
    assert every(OrderWithdrawn, events) == []
    assert served == only(CallLinked, events).incident_id
    assert sorted(city.incident(served).calls) == ["c1", "c2"]
    assert len(city.city.incidents) == 1
    assert not city.city.waiting


def test_confirming_gives_the_crew_that_stays_the_exact_place() -> None:
    city = SmallCity(unit("U1", station=at(111.61)), unit("U2", station=at(111.7)))
    city.say(call("c1", **FIRST | {"location": SOMEWHERE, "district": "150102"}))
    city.say(call("c2", **FIRST | {"location": BESIDE}))
    events = city.say(confirmed(city, "c2"))
    amended = only(OrderAmended, events)
    assert amended.unit_id == "U1"
    assert (amended.scene.longitude, amended.scene.source) == (111.6024, "caller")
    assert amended.scene.address == SOMEWHERE["address"]


def test_confirming_takes_the_patient_where_what_the_other_caller_said_is_to_be_had() -> None:
    isolating = ("ordinary", "fever_clinic", "emergency_buffer")
    city = SmallCity(
        unit("U1"),
        unit("U2", station=at(111.7)),
        hospitals=[
            hospital("near", *isolating, position=at(111.62)),
            hospital("able", *isolating, position=at(111.65), capabilities=("cardiac",)),
        ],
    )
    city.say(febrile("c1", UNDETERMINED, caller={"phone": PHONE}, location=HERE))
    told = {"caller": {"phone": OTHER}, "chief_complaint": "胸痛", "location": BESIDE}
    city.say(febrile("c2", UNDETERMINED, **told))
    assert [city.handover(name).hospital_id for name in ("U1", "U2")] == ["near", "able"]
    events = city.say(confirmed(city, "c2"))
    assert {each.handover_id for each in every(HandoverWithdrawn, events)} == {
        "c1/A1/H1", "c2/A1/H1",
    }  # fmt: skip
    announced = only(HandoverAnnounced, events)
    assert (announced.hospital_id, announced.needs) == ("able", ["cardiac"])
    amended = only(OrderAmended, events)
    assert (amended.unit_id, amended.handover_id) == ("U1", announced.handover_id)
    assert amended.changed["hospital_id"] == "able"
    assert [who["phone"] for who in amended.changed["contacts"]] == [PHONE, OTHER]
    assert amended.changed["complaint"] == "胸痛"


def test_confirming_a_case_sends_the_crew_for_it_and_reports_it_once() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1", station=at(111.61)))
    city.say(call("c1", **FIRST))
    events = city.say(call("c2", location=BESIDE, patient={"case_status": "suspected"}))
    report = only(CaseReported, events)
    assert city.assignment("T1").incident_id == "c2"
    events = city.say(confirmed(city, "c2"))
    (incident,) = city.city.incidents.values()
    assert incident.case_status == "suspected"
    assert city.on_the_incident(incident.incident_id) == ["T1"]
    assert city.unit("U1").status == "returning"
    assert every(CaseReported, events) == []
    assert "clock.met" in kinds(city.say(city.report_acknowledged(report.report_id)))
    city.run_to("T1", "on_scene")
    assert every(CaseReported, city.find("T1", case_status="suspected")) == []
    city.report("T1", "transporting", "at_hospital")
    assert only(HandoverClosed, city.hand_over("T1")).hospital_id == "designated"


def test_of_the_incident_that_is_over_no_limit_runs_and_nothing_is_waited_for() -> None:
    city = SmallCity(unit("U1"), unit("U2", station=at(111.7)))
    city.say(febrile("c1", UNDETERMINED, caller={"phone": PHONE}, location=HERE))
    city.say(febrile("c2", UNDETERMINED, caller={"phone": PHONE}, location=BESIDE))
    events = city.say(confirmed(city, "c2"))
    assert [each.subject for each in every(ClockStopped, events)] == ["c2/A1"]
    assert [name for name in city.timers if "c2" in name] == []
    waiting = SmallCity()
    waiting.say(call("c1", **FIRST))
    waiting.say(call("c2", **FIRST | {"location": BESIDE}))
    events = waiting.say(confirmed(waiting, "c2"))
    assert [each.owner for each in every(ClockStopped, events)] == ["c2"]
    assert [name for name in waiting.timers if "c2" in name] == []
    assert waiting.incident("c1").status == "waiting"


def test_what_is_measured_stays_with_its_crew_when_a_confirmed_link_is_undone() -> None:
    city = SmallCity(unit("U1"), unit("U2", station=at(111.7)))
    city.say(febrile("c1", UNDETERMINED, caller={"phone": PHONE}, location=HERE))
    city.say(febrile("c2", UNDETERMINED, caller={"phone": PHONE}, location=BESIDE))
    city.say(confirmed(city, "c2"))
    # Of the crew that was called back no hospital is told.
    late = city.say(city.observed("U2", assignment_id="c2/A1"))
    assert kinds(late) == ["observations.recorded"]
    city.run_to("U1", "on_scene")
    assert only(HandoverObserved, city.say(city.observed("U1"))).handover_id == "c1/A1/H1"
    events = city.unlink("c2")
    assert only(OrderIssued, events).assignment_id == "c2/A2"
    observed = every(HandoverObserved, events)
    assert [each["unit_id"] for event in observed for each in event.observations] == ["U2"]


def test_what_may_be_one_of_two_may_be_the_one_that_goes_on() -> None:
    city = SmallCity(unit("U1"), unit("U2"), unit("U3"))
    city.say(call("c1", **FIRST))
    city.say(call("c2", location=BESIDE, caller={"phone": OTHER}))
    third = {"location": {"address": "somewhere"}, "caller": {"phone": OTHER}}
    assert only(LinkProposed, city.say(call("c3", **third))).incident_id == "c2"
    events = city.say(confirmed(city, "c2"))
    assert only(CallLinked, events).incident_id == "c1"
    assert only(LinkLapsed, events).call_id == "c3"
    assert only(LinkProposed, events).incident_id == "c1"
    city.say(confirmed(city, "c3"))
    assert city.incident("c1").calls == ("c1", "c2", "c3")


def test_a_confirmed_link_is_undone_like_any_other() -> None:
    city = SmallCity(unit("U1"), unit("U2", station=at(111.7)))
    city.say(call("c1", **FIRST))
    city.say(call("c2", **FIRST | {"location": BESIDE}))
    city.say(confirmed(city, "c2"))
    assert "c2" not in city.city.incidents
    events = city.unlink("c2")
    order = only(OrderIssued, events)
    assert (order.unit_id, order.assignment_id) == ("U2", "c2/A2")
    assert city.incident("c1").calls == ("c1",)
    city.hand_over("U2")
    city.hand_over("U1")
    assert "c1" not in city.city.incidents
    assert "c2" not in city.city.incidents


def test_undoing_a_confirmed_link_loses_nothing_that_was_said_of_the_patient_before() -> None:
    city = SmallCity(unit("U1"), unit("U2", station=at(111.7)))
    city.say(call("c1", **FIRST))
    city.say(call("c2", **FIRST | {"location": SOMEWHERE}))
    exact = {"latitude": 40.8, "longitude": 111.601}
    city.answer("c2", condition="critical", symptoms=["diarrhoea"], location=exact)
    city.say(confirmed(city, "c2"))
    order = only(OrderIssued, city.unlink("c2"))
    assert (order.incident_id, order.condition) == ("c2", "critical")
    assert order.symptoms == ["diarrhoea", "chest_pain"]
    assert (order.scene.longitude, order.scene.address) == (111.601, SOMEWHERE["address"])


def test_undoing_a_confirmed_link_takes_the_place_back_that_was_the_other_patient_s() -> None:
    city = SmallCity(unit("U1", station=at(111.602)), unit("U2", station=at(111.75)))
    city.say(call("c1", **FIRST | {"location": SOMEWHERE}))
    city.say(call("c2", **FIRST | {"location": HERE}))
    exact = {"latitude": 40.8, "longitude": 111.61}
    city.answer("c2", location=exact)
    city.say(confirmed(city, "c2"))
    assert city.incident("c1").place.position == at(111.61)
    events = city.unlink("c2")
    [back] = [each for each in every(OrderAmended, events) if each.unit_id == "U1"]
    assert (back.scene.source, back.scene.address) == ("district_centre", SOMEWHERE["address"])
    assert only(OrderIssued, events).scene.longitude == 111.61


def test_nothing_is_proposed_to_be_a_transfer_that_is_arranged() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(wanted("t1", {"name": "王小明"}))
    institution = {"kind": "institution", "institution_id": "clinic", "can_admit_suspected": False}
    patient = {"name": "王小明", "case_status": "confirmed"}
    events = city.say(call("c1", caller=institution, patient=patient, location=SOMEWHERE))
    assert not every(LinkProposed, events)
    assert only(OrderIssued, events).unit_id == "T1"


# -- refused and lapsed


def test_refusing_leaves_two_incidents_with_a_crew_each() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST))
    city.say(call("c2", **FIRST | {"location": BESIDE}))
    events = city.say(refused(city, "c2", incident_id="c1"))
    assert kinds(events) == ["link.refused"]
    assert only(LinkRefused, events).incident_id == "c1"
    assert (city.incident("c2").may_be, city.incident("c1").proposed) == (None, ())
    assert city.on_the_incident("c1") == ["U1"]
    assert city.on_the_incident("c2") == ["U2"]
    for again in (confirmed(city, "c2"), refused(city, "c2")):
        assert city.refusal(again).startswith("call_id: has no link proposed")


@pytest.mark.parametrize("unit_id", ["U1", "U2"])
def test_a_proposal_lapses_when_a_crew_meets_a_patient(unit_id: str) -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST))
    city.say(call("c2", **FIRST | {"location": BESIDE}))
    lapsed = only(LinkLapsed, city.run_to(unit_id, "on_scene"))
    assert (lapsed.call_id, lapsed.incident_id) == ("c2", "c1")
    assert city.refusal(confirmed(city, "c2")).startswith("call_id: has no link proposed")
    # Whoever calls now is not proposed to a crew that knows its patient.
    events = city.say(call("c3", location=BESIDE, chief_complaint="burnt hand"))
    assert [each.incident_id for each in every(LinkProposed, events)] == (
        ["c2"] if unit_id == "U1" else ["c1"]
    )


def test_a_proposal_lapses_with_either_incident() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST))
    city.say(call("c2", **FIRST | {"location": BESIDE}))
    assert only(LinkLapsed, city.cancel("c1")).call_id == "c2"
    assert city.incident("c2").may_be is None


def test_a_proposal_lapses_when_a_place_contradicts_it() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", **FIRST))
    city.say(call("c2", **FIRST | {"location": SOMEWHERE}))
    events = city.answer("c2", location={"latitude": 40.85, "longitude": 111.6})
    assert only(LinkLapsed, events).reason == "the places are too far apart"


def test_a_word_on_a_link_that_is_not_proposed_changes_nothing() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    with pytest.raises(Unknown):
        city.say(confirmed(city, "c1"))
    city.say(call("c1", **FIRST))
    assert city.refusal(confirmed(city, "c1")).startswith("call_id: has no link proposed")
    city.say(call("c2", **FIRST | {"location": BESIDE}))
    assert city.refusal(confirmed(city, "c2", incident_id="c9")) == (
        "incident_id: is not what is proposed: that is c1"
    )
