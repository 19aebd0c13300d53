"""A hospital is asked for beds before anybody moves, and answers in time or not."""

import pytest

from dispatch.topics.beds import BedReleased, BedReserved
from dispatch.topics.clocks import ClockBreached, ClockMet, ClockStopped
from dispatch.topics.handovers import OfferWithdrawn, TransferOffered
from tests.unit.domain.city_builder import (
    SmallCity,
    every,
    hospital,
    kinds,
    only,
    transfer_unit,
    usual_hospitals,
    wanted,
)


def offered() -> SmallCity:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1", {"name": "Li", "needs": ["paralysis"]}, {"severity": "critical"}))
    return city


def test_an_offer_says_who_comes_until_when_and_holds_a_bed_for_each() -> None:
    city = SmallCity(transfer_unit("T1"))
    events = city.say(wanted("t1", {"name": "Li"}, {"severity": "critical"}))
    offer = only(TransferOffered, events)
    assert (offer.offer_id, offer.hospital_id, offer.transfer_id) == ("t1/O1", "designated", "t1")
    assert offer.rooms == {"isolation": 1, "icu": 1}
    assert (offer.answer_by - offer.at).total_seconds() == 600
    assert [patient["patient_id"] for patient in offer.patients] == ["p1", "p2"]
    assert offer.patients[0]["name"] == "Li"
    assert "protective_coverall" in offer.staff_ppe
    reserved = every(BedReserved, events)
    assert [(each.patient_id, each.room, each.expires_at) for each in reserved] == [
        ("p1", "isolation", offer.answer_by),
        ("p2", "icu", offer.answer_by),
    ]
    assert "order.issued" not in kinds(events)


def test_an_accepted_offer_keeps_its_beds_for_the_packs_hours() -> None:
    city = offered()
    events = city.say(city.accepts("t1/O1"))
    met = [each for each in every(ClockMet, events) if each.kind == "transfer_answered"]
    assert [each.subject for each in met] == ["t1/O1"]
    assert city.offer("t1/O1").status == "accepted"
    assert len(city.beds("confirmed")) == 2
    kept = [each.expires_at for each in city.city.reservations.values()]
    assert {(until - city.now).total_seconds() for until in kept} == {24 * 3_600}


def test_an_answer_to_an_offer_is_refused_unless_it_stands_and_is_the_hospitals() -> None:
    city = offered()
    accepts, refuses = city.accepts("t1/O1"), city.refuses("t1/O1")
    assert city.refusal(accepts.model_copy(update={"offer_id": "t1/O9"})) == (
        "offer_id: is not an offer of this centre"
    )
    assert city.refusal(accepts.model_copy(update={"hospital_id": "reserve"})) == (
        "offer_id: was made to another hospital"
    )
    assert city.refusal(refuses.model_copy(update={"proposal": "nowhere"})) == (
        "proposal: is not a hospital of this city"
    )
    city.say(accepts)
    assert city.refusal(accepts) == "offer_id: is accepted"
    assert city.refusal(refuses) == "offer_id: is accepted"


def test_an_answer_before_the_request_has_come_is_refused() -> None:
    city = SmallCity(transfer_unit("T1"))
    early = offered().accepts("t1/O1")
    assert city.refusal(early) == "offer_id: is not an offer of this centre"


def test_an_offer_that_is_not_answered_in_time_is_breached_and_its_beds_are_free() -> None:
    city = offered()
    late = city.accepts("t1/O1")
    events = city.pass_time(600)
    breached = [e for e in every(ClockBreached, events) if e.kind == "transfer_answered"]
    assert [each.subject for each in breached] == ["t1/O1"]
    stopped = [e for e in every(ClockStopped, events) if e.subject == "t1/O1"]
    assert len(stopped) == 1
    assert [each.outcome for each in every(BedReleased, events)] == ["expired", "expired"]
    assert only(OfferWithdrawn, events).offer_id == "t1/O1"
    assert city.refusal(late).startswith("offer_id: is answered too late: it stood until ")


def test_an_answer_after_the_limit_is_too_late_even_before_the_timer_has_fired() -> None:
    city = offered()
    city.now = city.offer("t1/O1").answer_by
    on_time = city.accepts("t1/O1")
    city.now = city.now.replace(microsecond=1)
    late = city.accepts("t1/O1")
    assert city.refusal(late).startswith("offer_id: is answered too late")
    # It was given in time, and read a moment later.
    city.say(on_time)
    assert city.offer("t1/O1").status == "accepted"


@pytest.mark.parametrize("rooms", [{}, {"isolation": 1}, {"isolation": 5}])
def test_no_offer_is_made_where_not_every_patient_has_a_bed(rooms: dict[str, int]) -> None:
    designated, *others = usual_hospitals()
    small = hospital("designated", "designated", position=designated.position, rooms=rooms)
    city = SmallCity(transfer_unit("T1"), hospitals=[small, *others])
    city.say(wanted("t1", {}, {"severity": "critical"}))
    assert city.offer("t1/O1").hospital_id == "reserve"
