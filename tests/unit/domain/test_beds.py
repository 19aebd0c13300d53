"""Beds: kept for every patient of a transfer or for none, taken on arrival, free again once."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain import beds
from dispatch.domain.model import Hospital, Reservation
from dispatch.topics.beds import BedOccupied, BedReleased, BedReserved, BedVacated
from dispatch.topics.handovers import HandoverAnnounced
from dispatch.topics.hospitals import BedFreed
from dispatch.topics.incidents import EscalationRaised
from tests.unit.domain.city_builder import (
    ALL_NO,
    SmallCity,
    case,
    every,
    febrile,
    hospital,
    kinds,
    only,
    transfer_unit,
    unit,
)

MILD, SEVERE, CRITICAL = ("isolation", "negative_pressure"), ("negative_pressure", "icu"), ("icu",)
KINDS = ("isolation", "negative_pressure", "icu")
T = TypeVar("T")


def cases(**rooms: int) -> Hospital:
    """Return a hospital for cases whose beds are all free."""
    return hospital("D", "designated", rooms=rooms, capacity=rooms)


def city_with(**rooms: int) -> SmallCity:
    return SmallCity(hospitals=[cases(**rooms)])


def do(city: SmallCity, work: Callable[..., T], *args: Any, **more: Any) -> T:
    """Let something happen in the city; its events are those of the last step."""
    city.city.begin(now=city.now, cause=f"step-{len(city.history)}")
    done = work(city.city, *args, **more)
    city._settle()
    return done


def reserve(
    city: SmallCity, wanted: beds.Wanted, *, owner: str = "T1", minutes: float = 10
) -> tuple[Reservation, ...] | None:
    return do(
        city, beds.reserve, owner, f"{owner}/O1", city.city.hospitals["D"], wanted,
        expires_at=city.now + timedelta(minutes=minutes),
    )  # fmt: skip


def reserved(city: SmallCity, wanted: beds.Wanted, **more: Any) -> tuple[Reservation, ...]:
    found = reserve(city, wanted, **more)
    assert found is not None
    return found


def freed(city: SmallCity, room: str, promise_id: str | None = None, at: str = "D") -> BedFreed:
    promise = {} if promise_id is None else {"promise_id": promise_id}
    return BedFreed.model_validate({"hospital_id": at, "at": city.now, "room": room} | promise)


# -- reserving


def test_each_patient_gets_the_best_kind_that_has_a_bed() -> None:
    city = city_with(isolation=1, negative_pressure=2, icu=1)
    held = reserved(city, {"a": MILD, "b": MILD, "c": SEVERE, "d": CRITICAL})
    assert [(r.reservation_id, r.patient_id, r.room, r.place) for r in held] == [
        ("T1/B1", "a", "isolation", 1),
        ("T1/B2", "b", "negative_pressure", 1),
        ("T1/B3", "c", "negative_pressure", 2),
        ("T1/B4", "d", "icu", 1),
    ]
    told = every(BedReserved, city.step)
    assert [each.reservation_id for each in told] == ["T1/B1", "T1/B2", "T1/B3", "T1/B4"]
    assert {each.expires_at for each in told} == {city.now + timedelta(minutes=10)}


def test_who_can_do_with_another_kind_makes_room_for_who_cannot() -> None:
    city = city_with(isolation=1, negative_pressure=1, icu=1)
    held = reserved(city, {"mild": MILD, "severe": SEVERE, "critical": CRITICAL})
    assert {r.patient_id: r.room for r in held} == {
        "mild": "isolation", "severe": "negative_pressure", "critical": "icu",
    }  # fmt: skip
    city = city_with(isolation=1, negative_pressure=1, icu=1)
    held = reserved(city, {"severe": SEVERE, "mild": ("negative_pressure",), "b": ("isolation",)})
    assert {r.patient_id: r.room for r in held} == {
        "severe": "icu", "mild": "negative_pressure", "b": "isolation",
    }  # fmt: skip


def test_a_chain_of_patients_moves_on_where_the_last_one_finds_no_bed() -> None:
    city = city_with(isolation=1, negative_pressure=1, icu=1)
    held = reserved(city, {"a": MILD, "b": SEVERE, "c": ("isolation",)})
    assert {r.patient_id: r.room for r in held} == {
        "a": "negative_pressure", "b": "icu", "c": "isolation",
    }  # fmt: skip


@given(
    rooms=st.fixed_dictionaries({kind: st.integers(0, 2) for kind in KINDS}),
    wanted=st.lists(st.lists(st.sampled_from(KINDS), min_size=1, unique=True), max_size=5),
)
def test_whoever_can_be_placed_is_placed(rooms: dict[str, int], wanted: list[list[str]]) -> None:
    given_rooms = beds.allot(
        city_with(**rooms).city, cases(**rooms), {f"p{n}": kinds for n, kinds in enumerate(wanted)}
    )
    possible = any(
        all(count <= rooms[kind] for kind, count in Counter(choice).items())
        for choice in product(*wanted)
    )
    assert (given_rooms is not None) is possible
    if given_rooms is not None:
        assert all(given_rooms[f"p{n}"] in kinds for n, kinds in enumerate(wanted))
        assert all(count <= rooms[kind] for kind, count in Counter(given_rooms.values()).items())


@pytest.mark.parametrize(
    "wanted",
    [
        {"a": CRITICAL, "b": CRITICAL},
        {"a": MILD, "b": MILD, "c": MILD},
        {"a": ("ward",)},
    ],
)
def test_a_bed_is_held_for_everyone_or_for_nobody(wanted: beds.Wanted) -> None:
    city = city_with(isolation=1, negative_pressure=1, icu=1)
    before = city.snapshot()
    assert reserve(city, wanted) is None
    assert (city.step, city.timers, city.snapshot()) == ([], {}, before)


def test_a_promised_bed_is_not_promised_again_neither_to_a_transfer_nor_to_an_ambulance() -> None:
    city = SmallCity(transfer_unit("U1"), hospitals=[cases(isolation=2)])
    reserved(city, {"a": MILD})
    announced = only(HandoverAnnounced, city.say(case("c1")))
    assert (announced.reserve, announced.place) == ("isolation", 2)
    assert reserve(city, {"b": MILD}, owner="T2") is None


def test_reservations_of_an_owner_are_counted_on() -> None:
    city = city_with(isolation=3)
    (first,) = reserved(city, {"a": MILD})
    do(city, beds.release, first, "released", "diverted")
    assert [r.reservation_id for r in reserved(city, {"a": MILD, "b": MILD})] == ["T1/B2", "T1/B3"]


@pytest.mark.parametrize("ended_first", [True, False])
def test_a_place_that_changed_hands_elsewhere_is_taken_in_whatever_order_it_is_read(
    ended_first: bool,
) -> None:
    city = city_with(isolation=2)
    (let_go,) = reserved(city, {"a": MILD})
    written = [
        replace(let_go, status="released", ended_at=city.now),
        replace(let_go, reservation_id="T2/B1", owner="T2"),
    ]
    city.city.load(written if ended_first else reversed(written))
    (following,) = reserved(city, {"b": MILD}, owner="T3")
    assert (let_go.place, following.place) == (1, 2)


# -- letting go


def test_a_bed_that_is_let_go_can_be_promised_again() -> None:
    city = city_with(isolation=1)
    (held,) = reserved(city, {"a": MILD})
    do(city, beds.release, held, "released", "diverted: full")
    told = only(BedReleased, city.step)
    assert (told.reservation_id, told.outcome, told.reason) == (
        "T1/B1",
        "released",
        "diverted: full",
    )
    assert city.timers == {}
    ended = city.known(Reservation, "T1/B1")
    do(city, beds.release, ended, "expired", "again")
    assert city.step == []
    (again,) = reserved(city, {"b": MILD}, owner="T2")
    assert again.place == 1


def test_a_held_bed_expires_with_the_offer_and_nobody_is_alarmed() -> None:
    city = city_with(isolation=1)
    reserved(city, {"a": MILD})
    assert city.pass_time(599) == []
    told = only(BedReleased, city.pass_time(1))
    assert (told.outcome, told.patient_id) == ("expired", "a")
    assert city.pass_time(1_000_000) == []
    assert reserve(city, {"b": MILD}, owner="T2") is not None


def test_a_confirmed_bed_is_kept_longer_and_escalates_when_nobody_comes() -> None:
    city = city_with(isolation=1)
    held = reserved(city, {"a": MILD})
    (kept,) = do(city, beds.confirm, held, city.now + timedelta(hours=24))
    assert (kept.status, city.step) == ("confirmed", [])
    assert city.pass_time(24 * 3600 - 1) == []
    events = city.pass_time(1)
    assert kinds(events) == ["bed.released", "escalation.raised"]
    raised = only(EscalationRaised, events)
    assert raised.kind == "reservation_expired"
    assert raised.explanation == (
        "the isolation bed of hospital D was kept under T1/B1 for a patient who has not come"
    )


def test_a_timer_of_a_bed_that_is_taken_does_nothing() -> None:
    city = SmallCity(transfer_unit("U1"), hospitals=[cases(isolation=2)])
    (held,) = reserved(city, {"a": MILD})
    timer = city.timers["reservation/T1/B1"]
    city.say(case("c1"))
    do(city, beds.take, held, city.incident("c1"))
    assert city.fire(timer) == []


# -- arriving and leaving


def taken(city: SmallCity) -> str:
    """Bring a case into a bed by an ambulance; return the handover."""
    city.say(case("c1"))
    handover_id = city.handover("U1").handover_id
    city.hand_over("U1")
    return handover_id


def test_a_patient_who_comes_takes_the_bed_that_was_kept() -> None:
    city = SmallCity(transfer_unit("U1"), hospitals=[cases(isolation=2)])
    (held,) = reserved(city, {"a": MILD})
    city.say(case("c1"))
    do(city, beds.take, held, city.incident("c1"))
    told = only(BedOccupied, city.step)
    assert (told.promise_id, told.incident_id, told.case_status) == ("T1/B1", "c1", "confirmed")
    assert (told.room, told.place) == ("isolation", 1)
    assert city.city.hospitals["D"].rooms == {"isolation": 1}
    assert city.city.promised("D", "isolation") == 1
    assert city.known(Reservation, "T1/B1").status == "taken"


def test_an_ordinary_handover_occupies_its_place_too() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", ALL_NO))
    told = only(BedOccupied, city.hand_over("U1"))
    assert (told.promise_id, told.hospital_id, told.room) == ("c1/A1/H1", "general", "fever_clinic")


def test_a_patient_for_whom_no_place_was_left_occupies_none() -> None:
    city = SmallCity(unit("U1"), hospitals=[hospital("full", "fever_clinic", rooms={})])
    city.say(febrile("c1", ALL_NO))
    handover_id = city.handover("U1").handover_id
    assert every(BedOccupied, city.hand_over("U1")) == []
    event = freed(city, "fever_clinic", handover_id, at="full")
    assert city.refusal(event) == "room: is not a kind of bed that this hospital has"
    city.report_hospital("full", rooms={"fever_clinic": 0})
    assert city.refusal(event) == "promise_id: took no bed of its own"


@pytest.mark.parametrize("by", ["handover", "reservation"])
def test_a_bed_is_freed_once(by: str) -> None:
    city = SmallCity(transfer_unit("U1"), hospitals=[cases(isolation=3)])
    if by == "handover":
        promise_id = taken(city)
    else:
        (held,) = reserved(city, {"a": MILD})
        promise_id = held.reservation_id
        city.say(case("c1"))
        do(city, beds.take, held, city.incident("c1"))
    assert city.city.hospitals["D"].rooms == {"isolation": 2}
    told = only(BedVacated, city.say(freed(city, "isolation", promise_id)))
    assert (told.promise_id, told.free, told.outcome) == (promise_id, 3, "discharged")
    city.report_hospital("D", rooms={"isolation": 1})
    assert city.refusal(freed(city, "isolation", promise_id)) == "promise_id: is free already"
    assert city.city.hospitals["D"].rooms == {"isolation": 1}


def test_a_freed_bed_that_the_hospital_had_counted_already_is_not_counted_twice() -> None:
    city = SmallCity(transfer_unit("U1"), hospitals=[cases(isolation=3)])
    promise_id = taken(city)
    city.report_hospital("D", rooms={"isolation": 3})
    assert only(BedVacated, city.say(freed(city, "isolation", promise_id))).free == 3


def test_a_bed_heard_of_late_is_among_those_that_the_hospital_has_counted_since() -> None:
    city = SmallCity(transfer_unit("U1"), hospitals=[cases(isolation=9)])
    promise_id = taken(city)
    late = [freed(city, "isolation", promise_id), freed(city, "isolation")]
    city.pass_time(60)
    city.report_hospital("D", rooms={"isolation": 4})
    city.report_hospital("D", status="advisory")
    for event in late:
        assert only(BedVacated, city.say(event)).free == 4
    assert only(BedVacated, city.say(freed(city, "isolation"))).free == 5
    assert "free already" in city.refusal(late[0])


def test_a_bed_that_was_not_taken_under_the_promise_is_not_freed() -> None:
    city = SmallCity(
        transfer_unit("U1"), hospitals=[cases(isolation=3, icu=1), hospital("E", "ordinary")]
    )
    reserved(city, {"a": MILD})
    refusal = city.refusal(freed(city, "isolation", "T1/B1"))
    assert refusal == "promise_id: is held: nobody has taken a bed under it"
    promise_id = taken(city)
    for event, why in (
        (freed(city, "isolation", "c9/A1/H1"), "promise_id: is not a reservation or handover"),
        (freed(city, "isolation", promise_id, at="E"), "promise_id: is of another hospital"),
        (freed(city, "icu", promise_id), f"room: is not that of {promise_id}: isolation"),
        (freed(city, "isolation", promise_id, at="X"), "hospital_id: is not a hospital"),
        (freed(city, "balcony"), "room: is not a kind of bed"),
    ):
        assert city.refusal(event).startswith(why)


def test_a_patient_who_had_come_otherwise_frees_a_bed_up_to_the_capacity() -> None:
    city = SmallCity(hospitals=[hospital("D", "designated", rooms={"icu": 3}, capacity={"icu": 4})])
    assert only(BedVacated, city.say(freed(city, "icu"))).free == 4
    assert city.refusal(freed(city, "icu")) == "room: all 4 are free already"


def test_a_patient_under_way_without_a_hospital_is_announced_when_a_hospital_frees_a_bed() -> None:
    city = SmallCity(unit("U1"))
    for hospital_id in ("general", "second"):
        city.report_hospital(hospital_id, status="closed")
    city.say(febrile("c1", ALL_NO))
    city.city.load([hospital("new", "fever_clinic", rooms={"fever_clinic": 0})])
    events = city.say(freed(city, "fever_clinic", at="new"))
    assert only(HandoverAnnounced, events).hospital_id == "new"
