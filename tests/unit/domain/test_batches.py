"""Batches in a small city, planned by the real solver."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from dispatch.domain import batches
from dispatch.domain.batch_problems import problem
from dispatch.domain.batch_progress import needs_plan
from dispatch.domain.city import Duplicate, Unknown
from dispatch.domain.model import Batch, Hospital, Unit
from dispatch.planning.plan import Plan, check_plan
from dispatch.planning.solve import solve
from dispatch.topics.announcement import Announcement
from dispatch.topics.beds import BedOccupied, BedReserved
from dispatch.topics.handovers import OfferWithdrawn, TransferOffered
from dispatch.topics.hospitals import TransferAccepted, TransferDiverted
from dispatch.topics.incidents import EscalationRaised
from dispatch.topics.orders import OrderIssued
from dispatch.topics.placements import BatchPlanned, BatchProgressed
from dispatch.topics.transfers import (
    TransferBatchAmended,
    TransferBatchCancelled,
    TransferBatchRequested,
)
from tests.unit.domain.city_builder import (
    RUN,
    WEST,
    SmallCity,
    at,
    case,
    escalated,
    every,
    hospital,
    only,
    transfer_unit,
    wanted,
)

HALF_HOUR = timedelta(minutes=30)
ROOMS = {"isolation": 4, "negative_pressure": 1, "icu": 1}


def patient(patient_id: str, severity: str = "ordinary", **more: Any) -> dict[str, Any]:
    return {"patient_id": patient_id, "severity": severity, "mobility": "walking"} | more


def batch(*patients: dict[str, Any], **changes: Any) -> TransferBatchRequested:
    body = {
        "batch_id": "b1",
        "institution_id": "clinic",
        "district": WEST,
        "location": {"latitude": 40.8, "longitude": 111.65},
        "kind": "confirmed",
        "patients": list(patients),
        "by": "clinic-1",
        "loading_places": 2,
    }
    return TransferBatchRequested.model_validate(body | changes)


def receiving(hospital_id: str, **changes: Any) -> Hospital:
    return hospital(
        hospital_id,
        "designated",
        **{"rooms": dict(ROOMS), "capacity": dict(ROOMS), "service": "cases", "bays": 2} | changes,
    )


def a_city(*units: Unit, hospitals: tuple[Hospital, ...] | None = None) -> SmallCity:
    if not units:
        units = (transfer_unit("T1"), transfer_unit("T2"))
    return SmallCity(*units, hospitals=hospitals or (receiving("d1", position=at(111.7)),))


def request(city: SmallCity, *patients: dict[str, Any], **changes: Any) -> list[Announcement]:
    return city.say(batch(*patients, **{"at": city.now} | changes))


def the(city: SmallCity, batch_id: str = "b1") -> Batch:
    return city.known(Batch, batch_id)


def plan(city: SmallCity, batch_id: str = "b1") -> tuple[int, Plan]:
    """Return the plan that the planner makes for a batch now, and the revision it is for."""
    city.city.begin(now=city.now, cause="")
    asked = problem(city.city, the(city, batch_id))
    made = solve(asked, seconds=60, workers=1)
    assert not check_plan(asked, made)
    return the(city, batch_id).revision, made


def adopt(city: SmallCity, batch_id: str = "b1") -> list[Announcement]:
    """Let the planner plan and its plan be adopted; returns the events."""
    return take_over(city, batch_id, *plan(city, batch_id))


def take_over(city: SmallCity, batch_id: str, revision: int, made: Plan) -> list[Announcement]:
    """Let a plan be adopted that was made before; returns the events."""
    return city.do(lambda small: batches.adopt(small, batch_id, revision, made))


def accept_all(city: SmallCity, events: list[Announcement]) -> list[Announcement]:
    """Let every hospital accept what it was offered; returns the events."""
    said: list[Announcement] = []
    for offer in every(TransferOffered, events):
        said += city.say(
            TransferAccepted(
                hospital_id=offer.hospital_id, offer_id=offer.offer_id, at=city.now, by="n1"
            )
        )
    return said


def ordered(events: list[Announcement]) -> set[str]:
    return {order.unit_id for order in every(OrderIssued, events)}


def live(city: SmallCity, minutes: int) -> list[Announcement]:
    """Let crews roll within half a minute, and get one step further every five minutes."""
    events: list[Announcement] = []
    for half_minute in range(1, 2 * minutes + 1):
        events += city.pass_time(30)
        for unit_id, unit in list(city.city.units.items()):
            if unit.status == "ordered":
                events += city.report(unit_id, "rolling")
            elif half_minute % 10:
                continue
            elif unit.status == "at_hospital":
                events += city.hand_over(unit_id)
            elif unit.status in RUN:
                events += city.report(unit_id, RUN[RUN.index(unit.status) + 1])
            elif unit.job_id is not None and city.now >= city.job(unit_id).ordered_at + HALF_HOUR:
                events += city.say(city.certificate(unit_id))
    return events


def test_a_batch_is_planned_offered_and_moved_wave_by_wave() -> None:
    city = a_city()
    patients = [patient("p1", "critical"), patient("p2", "severe"), patient("p3"), patient("p4")]
    told = only(BatchProgressed, request(city, *patients))
    assert (told.status, told.waiting) == ("planning", 4)
    events = adopt(city)
    planned = only(BatchPlanned, events)
    assert planned.makespan_seconds >= planned.bound_seconds
    assert [trip["wave"] for trip in planned.trips].count(1) == 2
    offer = only(TransferOffered, events)
    assert offer.rooms == {"icu": 1, "negative_pressure": 1, "isolation": 2}
    assert ordered(events) == set()  # nobody moves before the hospital has agreed
    events = accept_all(city, events)
    assert ordered(events) == {"T1", "T2"}
    events += live(city, 180)
    beds = {occupied.room: 0 for occupied in every(BedOccupied, events)}
    for occupied in every(BedOccupied, events):
        beds[occupied.room] += 1
    assert beds == {"icu": 1, "negative_pressure": 1, "isolation": 2}
    last = every(BatchProgressed, events)[-1]
    assert (last.status, last.arrived, last.on_the_way, last.waiting) == ("completed", 4, 0, 0)
    assert "b1" not in city.city.batches  # nothing of it stays in memory


def test_a_trip_takes_no_record_of_a_call_that_has_its_id() -> None:
    city, elsewhere = a_city(), a_city()
    request(city, patient("p1"))
    elsewhere.say(case("b1.T1"))
    # As older versions let it be.
    squatter = elsewhere.city.calls["b1.T1"]
    city.city.load([squatter])
    events = accept_all(city, adopt(city))
    assert only(OrderIssued, events).incident_id == "b1.T1:2"
    assert city.city.calls["b1.T1"] is squatter


def test_the_gravest_start_first() -> None:
    city = a_city(transfer_unit("T1"))
    request(city, patient("mild", "mild"), patient("grave", "critical"))
    trips = only(BatchPlanned, adopt(city)).trips
    assert [list(trip["beds"]) for trip in trips] == [["grave"], ["mild"]]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "tourist"}, "kind: is not a kind of transfer of the policy in force"),
        ({"district": "999999"}, "district: 999999 is not a district of this city"),
        ({"hospitals": ["d9"]}, "hospitals.0: is not a hospital of this city"),
        ({"complete_by": "2022-12-23T07:00:00Z"}, "complete_by: has passed"),
        (
            {"patients": [patient("p1", needs=["valet"])]},
            "patients.0.needs: valet is not one of",
        ),
    ],
)
def test_a_batch_that_cannot_be_is_refused(changes: dict[str, Any], why: str) -> None:
    city = a_city()
    event = batch(patient("p1"), **{"at": city.now} | changes)
    assert city.refusal(event).startswith(why)


def test_a_batch_with_a_patient_twice_is_no_batch() -> None:
    with pytest.raises(ValidationError) as refused:
        batch(patient("p1"), patient("p2"), patient("p1"), at="2022-12-23T08:00:00Z")
    assert "p1 is there twice" in str(refused.value)


def test_the_same_batch_is_taken_once_and_its_id_once() -> None:
    city = a_city()
    request(city, patient("p1"))
    with pytest.raises(Duplicate):
        request(city, patient("p1"))
    assert city.refusal(batch(patient("p2"), at=city.now)) == "batch_id: is taken already"


def test_more_patients_than_beds_anywhere_are_told_and_moved_when_there_is_one() -> None:
    city = a_city(hospitals=(receiving("d1", rooms={"isolation": 1}, capacity={"isolation": 9}),))
    request(city, patient("p1"), patient("p2"))
    events = adopt(city)
    planned = only(BatchPlanned, events)
    assert planned.unplaced == [{"patient_id": "p2", "why": "no_bed_left"}]
    (raised,) = (e for e in every(EscalationRaised, events) if e.kind == "batch_unplaced")
    assert raised.explanation == "without a place: no bed left 1"
    accept_all(city, events)
    # The hospital counts its beds as they are: p1's is kept, another one is free.
    city.report_hospital("d1", rooms={"isolation": 2})
    assert needs_plan(the(city))
    events = adopt(city)
    assert {each.patient_id for each in every(BedReserved, events)} == {"p2"}
    assert only(BatchPlanned, events).unplaced == []
    assert only(TransferOffered, events).rooms == {"isolation": 1}


def test_a_unit_that_drops_out_is_planned_without_and_what_has_started_goes_on() -> None:
    city = a_city()
    request(city, *(patient(f"p{n}") for n in range(4)))
    accept_all(city, adopt(city))
    started = the(city).started
    assert len(started) == 2
    city.report("T2", "rolling")
    city.report("T2", "out_of_service")
    assert the(city).revision == 2
    events = adopt(city)
    trips = only(BatchPlanned, events).trips
    assert {trip["unit_id"] for trip in trips if trip["status"] == "waiting"} == {"T1"}
    assert [trip["number"] for trip in trips if trip["status"] == "started"] == [1, 2]
    # The hospital has agreed to these beds already.
    assert not every(TransferOffered, events)


def test_a_hospital_that_diverts_its_share_is_planned_without() -> None:
    other = receiving("d2", position=at(111.9))
    city = a_city(hospitals=(receiving("d1", position=at(111.66)), other))
    request(city, patient("p1"), patient("p2"))
    offer = only(TransferOffered, adopt(city))
    assert offer.hospital_id == "d1"
    city.say(
        TransferDiverted(
            hospital_id="d1", offer_id=offer.offer_id, at=city.now, by="n1", reason="full"
        )
    )
    offer = only(TransferOffered, adopt(city))
    assert offer.hospital_id == "d2"
    assert ordered(accept_all(city, [offer])) == {"T1", "T2"}


def test_the_only_hospital_is_asked_again_when_it_reports_after_it_has_diverted() -> None:
    city = a_city()
    request(city, patient("p1"))
    offer = only(TransferOffered, adopt(city))
    city.say(
        TransferDiverted(
            hospital_id="d1", offer_id=offer.offer_id, at=city.now, by="n1", reason="full"
        )
    )
    (left,) = only(BatchPlanned, adopt(city)).unplaced
    assert left["patient_id"] == "p1"
    city.report_hospital("d1", rooms=dict(ROOMS))
    again = only(TransferOffered, adopt(city))
    assert (again.hospital_id, again.offer_id) == ("d1", "b1/O2")
    assert ordered(accept_all(city, [again])) == {"T1"}


def test_a_hospital_that_does_not_answer_in_time_is_planned_without() -> None:
    city = a_city(hospitals=(receiving("d1"), receiving("d2", position=at(111.9))))
    request(city, patient("p1"))
    first = only(TransferOffered, adopt(city))
    events = city.pass_time(600)
    assert every(OfferWithdrawn, events)[0].offer_id == first.offer_id
    assert the(city).revision == 2  # told once, not once for the offer and once for its beds
    assert only(TransferOffered, adopt(city)).hospital_id != first.hospital_id


def test_a_hospital_that_accepts_and_then_closes_loses_who_has_not_started() -> None:
    city = a_city(
        transfer_unit("T1"),
        hospitals=(receiving("d1", position=at(111.66)), receiving("d2", position=at(111.9))),
    )
    request(city, patient("p1"), patient("p2"))
    accept_all(city, adopt(city))
    city.run_to("T1", "transporting")
    city.report_hospital("d1", status="closed")
    planned = only(BatchPlanned, adopt(city))
    (waiting,) = (trip for trip in planned.trips if trip["status"] == "waiting")
    assert waiting["hospital_id"] == "d2"
    # Who is on board goes to the next hospital at once.
    assert city.handover("T1").hospital_id == "d2"


def test_beds_that_drop_out_are_planned_without() -> None:
    city = a_city(transfer_unit("T1"))
    request(city, patient("p1"), patient("p2"), patient("p3"))
    accept_all(city, adopt(city))
    city.report_hospital("d1", rooms={"isolation": 2, "negative_pressure": 0})
    planned = only(BatchPlanned, adopt(city))
    assert len(planned.unplaced) == 1
    kept = Counter(each.room for each in city.city.reservations.values() if not each.ended_at)
    assert kept["isolation"] <= 2


def test_a_plan_for_what_has_changed_since_is_left_alone() -> None:
    city = a_city()
    request(city, patient("p1"))
    revision, made = plan(city)
    city.say(
        TransferBatchAmended.model_validate(
            {
                "batch_id": "b1",
                "at": city.now,
                "by": "clinic-1",
                "reason": "worse",
                "patients": [patient("p1", "critical")],
            }
        )
    )
    assert take_over(city, "b1", revision, made) == []
    assert only(TransferOffered, adopt(city)).rooms == {"icu": 1}


def test_patients_who_wait_may_be_withdrawn_and_those_who_have_started_not() -> None:
    city = a_city(transfer_unit("T1"))
    request(city, patient("p1", "severe"), patient("p2"))
    accept_all(city, adopt(city))

    def withdrawing(*patients: str) -> TransferBatchAmended:
        return TransferBatchAmended(
            batch_id="b1", at=city.now, by="clinic-1", reason="stays", withdrawn=patients
        )

    assert city.refusal(withdrawing("p1")) == "withdrawn.0: is on the way, or has arrived"
    assert city.refusal(withdrawing("p9")) == "withdrawn.0: is not a patient of this batch"
    city.say(withdrawing("p2"))
    adopt(city)
    last = every(BatchProgressed, live(city, 90))[-1]
    assert (last.status, last.arrived, last.waiting) == ("completed", 1, 0)


def test_what_has_not_started_of_a_batch_is_called_off() -> None:
    city = a_city(transfer_unit("T1"))
    request(city, patient("p1", "severe"), patient("p2"))
    accept_all(city, adopt(city))
    cancelled = TransferBatchCancelled(batch_id="b1", at=city.now, by="clinic-1", reason="over")
    city.say(cancelled)
    assert (the(city).status, the(city).ended_at) == ("cancelled", None)
    assert city.refusal(cancelled) == "batch_id: is cancelled"
    last = every(BatchProgressed, live(city, 90))[-1]
    assert (last.status, last.arrived, last.on_the_way) == ("cancelled", 1, 0)
    assert not [each for each in city.city.reservations.values() if each.ended_at is None]


def test_what_overtakes_its_batch_waits_for_it() -> None:
    city = a_city()
    with pytest.raises(Unknown):
        city.say(TransferBatchCancelled(batch_id="b1", at=city.now, by="c", reason="over"))


def test_a_trip_that_does_not_start_in_time_is_planned_anew() -> None:
    city = a_city(transfer_unit("T1"))
    request(city, patient("p1"), patient("p2"))
    accept_all(city, adopt(city))
    (second,) = (trip for trip in the(city).trips if trip.status == "waiting")
    late = city.pack.transfers.batches.late_minutes * 60
    away = (second.depart_at - city.now).total_seconds()
    city.run_to("T1", "transporting")  # and no further
    city.pass_time(away + late - 1)
    assert the(city).revision == 1
    city.pass_time(1)
    assert the(city).revision == 2
    assert "has not started in time" in the(city).because


def test_a_unit_that_is_free_sooner_than_planned_rides_sooner() -> None:
    city = a_city(transfer_unit("T1"))
    city.say(case("c1"))
    request(city, patient("p1"))
    accept_all(city, adopt(city))
    (trip,) = the(city).trips
    assert trip.depart_at - city.now > timedelta(minutes=60)
    city.run_to("T1", "rolling")
    city.pass_time(20 * 60)
    assert the(city).revision == 1
    city.end("T1", "aborted", "patient_cancelled")
    assert the(city).because == "unit T1 is free sooner than planned"
    assert ordered(adopt(city)) == {"T1"}


def test_a_unit_that_is_back_sooner_from_its_trip_rides_sooner() -> None:
    city = a_city(transfer_unit("T1"))
    request(city, patient("p1"), patient("p2"))
    accept_all(city, adopt(city))
    waiting = the(city).trips[1]
    city.hand_over("T1")
    city.disinfect("T1")
    assert waiting.depart_at - city.now > HALF_HOUR
    assert the(city).because == "unit T1 is free sooner than planned"
    assert ordered(adopt(city)) == {"T1"}


def test_who_is_hardly_sooner_or_waits_by_plan_is_not_planned_anew() -> None:
    city = a_city(transfer_unit("T1"))
    city.say(case("c1"))
    request(city, patient("p1"))
    accept_all(city, adopt(city))
    (trip,) = the(city).trips
    city.run_to("T1", "rolling")
    city.pass_time((trip.depart_at - city.now).total_seconds() - 29 * 60)
    city.end("T1", "aborted", "patient_cancelled")
    assert the(city).revision == 1
    # Free from the beginning, with a loading place only later: its own reports change nothing.
    city = a_city(*(transfer_unit(f"T{n}") for n in range(1, 5)))
    request(city, *(patient(f"p{n}") for n in range(4)), loading_places=1)
    accept_all(city, adopt(city))
    city.pass_time(60)
    for number in range(1, 5):
        if city.unit(f"T{number}").assignment_id is None:
            city.report(f"T{number}", position=at(111.6))
    assert the(city).revision == 1


def test_a_batch_that_cannot_be_complete_in_time_says_so() -> None:
    city = a_city(transfer_unit("T1"))
    soon = city.now + timedelta(minutes=40)
    request(city, *(patient(f"p{n}") for n in range(3)), complete_by=soon)
    events = adopt(city)
    assert only(BatchPlanned, events).in_time is False
    assert "batch_late" in [e.kind for e in every(EscalationRaised, events)]


def test_a_batch_that_was_to_be_complete_by_now_is_escalated() -> None:
    city = a_city(transfer_unit("T1"))
    request(city, patient("p1"), complete_by=city.now + timedelta(hours=2))
    events = adopt(city)
    assert only(BatchPlanned, events).in_time is True
    accept_all(city, events)
    assert "batch_late" not in escalated(city.pass_time(7_199))
    events = city.pass_time(1)
    assert "batch_late" in escalated(events)


def test_a_batch_without_a_plan_is_escalated() -> None:
    city = a_city()
    request(city, patient("p1"))
    events = city.pass_time(city.pack.transfers.batches.solve_seconds + 60)
    assert [e.kind for e in every(EscalationRaised, events)] == ["batch_unplanned"]


def test_several_close_contacts_share_a_vehicle() -> None:
    site = hospital(
        "site", "isolation_site", rooms={"isolation_site": 9}, capacity={"isolation_site": 9}
    )
    city = a_city(hospitals=(site, receiving("d1")))
    contacts = [patient(f"p{n}", "mild") for n in range(5)]
    request(city, *contacts, kind="close_contact")
    events = adopt(city)
    planned = only(BatchPlanned, events)
    assert sorted(len(trip["beds"]) for trip in planned.trips) in ([1, 4], [2, 3])
    accept_all(city, events)
    said = live(city, 90)
    assert {each.room for each in every(BedOccupied, said)} == {"isolation_site"}
    assert len(every(BedOccupied, said)) == 5
    assert every(BatchProgressed, said)[-1].status == "completed"


def amended(city: SmallCity, **changes: Any) -> TransferBatchAmended:
    body = {"batch_id": "b1", "at": city.now, "by": "clinic-1", "reason": "known better"}
    return TransferBatchAmended.model_validate(body | changes)


def test_who_is_withdrawn_twice_counts_once() -> None:
    city = a_city()
    request(city, patient("p1"), patient("p2"))
    assert city.refusal(amended(city, withdrawn=["p1", "p1"])) == "withdrawn.1: is there twice"


def test_a_batch_of_which_everybody_stays_keeps_no_bed() -> None:
    city = a_city(transfer_unit("T1", station=at(112.5)))
    request(city, patient("p1"))
    (offer,) = every(TransferOffered, adopt(city))
    city.report("T1", "off_duty")
    city.say(city.accepts(offer.offer_id))
    events = city.say(amended(city, withdrawn=["p1"]))
    assert only(OfferWithdrawn, events).offer_id == offer.offer_id
    assert city.beds("confirmed") == []
    assert the(city).status == "completed"


def test_patients_without_a_unit_are_planned_when_one_comes() -> None:
    city = a_city(transfer_unit("T1", status="off_duty"))
    request(city, patient("p1"))
    assert only(BatchPlanned, adopt(city)).unplaced == [{"patient_id": "p1", "why": "no_unit"}]
    city.report("T1", "available")
    assert ordered(accept_all(city, adopt(city))) == {"T1"}


def test_patients_without_a_place_are_looked_after_in_time() -> None:
    city = a_city(transfer_unit("T1"))
    request(city, patient("p1"))
    offer = only(TransferOffered, adopt(city))
    city.say(city.refuses(offer.offer_id))
    assert "batch_unplaced" in escalated(adopt(city))
    # The hospital that has refused is asked again.
    city.pass_time(city.pack.transfers.search_seconds)
    assert needs_plan(the(city))
    assert only(TransferOffered, adopt(city)).hospital_id == "d1"


def test_patients_whom_nobody_can_take_are_told_of_again_and_not_planned_over_and_over() -> None:
    city = a_city(hospitals=(receiving("d1", rooms={"isolation": 1}, capacity={"isolation": 9}),))
    request(city, patient("p1"), patient("p2", needs=["pregnancy"]))
    assert [each["why"] for each in only(BatchPlanned, adopt(city)).unplaced] == ["no_capability"]
    city.report_hospital("d1", rooms={"isolation": 9})
    assert not needs_plan(the(city))
    assert "batch_unplaced" in escalated(city.pass_time(city.pack.transfers.search_seconds))
    assert not needs_plan(the(city))


def test_a_hospital_that_was_closed_is_asked_again() -> None:
    city = a_city(transfer_unit("T1", station=at(112.5)))
    request(city, patient("p1"))
    first = only(TransferOffered, adopt(city))
    assert only(OfferWithdrawn, city.report_hospital("d1", status="closed")).offer_id == (
        first.offer_id
    )
    adopt(city)
    city.report_hospital("d1", status="open")
    assert only(TransferOffered, adopt(city)).offer_id != first.offer_id


@pytest.mark.parametrize(
    "news", [None, {"status": "closed"}, {"service": "ordinary"}], ids=["unit", "closed", "others"]
)
def test_a_plan_that_counts_on_what_has_gone_is_made_anew(news: dict[str, Any] | None) -> None:
    city = a_city(transfer_unit("T1"))
    request(city, patient("p1"))
    revision, made = plan(city)
    if news is None:
        city.report("T1", "off_duty")
    else:
        city.report_hospital("d1", **news)
    events = take_over(city, "b1", revision, made)
    assert not every(TransferOffered, events)
    assert "has dropped out meanwhile" in the(city).because
    assert needs_plan(the(city))


def test_two_batches_do_not_plan_a_unit_for_the_same_time() -> None:
    city = a_city(transfer_unit("T1"))
    for batch_id in ("b1", "b2"):
        request(city, patient("p1"), batch_id=batch_id)
    plans = {batch_id: plan(city, batch_id) for batch_id in ("b1", "b2")}
    for batch_id, (revision, made) in plans.items():
        take_over(city, batch_id, revision, made)
    assert the(city, "b2").because == "unit T1 is planned for b1 meanwhile"
    adopt(city, "b2")
    (first,), (second,) = the(city, "b1").trips, the(city, "b2").trips
    assert first.free_at <= second.depart_at


def test_a_unit_that_fails_on_its_trip_is_planned_without_at_once() -> None:
    city = a_city()
    request(city, *(patient(f"p{n}") for n in range(4)))
    accept_all(city, adopt(city))
    later = {trip.unit_id for trip in the(city).trips if trip.status == "waiting"}
    assert later == {"T1", "T2"}
    city.report("T2", "rolling")
    city.pass_time(city.pack.allocation.order_acknowledgement_seconds)
    assert city.unit("T1").status == "out_of_service"
    planned = only(BatchPlanned, adopt(city))
    assert {trip["unit_id"] for trip in planned.trips if trip["status"] == "waiting"} == {"T2"}


def test_a_unit_that_an_emergency_has_taken_is_not_waited_for() -> None:
    city = a_city(transfer_unit("T1"), transfer_unit("T2", station=at(111.9)))
    request(city, patient("p1", "severe"))
    offer = only(TransferOffered, adopt(city))
    (trip,) = the(city).trips
    city.say(case("c1"))
    taken = "T1" if city.unit("T1").assignment_id else "T2"
    assert trip.unit_id == taken
    city.say(city.accepts(offer.offer_id))
    assert "is on another run" in the(city).because
    adopt(city)
    assert ordered(city.step) == {"T1", "T2"} - {taken}


def test_patients_whom_the_crew_could_not_bring_stay() -> None:
    city = a_city(transfer_unit("T1"))
    request(city, patient("p1", "severe"), patient("p2"))
    accept_all(city, adopt(city))
    city.run_to("T1", "on_scene")
    told = every(BatchProgressed, city.end("T1", "empty", "died_on_scene"))[-1]
    assert told.because == "trip 1 has brought nobody: died_on_scene"
    assert the(city).withdrawn == ("p1",)
    # It is no reason to plan: p2 goes as planned.
    assert not needs_plan(the(city))


def test_patients_of_a_trip_that_is_called_off_are_planned_anew() -> None:
    city = a_city(transfer_unit("T1"))
    request(city, patient("p1"))
    accept_all(city, adopt(city))
    city.say(city.called_off("b1.T1"))
    assert needs_plan(the(city))
    # The hospital still expects the patient.
    assert ordered(adopt(city)) == {"T1"}
    assert [trip.number for trip in the(city).trips] == [1, 2]


def test_a_trip_that_is_called_off_after_its_batch_leaves_nobody_waiting() -> None:
    city = a_city(transfer_unit("T1"))
    request(city, patient("p1"))
    accept_all(city, adopt(city))
    city.say(TransferBatchCancelled(batch_id="b1", at=city.now, by="clinic-1", reason="over"))
    told = every(BatchProgressed, city.say(city.called_off("b1.T1")))[-1]
    assert (told.status, told.on_the_way, told.waiting) == ("cancelled", 0, 0)


def test_nobody_is_moved_to_where_they_are() -> None:
    city = a_city(hospitals=(receiving("d1"), receiving("d2", position=at(111.9))))
    request(city, patient("p1"), institution_id="d1")
    assert only(TransferOffered, adopt(city)).hospital_id == "d2"


def test_crews_are_told_where_to_go_and_whom_to_ring_up() -> None:
    city = a_city()
    request(
        city,
        patient("p1"),
        location={"address": "1 Clinic Road"},
        contact={"name": "Li", "phone": "110"},
    )
    scene = only(OrderIssued, accept_all(city, adopt(city))).scene
    assert (scene.address, scene.source) == ("1 Clinic Road", "district_centre")
    contact = city.city.calls["b1.T1"].content.contact
    assert contact is not None
    assert contact.phone == "110"


def test_the_institution_is_told_who_has_started() -> None:
    city = a_city(transfer_unit("T1"))
    request(city, patient("p1"), patient("p2"))
    told = every(BatchProgressed, accept_all(city, adopt(city)))[-1]
    assert (told.because, told.on_the_way, told.waiting) == ("started: trip 1", 1, 1)


def test_a_batch_and_its_trips_have_ids_of_their_own() -> None:
    city = a_city()
    request(city, patient("p1"))
    assert city.refusal(case("b1")).startswith("call_id: is taken by a batch")
    assert city.refusal(case("b1.T7")).startswith("call_id: is taken by a batch")
    assert city.refusal(wanted("b1.T7")) == "transfer_id: is taken by a trip of a batch"
    city.say(case("b2.T7"))
    at_now = {"at": city.now}
    assert city.refusal(batch(patient("p1"), batch_id="b2", **at_now)) == (
        "batch_id: has trips whose ids are taken already"
    )
    long = "b" * 55
    assert "is longer than 54" in city.refusal(batch(patient("p1"), batch_id=long, **at_now))


def test_the_same_batch_with_another_wish_is_another_one() -> None:
    city = a_city()
    request(city, patient("p1"))
    other = batch(patient("p1"), at=city.now, hospitals=["d1"])
    assert city.refusal(other) == "batch_id: is taken already"


def test_changes_without_end_do_not_hide_that_no_plan_comes() -> None:
    city = a_city()
    request(city, patient("p1"))
    escalations: list[str] = []
    for _ in range(10):
        escalations += escalated(city.pass_time(15))
        city.say(amended(city, patients=[patient("p1", "severe")]))
    assert "batch_unplanned" in escalations
