"""A transfer: asked for, arranged with a hospital, ordered, handed over into the beds kept."""

from typing import Any

import pytest

from dispatch.domain.city import Duplicate, Unknown
from dispatch.domain.model import Assignment, Handover
from dispatch.topics.announcement import Announcement
from dispatch.topics.beds import BedOccupied, BedReleased
from dispatch.topics.handovers import (
    HandoverAnnounced,
    HandoverWithdrawn,
    OfferWithdrawn,
    TransferOffered,
)
from dispatch.topics.incidents import CallDecided, EscalationRaised, IncidentAssigned
from dispatch.topics.orders import OrderIssued, OrderWithdrawn
from dispatch.topics.placements import TransferProgressed
from dispatch.topics.reports import CaseReported, CrossingReported
from tests.unit.domain.city_builder import (
    ALL_NO,
    BEDS,
    EAST,
    WEST,
    SmallCity,
    at,
    call,
    escalated,
    every,
    hospital,
    kinds,
    only,
    transfer_unit,
    unit,
    usual_hospitals,
    wanted,
)


def progress(events: list[Announcement]) -> list[tuple[str, str | None]]:
    return [(each.status, each.hospital_id) for each in every(TransferProgressed, events)]


def more_hospitals() -> list[Any]:
    return [
        *usual_hospitals(),
        hospital("site", "isolation_site", rooms={"isolation_site": 9}, position=at(111.70)),
        hospital("community", "community", rooms={"follow_up": 9}, position=at(111.72)),
        hospital("wards", "ordinary", rooms={"ward": 4}, position=at(111.73)),
    ]


def test_a_request_is_decided_and_the_nearest_hospital_asked_before_anybody_is_ordered() -> None:
    city = SmallCity(transfer_unit("T1"))
    events = city.say(wanted("t1"))
    assert progress(events) == [("requested", None), ("offered", "designated")]
    decided = only(CallDecided, events).decision
    assert (decided["rule"], decided["crew"]) == ("R1", "transfer")
    assert only(CaseReported, events).case_status == "confirmed"
    assert city.incident("t1").status == "arranging"
    assert city.unit("T1").status == "available"


def test_an_accepted_transfer_is_ordered_handed_over_into_its_bed_and_completed() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1", {"name": "Li", "age": 71}))
    events = city.say(city.accepts("t1/O1"))
    assert progress(events) == [("accepted", "designated")]
    order = only(OrderIssued, events)
    assert (order.unit_id, order.rule, order.hospital_id) == ("T1", "R1", "designated")
    announced = only(HandoverAnnounced, events)
    assert announced.place is None
    assert announced.beds == [{"patient_id": "p1", "room": "isolation", "place": 1}]
    assert announced.patient["patients"] == [
        {
            "patient_id": "p1", "severity": "ordinary", "mobility": "walking", "age": 71.0,
            "name": "Li", "needs": [],
        },
    ]  # fmt: skip
    events = city.hand_over("T1")
    assert only(BedOccupied, events).promise_id == "t1/B1"
    assert city.city.hospitals["designated"].rooms["isolation"] == BEDS["isolation"] - 1
    assert progress(events) == [("completed", "designated")]
    assert city.beds("taken") == [("p1", "designated", "isolation")]
    assert city.transfer("t1").ended_at == city.now


@pytest.mark.parametrize(
    ("kind", "rule", "crew", "destination", "hospital_id"),
    [
        ("confirmed", "R1", "transfer", "designated_hospital", "designated"),
        ("suspected", "R1", "transfer", "designated_hospital", "designated"),
        ("asymptomatic", "R1", "transfer", "designated_hospital", "designated"),
        ("febrile", "R1", "transfer", "designated_hospital", "designated"),
        ("close_contact", "TC", "transfer", "isolation_site", "site"),
        ("recovered", "TR", "regular", "home", "community"),
        ("in_patient", "TI", "regular", "ward", "wards"),
    ],
)
def test_each_kind_goes_where_it_belongs(
    kind: str, rule: str, crew: str, destination: str, hospital_id: str
) -> None:
    city = SmallCity(transfer_unit("T1"), unit("U1"), hospitals=more_hospitals())
    city.say(wanted("t1", kind=kind))
    order = only(OrderIssued, city.say(city.accepts("t1/O1")))
    assert (order.rule, order.crew, order.destination, order.hospital_id) == (
        rule, crew, destination, hospital_id,
    )  # fmt: skip
    events = city.hand_over(order.unit_id)
    assert progress(events) == [("completed", hospital_id)]


