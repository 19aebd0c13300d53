"""Where the patient is taken, and what hospitals report of themselves."""

from datetime import timedelta

import pytest

from dispatch.topics.handovers import HandoverAnnounced, HandoverWithdrawn
from dispatch.topics.hospitals import HospitalReported
from dispatch.topics.orders import OrderAmended
from tests.unit.domain.city_builder import (
    ALL_NO,
    EAST,
    MIDDLE,
    UNDETERMINED,
    WEST,
    SmallCity,
    at,
    call,
    case,
    escalated,
    every,
    febrile,
    hospital,
    only,
    transfer_unit,
    unit,
)


def chosen(city: SmallCity, unit_id: str = "U1") -> str:
    return city.handover(unit_id).hospital_id


@pytest.mark.parametrize(
    ("district", "expected"), [(WEST, "of_west"), (MIDDLE, "of_middle"), (EAST, "of_west")]
)
def test_a_case_goes_to_the_designated_hospital_of_its_district_else_the_nearest_of_the_city(
    district: str, expected: str
) -> None:
    city = SmallCity(
        transfer_unit("U1"),
        hospitals=[
            hospital("of_west", "designated", jurisdiction=(WEST,), position=at(111.62)),
            hospital("of_middle", "designated", jurisdiction=(MIDDLE,), position=at(111.70)),
            hospital("spare", "reserve_designated", jurisdiction=(EAST,), position=at(111.60)),
        ],
    )
    city.say(call("c1", district=district, patient={"case_status": "confirmed"}))
    assert chosen(city) == expected


@pytest.mark.parametrize("rooms", [{"isolation": 0}, {}])
def test_the_reserve_takes_a_case_when_no_designated_hospital_has_a_room(
    rooms: dict[str, int],
) -> None:
    city = SmallCity(
        transfer_unit("U1"),
        hospitals=[
            hospital("full", "designated", jurisdiction=(WEST,), rooms=rooms),
            hospital("spare", "reserve_designated", position=at(111.9), service="cases"),
        ],
    )
    city.say(case("c1"))
    assert chosen(city) == "spare"


def test_an_advisory_does_not_send_a_patient_where_the_capability_is_missing() -> None:
    city = SmallCity(
        unit("U1"),
        hospitals=[
            hospital("plain", "ordinary", position=at(111.61)),
            hospital(
                "heart", "ordinary", position=at(111.7), capabilities=("cardiac",),
                status="advisory",
            ),
        ],
    )  # fmt: skip
    city.say(call("c1", chief_complaint="severe chest pain"))
    city.run_to("U1", "transporting")
    assert chosen(city) == "heart"


def test_a_room_is_promised_once_and_a_full_city_is_escalated() -> None:
    place = hospital("only", "fever_clinic", rooms={"fever_clinic": 1})
    city = SmallCity(unit("U1"), unit("U2"), hospitals=[place])
    assert only(HandoverAnnounced, city.say(febrile("c1", ALL_NO))).place == 1
    elsewhere = {"latitude": 40.9, "longitude": 111.6}
    events = city.say(febrile("c2", ALL_NO, location=elsewhere))
    assert only(HandoverAnnounced, events).place is None
    assert escalated(events) == ["no_room"]
    city.hand_over("U1")
    assert city.city.hospitals["only"].rooms == {"fever_clinic": 0}


# -- the dispatcher's choice


def test_the_dispatchers_hospital_comes_before_a_nearer_one_with_more_room() -> None:
    city = SmallCity(unit("U1"))
    city.city.load([hospital("wanted", "ordinary", rooms={}, position=at(111.9))])
    city.say(febrile("c1", UNDETERMINED))
    events = city.override("c1", hospital_id="wanted")
    assert only(HandoverAnnounced, events).hospital_id == "wanted"
    assert only(OrderAmended, events).hospital_id == "wanted"


def test_a_hospital_that_diverted_is_asked_again_when_the_dispatcher_says_so() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.say(city.diverts(city.handover("U1")))
    assert chosen(city) == "second"
    city.override("c1", hospital_id="general")
    assert chosen(city) == "general"
    city.say(city.diverts(city.handover("U1")))
    assert chosen(city) == "second"


def test_a_chosen_hospital_that_diverts_is_followed_by_one_that_suits() -> None:
    city = SmallCity(unit("U1"))
    city.city.load([hospital("ward", "ordinary", position=at(111.60))])
    city.say(febrile("c1", UNDETERMINED))
    city.override("c1", hospital_id="ward")
    city.say(city.diverts(city.handover("U1")))
    assert chosen(city) == "general"


def test_a_patient_whom_no_hospital_took_goes_where_the_dispatcher_says() -> None:
    city = SmallCity(unit("U1"), hospitals=[hospital("ward", "ordinary")])
    assert "no_hospital" in escalated(city.say(febrile("c1", UNDETERMINED)))
    city.run_to("U1", "transporting")
    city.override("c1", hospital_id="ward")
    city.hand_over("U1")
    assert city.incident("c1").outcome == "completed"


def test_an_unknown_or_closed_hospital_is_not_chosen_and_none_after_arrival() -> None:
    city = SmallCity(unit("U1"))
    city.report_hospital("second", status="closed")
    city.say(febrile("c1", UNDETERMINED))
    for hospital_id, why in (("nowhere", "is not a hospital"), ("second", "is closed")):
        assert why in city.refusal(city.overridden("c1", hospital_id=hospital_id))
    city.run_to("U1", "at_hospital")
    assert "has arrived" in city.refusal(city.overridden("c1", hospital_id="designated"))


# -- reports


def test_a_report_is_taken_over_in_part_and_an_older_one_refused() -> None:
    city = SmallCity()
    city.pass_time(60)
    city.report_hospital("general", rooms={"buffer": 7})
    known = city.city.hospitals["general"]
    assert (known.rooms["buffer"], known.rooms["emergency"], known.status) == (7, 2, "open")
    earlier = HospitalReported(
        hospital_id="general", at=city.now - timedelta(seconds=1), status="closed"
    )
    assert city.refusal(earlier) == "at: is older than this hospital's last report"


def test_patients_under_way_to_a_hospital_that_closes_go_to_the_next_one() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(febrile("c1", UNDETERMINED))
    city.say(febrile("c2", UNDETERMINED, location={"latitude": 40.9, "longitude": 111.6}))
    arrived = city.assignment("U1").unit_id
    city.run_to(arrived, "at_hospital")
    events = city.report_hospital("general", status="closed")
    assert [event.handover_id for event in every(HandoverWithdrawn, events)] == ["c2/A1/H1"]
    assert only(HandoverAnnounced, events).hospital_id == "second"
    assert only(OrderAmended, events).unit_id == "U2"
    city.hand_over(arrived)
    city.report_hospital("general", status="open")
    city.say(city.diverts(city.handover("U2")))
    assert chosen(city, "U2") == "general"


def test_a_patient_for_whom_no_hospital_was_open_is_announced_to_the_first_that_opens() -> None:
    city = SmallCity(unit("U1"))
    for hospital_id in ("general", "second"):
        city.report_hospital(hospital_id, status="closed")
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "transporting")
    assert "no_hospital" not in escalated(city.report_hospital("reserve", status="open"))
    events = city.report_hospital("second", status="open")
    assert only(HandoverAnnounced, events).hospital_id == "second"
    assert only(OrderAmended, events).hospital_id == "second"
