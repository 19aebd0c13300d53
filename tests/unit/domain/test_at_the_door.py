"""A hospital that diverts when the crew stands at its door, and one that does not sign."""

from datetime import timedelta
from typing import Any

import pytest

from dispatch.domain.city import Unknown
from dispatch.domain.model import Handover
from dispatch.store import codec
from dispatch.topics.clocks import ClockStarted, ClockStopped
from dispatch.topics.disinfections import DisinfectionOrdered
from dispatch.topics.fleet import UnitChanged
from dispatch.topics.handovers import (
    HandoverAnnounced,
    HandoverClosed,
    HandoverReleased,
    HandoverWithdrawn,
)
from dispatch.topics.hospitals import BedFreed
from dispatch.topics.incidents import (
    HandoverProgressed,
    HospitalChosen,
    IncidentAmended,
    IncidentProgressed,
)
from dispatch.topics.orders import OrderAmended
from tests.unit.domain.city_builder import (
    UNDETERMINED,
    SmallCity,
    at,
    call,
    case,
    escalated,
    every,
    febrile,
    hospital,
    kinds,
    only,
    transfer_unit,
    unit,
    wanted,
)


def at_the_door(**options: Any) -> SmallCity:
    """Return a city whose unit U1 has brought a febrile patient to the general hospital."""
    city = SmallCity(unit("U1"), **options)
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "at_hospital")
    return city


# -- diverted on arrival


def test_a_crew_that_is_turned_away_goes_on_to_the_next_hospital_with_its_patient() -> None:
    city = at_the_door()
    door = city.handover("U1")
    city.pass_time(120)
    events = city.say(city.diverts(door))
    assert only(HandoverWithdrawn, events).hospital_id == "general"
    announced = only(HandoverAnnounced, events)
    assert announced.hospital_id == "second"
    # From the door of the one to that of the other.
    way = city.city.travel.seconds(at(111.63), at(111.75))
    assert announced.expected_at == city.now + timedelta(seconds=way)
    changed = only(UnitChanged, events)
    assert (changed.before, changed.status, changed.assignment_id) == (
        "at_hospital", "transporting", "c1/A1",
    )  # fmt: skip
    assert only(OrderAmended, events).changed == {"hospital_id": "second"}
    amended, progressed = only(IncidentAmended, events), only(IncidentProgressed, events)
    assert amended.changed == {"hospital_id": "second"}
    assert progressed.status == "transporting"
    assert events.index(amended) < events.index(progressed)
    assert city.refusal(city.crew_signs(door)) == "handover_id: is diverted"


def test_the_next_hospital_closes_the_record_with_its_own_arrival() -> None:
    city = at_the_door()
    city.say(city.diverts(city.handover("U1")))
    city.pass_time(900)
    city.report("U1", "at_hospital")
    arrived = city.now
    city.pass_time(60)
    closed = only(HandoverClosed, city.hand_over("U1"))
    assert (closed.hospital_id, closed.arrived_at) == ("second", arrived)
    assert city.incident("c1").outcome == "completed"


def test_what_was_kept_at_the_door_is_free_again_and_its_limits_are_over() -> None:
    city = at_the_door()
    assert city.city.promised("general", "fever_clinic") == 1
    events = city.say(city.diverts(city.handover("U1")))
    assert city.city.promised("general", "fever_clinic") == 0
    assert only(ClockStopped, events).subject == "c1/A1/H1"
    assert "handover_signatures/c1/A1/H1" not in city.timers
    assert only(ClockStarted, city.report("U1", "at_hospital")).subject == "c1/A1/H2"
    assert "handover_signatures/c1/A1/H2" in city.timers


def test_the_next_hospital_is_the_nearest_to_the_door_where_the_crew_says_so_itself() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "transporting")
    city.report("U1", "at_hospital", position=at(111.64))
    city.say(city.diverts(city.handover("U1")))
    assert city.unit("U1").position == at(111.64)