def test_a_febrile_patient_without_a_history_goes_to_a_fever_clinic_that_agrees() -> None:
    city = SmallCity(transfer_unit("T1"), unit("U1"))
    city.say(wanted("t1", kind="febrile", epidemiology=ALL_NO))
    assert city.offer("t1/O1").rooms == {"fever_clinic": 1}
    assert only(OrderIssued, city.say(city.accepts("t1/O1"))).rule == "R7"


def test_a_critical_patient_keeps_life_support_and_gets_an_intensive_care_bed() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1", {"severity": "critical"}))
    assert city.offer("t1/O1").rooms == {"icu": 1}
    order = only(OrderIssued, city.say(city.accepts("t1/O1")))
    assert (order.condition, order.life_support) == ("critical", True)


def test_a_diverted_transfer_goes_to_the_next_hospital() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    events = city.say(city.refuses("t1/O1"))
    assert progress(events) == [("diverted", "designated"), ("offered", "reserve")]
    assert only(BedReleased, events).hospital_id == "designated"
    assert only(TransferOffered, events).offer_id == "t1/O2"


def third() -> Any:
    return hospital("third", "designated", position=at(111.95), rooms=BEDS)


def test_the_hospital_proposed_by_one_that_diverts_is_asked_first() -> None:
    city = SmallCity(transfer_unit("T1"), hospitals=[*usual_hospitals(), third()])
    city.say(wanted("t1"))
    assert progress(city.say(city.refuses("t1/O1", "reserve")))[-1] == ("offered", "reserve")


def test_a_proposal_that_does_not_suit_is_passed_over_and_said_so() -> None:
    city = SmallCity(transfer_unit("T1"), hospitals=[*usual_hospitals(), third()])
    city.say(wanted("t1"))
    events = city.say(city.refuses("t1/O1", "general"))
    assert progress(events)[-1] == ("offered", "third")
    because = every(TransferProgressed, events)[-1].because
    assert because == "designated diverted: full; general cannot take them"


def test_the_institutions_wish_is_asked_first() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1", hospital_id="reserve"))
    assert city.offer("t1/O1").hospital_id == "reserve"


def test_no_answer_in_time_asks_the_next_hospital() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    assert progress(city.pass_time(599)) == []
    assert progress(city.pass_time(1)) == [("offered", "reserve")]


def test_nobody_has_room_escalates_and_looks_again_by_time_those_too_that_diverted() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    city.say(city.refuses("t1/O1"))
    events = city.say(city.refuses("t1/O2"))
    assert progress(events) == [("diverted", "reserve"), ("unplaced", None)]
    assert escalated(events) == ["transfer_unplaced"]
    assert "2 refused" in only(EscalationRaised, events).explanation
    assert progress(city.pass_time(300)) == [("offered", "designated")]


def test_a_bed_that_becomes_free_is_offered_to_who_waits_the_gravest_first() -> None:
    full = [
        hospital("designated", "designated", rooms={"isolation": 0, "negative_pressure": 0}),
        *usual_hospitals()[2:],
    ]
    city = SmallCity(transfer_unit("T1"), hospitals=full)
    city.say(wanted("t1", {"severity": "mild"}))
    city.say(wanted("t2", {"severity": "severe"}))
    city.say(wanted("t3", {"severity": "critical"}))
    assert city.transfer("t1").status == "unplaced"
    assert escalated(city.pass_time(300)).count("transfer_unplaced") == 3
    events = city.report_hospital("designated", rooms={"icu": 1})
    assert only(TransferOffered, events).transfer_id == "t3"
    events = city.report_hospital("designated", rooms={"isolation": 1})
    assert only(TransferOffered, events).transfer_id == "t1"


def test_a_hospital_that_closes_while_asked_is_left_for_the_next() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    events = city.report_hospital("designated", status="closed")
    assert only(OfferWithdrawn, events).offer_id == "t1/O1"
    assert progress(events) == [("offered", "reserve")]


