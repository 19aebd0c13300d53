"""A case found is reported with all that is known, again until the commission acknowledges it."""

from datetime import timedelta
from typing import Any

import pytest

from dispatch.domain.city import City, Duplicate
from dispatch.domain.model import Handover, Transfer
from dispatch.domain.reports import report_crossing
from dispatch.policy.pack import ITEMS
from dispatch.topics.announcement import Announcement
from dispatch.topics.clocks import ClockBreached, ClockMet, ClockStarted
from dispatch.topics.handovers import TransferOffered
from dispatch.topics.incidents import EscalationRaised
from dispatch.topics.reports import CaseReported, CrossingReported, ReportSettled
from dispatch.topics.transfers import TransferPatient
from tests.unit.domain.city_builder import (
    EAST,
    POSITIVE,
    WEST,
    SmallCity,
    at,
    call,
    escalated,
    every,
    febrile,
    kinds,
    only,
    transfer_unit,
    unit,
    wanted,
)

DAY = 86_400.0


def place(longitude: float, district: str = WEST) -> dict[str, Any]:
    return {"district": district, "location": {"latitude": 40.8, "longitude": longitude}}


def a_case(call_id: str, longitude: float = 111.6, **changes: Any) -> Any:
    """Return the call of a case that repeats no other one."""
    patient = {"case_status": "confirmed", "age": float(call_id.strip("c"))}
    return call(call_id, **(place(longitude) | {"patient": patient} | changes))


def clocks_of(kind: str, events: list[Announcement]) -> list[ClockStarted]:
    return [clock for clock in every(ClockStarted, events) if clock.kind == kind]


# -- found in each of four ways


def test_a_case_that_a_call_names_is_reported_with_what_is_decided_on_it() -> None:
    city = SmallCity(transfer_unit("T1"))
    said = febrile(
        "c1",
        POSITIVE,
        patient={"case_status": "suspected", "name": "Li", "age": 40.0, "id_number": "x"},
        caller={"phone": "1"},
    )
    city.now += timedelta(seconds=30)
    events = city.say(said)
    report = only(CaseReported, events)
    assert (report.found_by, report.before, report.case_status) == ("call", "none", "suspected")
    # Two hours run from when it was known, not from when it was heard of.
    assert report.due_at == said.received_at + timedelta(hours=2)
    assert report.content == {
        "patients": [{"name": "Li", "age": 40.0, "id_number": "x"}],
        "phone": "1",
        "patient_count": 1,
        "place": {"latitude": 40.8, "longitude": 111.6, "source": "caller", "address": None},
        "district": WEST,
        "institution_id": None,
        "condition": "stable",
        "symptoms": ["fever"],
        "history": POSITIVE,
        "found_by": "call",
        "found_at": said.received_at,
        "involved": [
            {
                "assignment_id": "c1/A1",
                "unit_id": "T1",
                "crew": "transfer",
                "hospital_id": "designated",
            }
        ],
        "ppe_worn": None,
        "measures": {
            "ppe": "full",
            "destination": "designated_hospital",
            "reserve": "isolation",
            "receiving_staff": list(city.pack.protection.levels["full"].receiving_staff),
            "disinfection": "terminal",
        },
    }


@pytest.mark.parametrize(("claimed", "counts"), [(-900, -600), (-300, -300), (60, 0)])
def test_a_crews_clock_that_is_wrong_does_not_use_up_the_two_hours(
    claimed: int, counts: int
) -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", patient={"condition": "critical"}))
    city.run_to("U1", "on_scene")
    city.pass_time((city.incident("c1").received_at - city.now).total_seconds() + 600)
    report = only(CaseReported, city.find("U1", at=city.now + timedelta(seconds=claimed)))
    # From the call at the earliest, from now at the latest.
    assert report.due_at == city.now + timedelta(hours=2, seconds=counts)