def test_a_crew_that_is_turned_away_goes_where_its_patient_has_what_is_needed() -> None:
    isolating = ("ordinary", "fever_clinic", "emergency_buffer")
    city = SmallCity(
        unit("U1"),
        hospitals=[
            hospital("general", *isolating, position=at(111.63)),
            hospital("near", *isolating, position=at(111.64)),
            hospital("able", *isolating, position=at(111.67), capabilities=("cardiac",)),
        ],
    )
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "at_hospital")
    # It has become known at the door: the patient stays, and somebody must look.
    assert escalated(city.answer("c1", symptoms=["chest_pain"])) == ["capability_lacking"]
    events = city.say(city.diverts(city.handover("U1")))
    announced, chosen = only(HandoverAnnounced, events), only(HospitalChosen, events)
    assert (announced.hospital_id, announced.needs, announced.lacking) == ("able", ["cardiac"], [])
    assert (chosen.nearest_id, chosen.handover_id) == ("near", announced.handover_id)
    amended = only(OrderAmended, events)
    assert amended.changed == {"hospital_id": "able"}
    assert amended.handover_id == announced.handover_id
    assert escalated(events) == []
    # The next one it is diverted to can't do it: the crew is told, and the dispatcher.
    city.report("U1", "at_hospital")
    events = city.say(city.diverts(city.handover("U1")))
    assert only(OrderAmended, events).changed == {"hospital_id": "near"}
    assert escalated(events) == ["capability_lacking"]


def test_a_crew_that_is_turned_away_everywhere_is_found_a_hospital_in_time() -> None:
    city = at_the_door()
    city.say(city.diverts(city.handover("U1")))
    city.pass_time(60)
    city.report("U1", "at_hospital")
    events = city.say(city.diverts(city.handover("U1")))
    assert escalated(events) == ["no_hospital"]
    assert only(OrderAmended, events).hospital_id is None
    assert city.unit("U1").status == "transporting"
    assert "no hospital has been told" in city.refusal(city.reported("U1", status="at_hospital"))
    events = city.pass_time(300)
    assert only(HandoverAnnounced, events).hospital_id == "second"
    city.report("U1", "at_hospital")
    assert "handover.closed" in kinds(city.hand_over("U1"))


def test_a_hospital_that_has_signed_may_still_divert_and_one_whose_crew_has_may_not() -> None:
    city = at_the_door()
    city.say(city.hospital_signs(city.handover("U1")))
    city.say(city.diverts(city.handover("U1")))
    city.report("U1", "at_hospital")
    second = city.handover("U1")
    assert (second.hospital_id, second.signed_by_hospital) == ("second", None)
    city.say(city.crew_signs(second))
    assert city.refusal(city.diverts(second)) == (
        "handover_id: cannot be diverted: the crew has signed; ask for a transfer of the patient"
    )
    assert city.unit("U1").status == "at_hospital"


def test_a_crew_at_the_door_goes_where_the_dispatcher_says() -> None:
    city = at_the_door()
    events = city.override("c1", hospital_id="second")
    assert only(HandoverAnnounced, events).hospital_id == "second"
    assert only(IncidentProgressed, events).status == "transporting"
    # It has not refused: it is asked again where the second one does.
    city.report("U1", "at_hospital")
    events = city.say(city.diverts(city.handover("U1")))
    assert only(HandoverAnnounced, events).hospital_id == "general"


def test_a_unit_that_was_turned_away_and_breaks_down_leaves_its_patient_on_the_way() -> None:
    city = at_the_door()
    city.city.load([unit("U2")])
    city.say(city.diverts(city.handover("U1")))
    city.report("U1", "out_of_service")
    assert city.assignment("U2").place.position == at(111.63)
    assert city.unit("U1").job_id == "c1/A1/D"


def test_the_beds_of_a_transfer_are_kept_at_the_next_hospital() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    city.say(city.accepts("t1/O1"))
    city.run_to("T1", "at_hospital")
    assert city.beds("confirmed") == [("p1", "designated", "isolation")]
    events = city.say(city.diverts(city.handover("T1")))
    assert only(HandoverAnnounced, events).hospital_id == "reserve"
    assert city.beds("confirmed") == [("p1", "reserve", "isolation")]
    city.report("T1", "at_hospital")
    city.hand_over("T1")
    assert city.transfer("t1").status == "completed"


# -- a hospital that does not sign


def unsigned(**options: Any) -> SmallCity:
    """Return a city whose unit U1 waits for the signature of the general hospital."""
    city = at_the_door(**options)
    city.say(city.crew_signs(city.handover("U1")))
    return city


def test_a_dispatcher_lets_a_vehicle_go_that_the_hospital_keeps_waiting() -> None:
    city = unsigned()
    arrived = city.now
    city.pass_time(3_600)
    events = city.say(city.waived("c1"))
    released = only(HandoverReleased, events)
    assert (released.by, released.reason, released.signed_by_crew) == ("d1", "nobody signs", "m1")
    assert (released.hospital_id, released.arrived_at) == ("general", arrived)
    assert every(HandoverClosed, events) == []
    assert only(IncidentProgressed, events).status == "handed_over"
    assert (city.unit("U1").status, city.unit("U1").job_id) == ("handed_over", "c1/A1/D")
    record = city.known(Handover, "c1/A1/H1")
    assert (record.status, record.released_by, record.signed_by_hospital) == (
        "released", "d1", None,
    )  # fmt: skip
    assert codec.load("Handover", codec.dump(record)) == record
    assert city.incident("c1").outcome == "completed"
    assert city.city.hospitals["general"].rooms["fever_clinic"] == 1
    city.report("U1", "disinfecting")
    city.disinfect("U1")
    assert city.unit("U1").status == "returning"