def test_a_hospital_that_closes_after_accepting_turns_the_crew_back_and_the_next_is_asked() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    city.say(city.accepts("t1/O1"))
    city.run_to("T1", "rolling")
    events = city.report_hospital("designated", status="closed")
    assert only(OrderWithdrawn, events).reason == "designated has closed"
    assert only(HandoverWithdrawn, events).hospital_id == "designated"
    assert only(OfferWithdrawn, events).offer_id == "t1/O1"
    assert progress(events) == [("offered", "reserve")]
    assert city.incident("t1").status == "arranging"
    assert city.beds("confirmed") == []
    assert only(OrderIssued, city.say(city.accepts("t1/O2"))).hospital_id == "reserve"


def test_a_hospital_that_is_emptied_for_cases_takes_no_in_patients_it_had_agreed_to() -> None:
    reserve = hospital("house", "ordinary", "reserve_designated", rooms={"ward": 4})
    city = SmallCity(unit("U1"), hospitals=[*more_hospitals(), reserve])
    city.say(wanted("t1", kind="in_patient", hospital_id="house"))
    city.say(city.accepts("t1/O1"))
    events = city.report_hospital("house", service="emptying")
    assert only(OrderWithdrawn, events).reason == "house is for others now"
    assert progress(events) == [("offered", "wards")]


def test_the_dispatchers_hospital_stands_once_a_transfer_is_accepted() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    city.say(city.accepts("t1/O1"))
    events = city.override("t1", hospital_id="general")
    assert progress(events) == [("accepted", "general")]
    assert city.handover("T1").hospital_id == "general"
    assert only(BedReleased, events).hospital_id == "designated"
    assert progress(city.report_hospital("general", rooms={"buffer": 1})) == []
    assert progress(city.hand_over("T1")) == [("completed", "general")]


def test_a_patient_on_board_goes_to_the_next_hospital_at_once_and_has_a_bed_there() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    city.say(city.accepts("t1/O1"))
    city.run_to("T1", "transporting")
    events = city.report_hospital("designated", status="closed")
    announced = only(HandoverAnnounced, events)
    assert (announced.hospital_id, [bed["patient_id"] for bed in announced.beds]) == (
        "reserve", ["p1"],
    )  # fmt: skip
    assert "order.withdrawn" not in kinds(events)
    assert city.beds("confirmed") == [("p1", "reserve", "isolation")]
    assert progress(city.hand_over("T1"))[-1][0] == "completed"
    assert city.beds("taken") == [("p1", "reserve", "isolation")]


def test_a_hospital_that_diverts_the_handover_is_replaced_before_the_pick_up_by_agreement() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    city.say(city.accepts("t1/O1"))
    events = city.say(city.diverts(city.handover("T1")))
    assert progress(events) == [("offered", "reserve")]
    assert city.known(Handover, "t1/A1/H1").status == "diverted"
    assert city.unit("T1").assignment_id is None


def test_a_hospital_that_diverts_a_patient_on_board_is_replaced_at_once() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    city.say(city.accepts("t1/O1"))
    city.run_to("T1", "on_scene")
    city.say(city.diverts(city.handover("T1")))
    assert city.handover("T1").hospital_id == "reserve"
    assert city.beds("confirmed") == [("p1", "reserve", "isolation")]


def test_a_hospital_that_has_accepted_and_does_not_acknowledge_is_rung_up_not_passed_over() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    city.say(city.accepts("t1/O1"))
    city.say(city.acknowledged("T1"))
    events = city.pass_time(600)
    assert "handover_unanswered" in escalated(events)
    assert city.handover("T1").hospital_id == "designated"


def test_a_bed_nobody_came_for_in_time_is_let_go_and_asked_for_anew() -> None:
    city = SmallCity()
    city.say(wanted("t1"))
    city.say(city.accepts("t1/O1"))
    assert city.incident("t1").status == "waiting"
    events = city.pass_time(24 * 3_600)
    assert "reservation_expired" in escalated(events)
    assert progress(events)[0] == ("offered", "reserve")
    assert city.incident("t1").status == "arranging"


