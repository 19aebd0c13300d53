"""Where the patient is taken, and what hospitals report of themselves."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dispatch.domain.beds import Wanted
from dispatch.domain.hospitals import PatientsChoice, choose_for_patients
from dispatch.policy.pack import load_pack, pack_names
from dispatch.topics.codes import Destination
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


def test_an_unknown_or_closed_hospital_is_not_chosen_and_none_after_the_crew_has_signed() -> None:
    city = SmallCity(unit("U1"))
    city.report_hospital("second", status="closed")
    city.say(febrile("c1", UNDETERMINED))
    for hospital_id, why in (("nowhere", "is not a hospital"), ("second", "is closed")):
        assert why in city.refusal(city.overridden("c1", hospital_id=hospital_id))
    city.run_to("U1", "at_hospital")
    city.say(city.crew_signs(city.handover("U1")))
    refusal = city.refusal(city.overridden("c1", hospital_id="designated"))
    assert refusal == "hospital_id: cannot be changed: the crew has signed the handover"


# -- for all patients of a vehicle

ISOLATION = {"a": ("isolation", "negative_pressure"), "b": ("isolation",)}


def placed(
    city: SmallCity, destination: Destination, wanted: Wanted, **more: Any
) -> PatientsChoice:
    usual: dict[str, Any] = {"origin": at(111.60), "district": WEST}
    return choose_for_patients(city.city, destination, wanted, **usual | more)


def name(choice: PatientsChoice) -> str | None:
    return None if choice.hospital is None else choice.hospital.hospital_id


def test_all_patients_of_a_vehicle_go_to_one_hospital_with_a_bed_for_each() -> None:
    city = SmallCity(
        hospitals=[
            hospital("near", "designated", rooms={"isolation": 1}, position=at(111.61)),
            hospital("far", "designated", rooms={"isolation": 2}, position=at(111.90)),
            hospital("one_kind_more", "designated", position=at(111.70),
                     rooms={"isolation": 1, "negative_pressure": 1}),
        ],
    )  # fmt: skip
    choice = placed(city, "designated_hospital", ISOLATION)
    assert (name(choice), choice.passed_over) == ("one_kind_more", {"no_room": 1})
    metres = 0.1 * 84_200
    assert choice.travel_seconds == pytest.approx(metres * 1.35 / (40 / 3.6), rel=0.01)


def test_why_no_hospital_takes_them_is_counted_by_reason() -> None:
    plenty = {"rooms": {"isolation": 9}, "capabilities": ("obstetrics",)}
    city = SmallCity(
        hospitals=[
            hospital("ordinary", "ordinary", **plenty),
            hospital("closed", "designated", status="closed", **plenty),
            hospital("refused", "designated", **plenty),
            hospital("reserve", "reserve_designated", **plenty),
            hospital("emptied", "reserve_designated", service="emptied", **plenty),
            hospital("field", "temporary", service="standby", **plenty),
            hospital("incapable", "designated", rooms={"isolation": 9}),
            hospital("full", "designated", capabilities=("obstetrics",), rooms={"isolation": 1}),
        ],
    )
    choice = placed(
        city, "designated_hospital", ISOLATION, refused=["refused"], capabilities=["obstetrics"]
    )
    assert choice.hospital is None
    assert choice.passed_over == {
        "no_role": 1, "closed": 1, "refused": 1, "another_service": 3, "no_capability": 1,
        "no_room": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "own"),
        ({"own": {"status": "advisory"}}, "own"),
        ({"own": {"rooms": {}}}, "of_the_city"),
        ({"own": {"rooms": {}}, "of_the_city": {"rooms": {}}}, "reserve"),
        ({key: {"rooms": {}} for key in ("own", "of_the_city", "reserve")}, "field"),
    ],
)
def test_tiers_are_filled_in_their_order(changed: dict[str, dict[str, Any]], expected: str) -> None:
    city = SmallCity(
        hospitals=[
            hospital("own", "designated", jurisdiction=(WEST,), position=at(111.90)),
            hospital("of_the_city", "designated", position=at(111.80)),
            hospital("reserve", "reserve_designated", service="cases", position=at(111.70)),
            hospital("field", "temporary", service="cases", position=at(111.61)),
        ],
    )
    for key, changes in changed.items():
        city.city.load([replace(city.city.hospitals[key], **changes)])
    assert name(placed(city, "designated_hospital", ISOLATION)) == expected


def test_an_open_hospital_comes_before_one_with_an_advisory_and_a_proposed_one_before_both() -> (
    None
):
    city = SmallCity(
        hospitals=[
            hospital("near", "designated", status="advisory", position=at(111.61)),
            hospital("open", "designated", position=at(111.70)),
            hospital("proposed", "designated", position=at(111.90)),
            hospital("ordinary", "ordinary", position=at(111.60)),
        ],
    )
    assert name(placed(city, "designated_hospital", ISOLATION)) == "open"
    assert name(placed(city, "designated_hospital", ISOLATION, proposed="proposed")) == "proposed"
    assert name(placed(city, "designated_hospital", ISOLATION, proposed="ordinary")) == "open"


@pytest.mark.parametrize(
    ("destination", "expected"),
    [("isolation_site", "hotel"), ("home", "own_centre"), ("ward", "ordinary")],
)
def test_contacts_recovered_and_in_patients_have_places_of_their_own(
    destination: Destination, expected: str
) -> None:
    rooms = {"isolation_site": 5, "follow_up": 5, "ward": 5}
    city = SmallCity(
        hospitals=[
            hospital("D", "designated", rooms=rooms, position=at(111.60)),
            hospital("for_cases", "ordinary", service="cases", rooms=rooms, position=at(111.60)),
            hospital("hotel", "isolation_site", rooms=rooms, position=at(111.65)),
            hospital("far_hotel", "isolation_site", rooms=rooms, position=at(111.95)),
            hospital("centre", "community", rooms=rooms, jurisdiction=(EAST,), position=at(111.60)),
            hospital("own_centre", "community", rooms=rooms, jurisdiction=(WEST,),
                     position=at(111.90)),
            hospital("ordinary", "ordinary", rooms=rooms, position=at(111.85)),
        ],
    )  # fmt: skip
    room = city.pack.handover.rooms[destination]
    assert name(placed(city, destination, {"a": (room,)})) == expected


def test_one_who_recovered_goes_to_a_centre_of_the_city_where_the_district_has_none_free() -> None:
    city = SmallCity(
        hospitals=[
            hospital("own", "community", jurisdiction=(WEST,), rooms={"follow_up": 0}),
            hospital("other", "community", jurisdiction=(EAST,), rooms={"follow_up": 1}),
        ],
    )
    assert name(placed(city, "home", {"a": ("follow_up",)})) == "other"


@pytest.mark.parametrize("pack_name", pack_names())
def test_a_suspicion_that_is_not_excluded_is_never_taken_to_a_general_ward(pack_name: str) -> None:
    pack = load_pack(pack_name)
    for facts, (rule, outcome) in pack.table.items():
        not_excluded = facts.history == "positive" or (
            facts.evidence != "none" and facts.history != "negative"
        )
        if outcome.destination is not None and (facts.known_case or not_excluded):
            room = pack.handover.rooms[outcome.destination]
            assert room not in pack.tiers.general, (rule.id, facts)


# -- reports


def test_more_free_beds_than_there_are_is_refused_with_the_kind() -> None:
    city = SmallCity(hospitals=[hospital("H", "ordinary", rooms={"icu": 3}, capacity={"icu": 4})])
    for report, why in (
        ({"rooms": {"icu": 5}}, "rooms.icu: 5 free are more than the 4 there are"),
        ({"capacity": {"icu": 2}}, "capacity.icu: 2 are fewer than the 3 that are free"),
        (
            {"rooms": {"icu": 3}, "capacity": {"icu": 2}},
            "rooms.icu: 3 free are more than the 2 there are",
        ),
    ):
        body = {"hospital_id": "H", "at": city.now} | report
        assert city.refusal(HospitalReported.model_validate(body)) == why
    city.report_hospital("H", rooms={"icu": 5, "ward": 9}, capacity={"icu": 5})
    known = city.city.hospitals["H"]
    assert (known.rooms, known.capacity) == ({"icu": 5, "ward": 9}, {"icu": 5})


def test_a_decontamination_centre_keeps_its_bays_until_they_are_told() -> None:
    city = SmallCity()
    city.report_hospital("general", decontamination={"status": "full", "bays": 3})
    city.report_hospital("general", decontamination={"status": "open"})
    known = city.city.hospitals["general"]
    assert (known.decontamination_status, known.bays) == ("open", 3)


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