def test_the_hospital_may_sign_and_say_what_it_finds_after_the_vehicle_has_gone() -> None:
    city = unsigned()
    city.say(city.waived("c1"))
    record = city.known(Handover, "c1/A1/H1")
    events = city.say(city.hospital_signs(record))
    assert kinds(events) == ["handover.progressed"]
    assert only(HandoverProgressed, events).status == "signed_by_hospital"
    assert city.known(Handover, "c1/A1/H1").signed_by_hospital == "n1"
    assert city.refusal(city.hospital_signs(record)) == "handover_id: is released"
    assert city.refusal(city.diverts(record)) == "handover_id: is released"
    assert "case.reported" in kinds(city.say(city.found(record)))
    assert "call.decided" in kinds(city.step)  # the onward transfer
    freed = BedFreed(hospital_id="general", at=city.now, room="fever_clinic", promise_id="c1/A1/H1")
    assert "bed.vacated" in kinds(city.say(freed))


def test_a_case_let_go_unsigned_is_moved_on_as_after_both_signatures() -> None:
    city = SmallCity(unit("U1"), hospitals=[hospital("g", "ordinary"), hospital("d", "designated")])
    city.say(call("c1"))
    city.run_to("U1", "at_hospital")
    city.find("U1", case_status="confirmed")
    city.say(city.crew_signs(city.handover("U1")))
    events = city.say(city.waived("c1"))
    assert "transfer.offered" in kinds(events)


def test_an_ordinary_run_is_let_go_too_and_is_cleaned() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.run_to("U1", "at_hospital")
    city.say(city.crew_signs(city.handover("U1")))
    events = city.say(city.waived("c1"))
    assert "cleaning.ordered" in kinds(events)
    assert every(DisinfectionOrdered, events) == []
    city.report("U1", "returning", "available")


def test_a_vehicle_waits_for_its_own_crews_signature_whatever_the_dispatcher_says() -> None:
    city = at_the_door()
    why = "the crew of U1 has not signed: there is no signature to wait for"
    assert city.refusal(city.waived("c1")) == f"call_id: {why}"
    assert city.refusal(city.waived("c1", unit_id="U1")) == f"unit_id: {why}"
    none = "no vehicle is at a hospital: there is no signature to wait for"
    assert city.refusal(city.waived("c1", unit_id="U2")) == f"unit_id: {none}"
    city.say(case("c2"))
    assert city.refusal(city.waived("c2")) == f"call_id: {none}"
    with pytest.raises(Unknown):
        city.say(city.waived("c9"))
    city.hand_over("U1")
    assert "is closed" in city.refusal(city.waived("c1"))


def test_a_vehicle_is_let_go_though_the_last_call_for_it_turned_out_to_be_another_patients() -> (
    None
):
    city = SmallCity(unit("U1"), unit("U2"))
    repeat = {"caller": {"phone": "13904700001"}, "chief_complaint": "胸痛"}
    city.say(call("c1", **repeat))
    city.say(call("c2", **repeat))
    city.cancel("c1")
    assert city.refusal(city.waived("c1")) == "call_id: is cancelled"
    city.run_to("U1", "at_hospital")
    city.unlink("c2")
    city.say(city.crew_signs(city.handover("U1")))
    assert only(HandoverReleased, city.say(city.waived("c1"))).unit_id == "U1"
    assert city.refusal(city.waived("c1")) == "call_id: is cancelled"


def test_where_several_vehicles_wait_the_dispatcher_says_which() -> None:
    city = SmallCity(unit("U1"), unit("U2"), unit("U3"))
    city.say(call("c1", patient_count=3, chief_complaint="traffic accident"))
    for name in ("U1", "U2", "U3"):
        city.run_to(name, "at_hospital")
    for name in ("U1", "U2"):
        city.say(city.crew_signs(city.handover(name)))
    assert city.refusal(city.waived("c1")) == "unit_id: is required: U1, U2 wait for a signature"
    assert only(HandoverReleased, city.say(city.waived("c1", unit_id="U2"))).unit_id == "U2"
    # Of those left one has a crew that has signed.
    assert only(HandoverReleased, city.say(city.waived("c1"))).unit_id == "U1"
    assert city.incident("c1").status == "assigned"