def test_a_held_transfer_is_taken_up_again_when_its_hospital_closes() -> None:
    city = SmallCity()
    city.say(wanted("t1"))
    city.say(city.accepts("t1/O1"))
    city.hold("t1")
    events = city.report_hospital("designated", status="closed")
    assert "incident.resumed" in kinds(events)
    assert city.incident("t1").status == "arranging"
    assert "hold/t1" not in city.timers


@pytest.mark.parametrize("stage", ["offered", "unplaced", "waiting", "ordered"])
def test_a_request_can_be_taken_back_until_a_crew_has_met_the_patient(stage: str) -> None:
    city = SmallCity(*([transfer_unit("T1")] if stage == "ordered" else []))
    city.say(wanted("t1"))
    if stage == "unplaced":
        city.say(city.refuses("t1/O1"))
        city.say(city.refuses("t1/O2"))
    elif stage != "offered":
        city.say(city.accepts("t1/O1"))
    events = city.say(city.called_off("t1"))
    assert progress(events)[-1][0] == "cancelled"
    assert city.incident("t1").outcome == "cancelled"
    assert city.beds("held") == city.beds("confirmed") == []
    left = {key.partition("/")[0] for key in city.timers}
    assert left <= {"clock", "report", "known_case"}
    assert city.refusal(city.called_off("t1")) == "transfer_id: is cancelled"
    if stage == "ordered":
        assert only(OrderWithdrawn, events).unit_id == "T1"


def test_a_request_is_not_taken_back_once_a_crew_has_met_the_patient() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    city.say(city.accepts("t1/O1"))
    city.run_to("T1", "on_scene")
    assert city.refusal(city.called_off("t1")) == (
        "transfer_id: cannot be cancelled: the crew has met the patient"
    )


def test_a_cancellation_waits_for_its_request() -> None:
    city = SmallCity()
    with pytest.raises(Unknown):
        city.say(city.called_off("t1"))
    city.say(call("c1"))
    assert city.refusal(city.called_off("c1")) == "transfer_id: is a call, not a transfer"


def test_the_same_request_twice_is_a_duplicate_another_with_its_id_is_refused() -> None:
    city = SmallCity()
    city.say(wanted("t1"))
    with pytest.raises(Duplicate):
        city.say(wanted("t1"))
    taken = "transfer_id: is taken by a call, transfer or batch with another content"
    assert city.refusal(wanted("t1", kind="suspected")) == taken
    city.say(call("c1"))
    assert city.refusal(wanted("c1")) == taken


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"district": "999999"}, "district: 999999 is not a district of this city"),
        ({"kind": "x"}, "kind: is not a kind of transfer of the policy in force"),
        ({"hospital_id": "nowhere"}, "hospital_id: is not a hospital of this city"),
    ],
)
def test_a_request_for_the_unknown_is_refused(changes: dict[str, Any], reason: str) -> None:
    assert SmallCity().refusal(wanted("t1", **changes)) == reason


def test_an_unknown_need_is_refused() -> None:
    assert SmallCity().refusal(wanted("t1", {"needs": ["x"]})).startswith("patients.0.needs: x is")


def test_a_transfer_across_districts_is_reported_once_a_hospital_has_accepted() -> None:
    far = hospital("far", "designated", district=EAST, position=at(111.80), rooms=BEDS)
    city = SmallCity(transfer_unit("T1"), hospitals=[far])
    assert every(CrossingReported, city.say(wanted("t1"))) == []
    report = only(CrossingReported, city.say(city.accepts("t1/O1")))
    assert (report.from_district, report.to_district, report.hospital_id) == (WEST, EAST, "far")


def test_several_patients_ride_together_where_the_kind_allows_it() -> None:
    city = SmallCity(
        transfer_unit("T1"), transfer_unit("T2"), transfer_unit("T3"), hospitals=more_hospitals()
    )
    events = city.say(wanted("t1", *[{}] * 6, kind="close_contact"))
    assert "mass_casualty" not in escalated(events)
    events = city.say(city.accepts("t1/O1"))
    assert [len(each.beds) for each in every(HandoverAnnounced, events)] == [4, 2]
    assert progress(city.hand_over("T1")) == []
    assert progress(city.hand_over("T2")) == [("completed", "site")]
    assert len(city.beds("taken")) == 6