def test_a_case_nobody_serves_yet_is_reported_with_what_was_not_asked() -> None:
    city = SmallCity()
    city.say(call("c1", patient={"symptoms": ["fever"]}))
    events = city.answer("c1", case_status="suspected", epidemiology={"travel": "yes"})
    content = only(CaseReported, events).content
    assert content["history"] == dict.fromkeys(ITEMS) | {"travel": "yes"}
    assert content["involved"] == []
    assert content["measures"]["destination"] == "designated_hospital"


def test_a_case_found_on_the_way_names_the_ppe_worn_and_the_measures_from_now_on() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(call("c1"))
    city.run_to("U1", "on_scene")
    report = only(CaseReported, city.find("U1"))
    assert (report.found_by, report.assignment_id, report.hospital_id) == (
        "crew", "c1/A1", "designated",
    )  # fmt: skip
    assert report.content["ppe_worn"]["level"] == "standard"
    assert report.content["measures"]["ppe"] == "full"
    assert report.content["measures"]["disinfection"] == "terminal"


def test_a_case_found_by_the_hospital_names_the_hospital() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.hand_over("U1")
    report = only(CaseReported, city.say(city.found(city.known(Handover, "c1/A1/H1"))))
    assert (report.found_by, report.hospital_id) == ("hospital", "general")
    assert report.content["involved"][0]["unit_id"] == "U1"
    assert report.content["measures"]["disinfection"] == "terminal"


@pytest.mark.parametrize("given", [{}, {"case_status": "asymptomatic"}])
def test_a_positive_result_is_a_case_found(given: dict[str, str]) -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(febrile("c1", POSITIVE, patient={"condition": "critical"}))
    city.hand_over("U1")
    handover = city.known(Handover, "c1/A1/H1")
    events = city.say(city.result(handover, positive=True, **given))
    report = only(CaseReported, events)
    assert report.found_by == "result"
    assert report.case_status == given.get("case_status", "confirmed")
    assert "transfer.progressed" in kinds(events), "the centre organises the onward transfer"


# -- sent again until acknowledged


def test_a_report_is_sent_again_until_it_is_acknowledged_and_not_after() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(a_case("c1"))
    first = only(CaseReported, [emission.event for emission in city.history])
    assert every(CaseReported, city.pass_time(899)) == []
    again = every(CaseReported, city.pass_time(901))
    assert [report.attempt for report in again] == [2, 3]
    for report in again:
        same = report.model_dump(mode="json", exclude={"attempt", "at"})
        assert same == first.model_dump(mode="json", exclude={"attempt", "at"})
    settled = city.say(city.report_acknowledged("c1/R1"))
    assert only(ReportSettled, settled).attempts == 3
    assert only(ClockMet, settled).took_seconds == 1_800
    assert "report/c1/R1" not in city.timers
    assert every(CaseReported, city.pass_time(DAY)) == []


def test_a_report_of_a_closed_incident_is_sent_again_too() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(a_case("c1"))
    city.hand_over("T1")
    city.disinfect("T1")
    assert "c1" not in city.city.incidents
    assert only(CaseReported, city.pass_time(900)).attempt >= 2
    assert kinds(city.say(city.report_acknowledged("c1/R1")))[0] == "report.settled"


def test_a_report_that_is_not_acknowledged_in_two_hours_breaches_its_clock() -> None:
    city = SmallCity(transfer_unit("T1"))
    started = clocks_of("case_reported", city.say(a_case("c1")))
    assert [clock.subject for clock in started] == ["c1/R1"]
    breached = [
        clock for clock in every(ClockBreached, city.pass_time(7_200))
        if clock.kind == "case_reported"
    ]  # fmt: skip
    assert [clock.clock_id for clock in breached] == [started[0].clock_id]
    events = city.say(city.report_acknowledged("c1/R1"))
    assert "clock.ended_late" in kinds(events)


def test_an_acknowledgement_takes_effect_once() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(a_case("c1"))
    city.say(city.report_acknowledged("c1/R1"))
    with pytest.raises(Duplicate):
        city.say(city.report_acknowledged("c1/R1", by="somebody else"))