def test_a_case_rides_alone() -> None:
    city = SmallCity(transfer_unit("T1"), transfer_unit("T2"), transfer_unit("T3"))
    city.say(wanted("t1", {}, {}))
    orders = every(OrderIssued, city.say(city.accepts("t1/O1")))
    assert [order.unit_id for order in orders] == ["T1", "T2"]
    assert [city.assignment(unit_id).patients for unit_id in ("T1", "T2")] == [("p1",), ("p2",)]


def test_a_unit_that_fails_hands_its_patients_and_their_beds_to_the_next() -> None:
    city = SmallCity(transfer_unit("T1"), transfer_unit("T2"))
    city.say(wanted("t1"))
    city.say(city.accepts("t1/O1"))
    events = city.end("T1", "refused", "vehicle_fault")
    assert only(HandoverAnnounced, events).beds[0]["patient_id"] == "p1"
    assert city.known(Assignment, "t1/A2").patients == ("p1",)
    assert city.beds("confirmed") == [("p1", "designated", "isolation")]


def test_one_hospital_closing_on_some_patients_met_and_some_not() -> None:
    city = SmallCity(transfer_unit("T1"), transfer_unit("T2"))
    city.say(wanted("t1", {}, {}))
    city.say(city.accepts("t1/O1"))
    city.run_to("T1", "transporting")
    events = city.report_hospital("designated", status="closed")
    assert only(OrderWithdrawn, events).unit_id == "T2"
    assert only(TransferOffered, events).rooms == {"isolation": 1}
    assert city.handover("T1").hospital_id == "reserve"
    city.hand_over("T1")
    assert only(OrderIssued, city.say(city.accepts("t1/O2"))).unit_id == "T2"
    assert progress(city.hand_over("T2")) == [("completed", "reserve")]
    assert city.beds("taken") == [("p1", "reserve", "isolation"), ("p2", "reserve", "isolation")]


def test_a_need_asks_for_a_vehicle_and_a_capability() -> None:
    able = hospital(
        "able", "designated", position=at(111.95), rooms=BEDS, capabilities=("intensive_care",)
    )
    city = SmallCity(
        transfer_unit("T1", vehicle="basic"),
        transfer_unit("T2", station=at(111.70)),
        hospitals=[*usual_hospitals(), able],
    )
    city.say(wanted("t1", {"needs": ["ventilator"]}))
    assert city.offer("t1/O1").hospital_id == "able"
    assigned = only(IncidentAssigned, city.say(city.accepts("t1/O1")))
    assert assigned.unit_id == "T2"
    assert assigned.passed_over == {"wrong_vehicle": 1}


def test_any_vehicle_goes_where_none_that_may_is_to_be_had_and_somebody_is_told() -> None:
    city = SmallCity(transfer_unit("T1", vehicle="basic"))
    city.say(wanted("t1", {"needs": ["oxygen"]}))
    events = city.say(city.accepts("t1/O1"))
    assigned = only(IncidentAssigned, events)
    assert (assigned.unit_id, assigned.why[-1]) == ("T1", "any_vehicle")
    assert escalated(events) == ["any_vehicle"]


def test_an_answer_that_changes_the_destination_asks_another_hospital() -> None:
    city = SmallCity(transfer_unit("T1"), unit("U1"))
    city.say(wanted("t1", kind="febrile", epidemiology=ALL_NO))
    clinic = city.offer("t1/O1").hospital_id
    events = city.answer("t1", epidemiology={"travel": "yes"})
    assert progress(events) == [("offered", "designated")]
    assert only(OfferWithdrawn, events).hospital_id == clinic


def test_a_case_found_among_in_patients_on_the_way_goes_to_the_designated_hospital() -> None:
    city = SmallCity(unit("U1"), hospitals=more_hospitals())
    city.say(wanted("t1", kind="in_patient"))
    city.say(city.accepts("t1/O1"))
    city.run_to("U1", "on_scene")
    city.find("U1")
    assert city.assignment("U1").destination == "designated_hospital"
    assert city.handover("U1").hospital_id == "designated"
    assert city.beds("confirmed") == [("p1", "designated", "isolation")]


def test_the_dispatcher_may_wish_another_hospital_while_one_is_asked() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    events = city.override("t1", hospital_id="reserve")
    assert progress(events) == [("offered", "reserve")]
    assert city.refusal(city.overridden("t1", unit_id="T1")) == (
        "unit_id: cannot be ordered before a hospital has accepted the transfer"
    )