def test_an_acknowledgement_of_what_was_not_sent_is_refused() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(a_case("c1"))
    unknown = city.report_acknowledged("c1/R2")
    assert city.refusal(unknown) == "report_id: is not a report of this centre"
    of_another = city.report_acknowledged("c1/R1", incident_id="c2")
    assert city.refusal(of_another) == "incident_id: the report is about another incident, c1"


def test_an_acknowledgement_before_the_report_was_sent_is_refused_beyond_clock_skew() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(a_case("c1"))
    early = city.report_acknowledged("c1/R1", at=city.now - timedelta(seconds=301))
    assert city.refusal(early) == "at: is before the report was sent"
    skewed = city.report_acknowledged("c1/R1", at=city.now - timedelta(seconds=300))
    assert only(ClockMet, city.say(skewed)).took_seconds == 0


def test_a_status_that_rises_is_a_report_of_its_own_and_no_new_case() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(a_case("c1", patient={"case_status": "suspected"}))
    events = city.find("T1", case_status="confirmed")
    report = only(CaseReported, events)
    assert (report.report_id, report.before, report.case_status) == (
        "c1/R2", "suspected", "confirmed",
    )  # fmt: skip
    assert (report.first_case, report.cluster) == (True, [])
    assert clocks_of("survey", events) == []
    assert len(city.city.known_cases) == 1
    assert {"report/c1/R1", "report/c1/R2"} <= city.timers.keys()


def test_what_was_found_before_is_not_reported_again_and_never_lowered() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.run_to("U1", "on_scene")
    city.find("U1", case_status="confirmed")
    for lower in ("confirmed", "suspected"):
        assert every(CaseReported, city.find("U1", case_status=lower)) == []
        assert city.incident("c1").case_status == "confirmed"


def test_what_the_call_told_of_its_patient_is_not_reported_again() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(a_case("c1"))
    city.run_to("T1", "on_scene")
    assert every(CaseReported, city.find("T1", case_status="confirmed")) == []


def test_a_second_patient_of_an_incident_is_reported_too() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1", patient_count=2))
    for unit_id in ("U1", "U2"):
        city.run_to(unit_id, "on_scene")
        assert only(CaseReported, city.find(unit_id)).assignment_id is not None
    assert len(city.city.known_cases) == 1


# -- the first case and clusters


def test_the_first_case_of_the_city_is_told_as_such() -> None:
    city = SmallCity()
    assert only(CaseReported, city.say(a_case("c1"))).first_case
    assert not only(CaseReported, city.say(a_case("c2", 111.65))).first_case


def test_cases_near_each_other_are_a_cluster() -> None:
    city = SmallCity()
    city.say(a_case("c1"))
    # 0.005 degrees are 421 m, 0.01 are 842 m.
    assert only(CaseReported, city.say(a_case("c20", 111.61))).cluster == []
    events = city.say(a_case("c60", 111.605))
    assert only(CaseReported, events).cluster == ["c1", "c20", "c60"]
    [raised] = [e for e in every(EscalationRaised, events) if e.kind == "cluster_found"]
    assert raised.incident_id == "c60"
    assert "c1, c20, c60" in raised.explanation


def test_cases_of_one_institution_are_a_cluster_wherever_they_are() -> None:
    city = SmallCity()
    school = {"kind": "institution", "institution_id": "S1", "can_admit_suspected": False}
    city.say(a_case("c1", caller=school))
    events = city.say(a_case("c20", 111.79, district=EAST, caller=school))
    assert only(CaseReported, events).cluster == ["c1", "c20"]


def test_the_centre_of_a_district_is_no_place_that_cases_share() -> None:
    city = SmallCity()
    nowhere = {"address": "somewhere"}
    city.say(a_case("c1", location=nowhere))
    events = city.say(a_case("c60", location=nowhere))
    assert only(CaseReported, events).cluster == []