# -- a case that is found raises its own transfer


def test_a_case_found_after_the_handover_is_reported_and_transferred_once() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(call("c1", patient={"condition": "critical", "name": "Li"}))
    city.hand_over("U1")
    handover = city.known(Handover, "c1/A1/H1")
    events = city.say(city.found(handover))
    report = only(CaseReported, events)
    assert (report.found_by, report.before, report.case_status) == ("hospital", "none", "confirmed")
    decided = only(CallDecided, events).decision
    assert (decided["rule"], decided["life_support"]) == ("R1", True)
    offer = only(TransferOffered, events)
    assert (offer.hospital_id, offer.institution_id, offer.kind, offer.rooms) == (
        "designated", "general", "confirmed", {"icu": 1},
    )  # fmt: skip
    assert offer.patients[0]["name"] == "Li"
    assert every(TransferOffered, city.say(city.found(handover))) == []
    order = only(OrderIssued, city.say(city.accepts(offer.offer_id)))
    assert (order.unit_id, order.destination, order.life_support) == (
        "T1", "designated_hospital", True,
    )  # fmt: skip
    assert order.scene.longitude == city.city.hospitals["general"].position.longitude


def test_a_case_the_crew_finds_in_a_critical_patient_is_transferred_after_the_handover() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(call("c1", patient={"condition": "critical"}))
    city.run_to("U1", "on_scene")
    events = city.find("U1", case_status="suspected")
    assert only(CaseReported, events).found_by == "crew"
    assert city.assignment("U1").destination == "emergency_buffer"
    offer = only(TransferOffered, city.hand_over("U1"))
    assert only(OrderIssued, city.say(city.accepts(offer.offer_id))).unit_id == "T1"


def test_the_next_hospital_is_asked_for_a_found_case_too() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(call("c1", patient={"condition": "critical"}))
    city.hand_over("U1")
    city.say(city.found(city.known(Handover, "c1/A1/H1")))
    assert only(TransferOffered, city.pass_time(600)).hospital_id == "reserve"


def test_a_case_found_on_the_way_goes_to_the_designated_hospital_itself() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(call("c1"))
    city.run_to("U1", "on_scene")
    city.find("U1")
    assert city.handover("U1").hospital_id == "designated"
    assert "transfer.offered" not in kinds(city.hand_over("U1"))


def test_no_transfer_follows_a_patient_known_as_a_case_before() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(call("c1", patient={"condition": "critical", "case_status": "confirmed"}))
    assert "call.decided" not in kinds(city.hand_over("T1"))


def test_a_case_in_a_city_without_a_hospital_for_cases_is_escalated_and_not_looked_for() -> None:
    general = hospital("general", "ordinary", "emergency_buffer")
    city = SmallCity(unit("U1"), hospitals=[general])
    city.say(call("c1", patient={"condition": "critical"}))
    city.hand_over("U1")
    raised = every(EscalationRaised, city.say(city.found(city.known(Handover, "c1/A1/H1"))))
    assert "no_designated_hospital" in [each.kind for each in raised]
    assert not city.city.transfers


def test_of_several_patients_only_a_found_case_is_moved_on() -> None:
    city = SmallCity(unit("U1"), unit("U2"), transfer_unit("T1"))
    city.say(call("c1", patient={"condition": "critical"}, patient_count=2))
    city.run_to("U2", "at_hospital")
    city.run_to("U1", "at_hospital")
    city.say(city.found(city.handover("U1")))
    offer = only(TransferOffered, city.hand_over("U1"))
    assert len(offer.patients) == 1
    assert "transfer.offered" not in kinds(city.hand_over("U2"))


def test_the_transfer_of_a_found_case_waits_like_any_other() -> None:
    city = SmallCity(unit("U1", vehicle="negative_pressure"))
    city.say(call("c1"))
    city.hand_over("U1")
    offer = only(TransferOffered, city.say(city.found(city.known(Handover, "c1/A1/H1"))))
    assert "incident.queued" in kinds(city.say(city.accepts(offer.offer_id)))
    (waiting,) = city.city.waiting
    assert "queue/" + waiting in city.timers