def test_a_case_out_of_the_window_belongs_to_no_cluster() -> None:
    city = SmallCity()
    days = city.pack.reports.cluster_days
    city.say(a_case("c1"))
    city.say(city.report_acknowledged("c1/R1"))
    city.pass_time(days * DAY + 1)
    events = city.say(a_case("c60", received_at=city.now))
    report = only(CaseReported, events)
    assert (report.cluster, report.first_case) == ([], False)
    assert "cluster_found" not in escalated(events)


def test_a_case_is_forgotten_at_the_windows_end_except_that_there_was_a_first() -> None:
    city = SmallCity()
    city.say(a_case("c1"))
    city.pass_time(DAY)
    city.say(a_case("c20", received_at=city.now))
    for report_id in ("c1/R1", "c20/R1"):
        city.say(city.report_acknowledged(report_id))
    city.pass_time((city.pack.reports.cluster_days - 1) * DAY)
    first, second = (city.city.known_cases[f"city/{key}"] for key in ("c1", "c20"))
    assert (first.position, first.ended_at) == (None, None)
    assert second.position == at(111.6)
    city.pass_time(DAY)
    assert list(city.city.known_cases) == ["city/c1"]


# -- patients who are moved


def test_a_case_who_is_moved_on_is_still_the_same_case() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(call("c1", patient={"condition": "critical"}))
    city.run_to("U1", "on_scene")
    city.find("U1")
    [offered] = every(TransferOffered, city.hand_over("U1"))
    city.say(city.accepts(offered.offer_id))
    city.hand_over("T1")
    [onward] = [key for key in city.city.transfers if key != "c1"]
    events = city.say(city.result(city.known(Handover, f"{onward}/A1/H1"), positive=True))
    report = only(CaseReported, events)
    assert (report.incident_id, report.before, report.case_status) == (
        onward, "suspected", "confirmed",
    )  # fmt: skip
    assert (report.first_case, report.cluster) == (True, [])
    assert clocks_of("survey", events) == []
    assert list(city.city.known_cases) == ["city/c1"]


def test_a_finding_in_a_transfer_names_the_patients_on_that_vehicle() -> None:
    city = SmallCity(transfer_unit("T1"), transfer_unit("T2"))
    opened = city.say(wanted("t1", {"name": "Li"}, {"name": "Wang"}, kind="suspected"))
    patients = only(CaseReported, opened).content["patients"]
    assert patients == [{"patient_id": "p1", "name": "Li"}, {"patient_id": "p2", "name": "Wang"}]
    city.say(city.accepts("t1/O1"))
    city.run_to("T2", "on_scene")
    [carried] = city.assignment("T2").patients
    report = only(CaseReported, city.find("T2", case_status="confirmed"))
    assert [patient["patient_id"] for patient in report.content["patients"]] == [carried]


# -- a transfer across districts


def test_a_transfer_across_districts_is_reported_like_a_case() -> None:
    city = SmallCity()
    for to_district, reports in ((WEST, 0), (EAST, 1)):
        city.city.begin(now=city.now, cause=to_district)
        cross(city.city, to_district)
        assert len(every(CrossingReported, city._settle())) == reports
    report = only(CrossingReported, [emission.event for emission in city.history])
    assert (report.from_district, report.to_district, report.patients) == (WEST, EAST, 1)
    assert (report.due_at - report.at).total_seconds() == 7_200
    assert only(CrossingReported, city.pass_time(900)).attempt == 2
    met = only(ClockMet, city.say(city.report_acknowledged("t1/R1")))
    assert met.kind == "crossing_reported"


def cross(city: City, to_district: str) -> None:
    patient = TransferPatient(patient_id="p1", severity="mild", mobility="walking")
    transfer = Transfer(
        transfer_id="t1",
        institution_id="general",
        requested_at=city.now,
        kind="confirmed",
        patients=(patient,),
    )
    city.put(transfer)
    report_crossing(
        city, transfer, hospital_id="designated", from_district=WEST, to_district=to_district
    )
