"""What a crew measures reaches the hospital before the patient does, whichever it is."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from dispatch.domain.observations import MOST_KEPT, VITALS
from dispatch.store import codec
from dispatch.store.writing import EVENT_BYTES
from dispatch.topics.announcement import Announcement
from dispatch.topics.handovers import HandoverAnnounced, HandoverObserved
from dispatch.topics.incidents import ObservationsRecorded
from dispatch.topics.observations import READINGS, ObservationsReported
from tests.unit.domain.city_builder import (
    UNDETERMINED,
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


def announced() -> SmallCity:
    """Return a city whose unit U1 is on scene, its patient announced to the general hospital."""
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "on_scene")
    return city


def values(observed: dict[str, Any]) -> dict[str, float]:
    return {each["name"]: each["value"] for each in observed["values"]}


def rates(events: list[Announcement]) -> list[float]:
    """Return the heart rates that hospitals were told, in the order in which they were."""
    return [
        values(observed)["heart_rate_per_minute"]
        for told in every(HandoverObserved, events)
        for observed in told.observations
    ]


def test_what_is_measured_reaches_the_hospital_with_unit_and_time_before_the_patient() -> None:
    city = announced()
    city.pass_time(60)
    measured_at = city.now - timedelta(seconds=30)
    said = {
        "heart_rate_per_minute": 118, "breaths_per_minute": 26, "systolic_mmhg": 102,
        "diastolic_mmhg": 64, "oxygen_saturation_percent": 89.5, "temperature_celsius": 38.9,
        "glasgow_eye": 4, "glasgow_verbal": 4, "glasgow_motor": 6, "glasgow_total": 14,
        "oxygen_litres_per_minute": 6, "glucose_mmol_per_litre": 7.2,
        "ecg_url": "https://ecg.example.org/1?lead=II",
    }  # fmt: skip
    events = city.say(city.observed("U1", at=measured_at, **said))
    told = only(HandoverObserved, events)
    assert (told.hospital_id, told.handover_id, told.at) == ("general", "c1/A1/H1", city.now)
    (observed,) = told.observations
    assert observed["measured_at"] == measured_at.isoformat().replace("+00:00", "Z")
    assert values(observed) == {name: said[name] for name in READINGS}
    units = {each["name"]: each["unit"] for each in observed["values"]}
    assert units == {
        "heart_rate_per_minute": "/min", "breaths_per_minute": "/min", "systolic_mmhg": "mmHg",
        "diastolic_mmhg": "mmHg", "oxygen_saturation_percent": "%", "temperature_celsius": "°C",
        "glasgow_eye": "points", "glasgow_verbal": "points", "glasgow_motor": "points",
        "glasgow_total": "points", "oxygen_litres_per_minute": "L/min",
        "glucose_mmol_per_litre": "mmol/L",
    }  # fmt: skip
    assert (observed["ecg_url"], observed["warnings"]) == (said["ecg_url"], [])
    recorded = only(ObservationsRecorded, events)
    assert (recorded.hospital_id, recorded.measured_at) == ("general", measured_at)
    # Consoles and management read this one: the link is the hospital's alone.
    assert "ecg.example.org" not in recorded.model_dump_json()
    keys = {each.event.event_type: each.key for each in city.history[-2:]}
    assert keys == {"observations.recorded": "c1", "handover.observed": "general"}


@pytest.mark.parametrize(
    ("field", "value", "shown", "reason"),
    [
        ("heart_rate_per_minute", 900, "900", "must be 0 to 350 /min"),
        ("heart_rate_per_minute", -1, "-1", "must be 0 to 350 /min"),
        ("temperature_celsius", 98.6, "98.6", "must be 10 to 47 °C"),
        ("oxygen_saturation_percent", 0.97, "0.97", "must be 10 to 100 %"),
        ("oxygen_saturation_percent", 101, "101", "must be 10 to 100 %"),
        ("glucose_mmol_per_litre", 110, "110", "must be 0.1 to 85 mmol/L"),
        ("glasgow_total", 2, "2", "must be a whole number of 3 to 15 points"),
        ("glasgow_total", 14.5, "14.5", "must be a whole number of 3 to 15 points"),
        ("glasgow_eye", 5, "5", "must be a whole number of 1 to 4 points"),
        ("breaths_per_minute", "20", '"20"', "is not a number"),
        ("breaths_per_minute", None, "null", "is not a number"),
        ("breaths_per_minute", True, "true", "is not a number"),
        ("breaths_per_minute", [20], "a list", "is not a number"),
        ("breaths_per_minute", {"v": 20}, "an object", "is not a number"),
        ("breaths_per_minute", 10**400, "a number of too many digits", "is not a number"),
        ("breaths_per_minute", "\ud800\x00", '"\\ud800\\u0000"', "is not a number"),
        ("ecg_url", "http://ecg.example.org/1", None, "is not an https link that is passed on"),
    ],
)
def test_what_cannot_be_is_passed_on_as_a_warning_and_the_rest_counts(
    field: str, value: Any, shown: str | None, reason: str
) -> None:
    city = announced()
    said = {"systolic_mmhg": 120, field: value}
    told = only(HandoverObserved, city.say(city.observed("U1", **said)))
    (observed,) = told.observations
    assert values(observed) == {"systolic_mmhg": 120}
    assert observed["ecg_url"] is None
    assert observed["warnings"] == [{"field": field, "value": shown, "reason": reason}]
    told.model_dump_json().encode()


@pytest.mark.parametrize("name", READINGS)
def test_the_least_and_the_most_that_can_be_are_no_mistakes(name: str) -> None:
    city = announced()
    for value in (VITALS[name].lowest, VITALS[name].highest):
        told = only(HandoverObserved, city.say(city.observed("U1", **{name: value})))
        assert values(told.observations[0]) == {name: value}


def test_every_vital_sign_has_its_unit_and_bounds() -> None:
    assert VITALS.keys() == set(READINGS)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://ecg.example.org/1", "javascript:alert(1)", "https://", "https:///1", "//ecg.example",
        "https://somebody:secret@ecg.example.org/1", "https://ecg.example.org/1 2",
        "https://ecg.example.org/\n", 'https://ecg.example.org/"><script>', "https://a\\b",
        "https://ecg.example.org:99999/1", "https://[::1", "https://例.example", "", 7,
        "https://ecg.example.org/" + "x" * 1_000,
    ],
)  # fmt: skip
def test_a_link_that_leads_elsewhere_is_not_passed_on(url: Any) -> None:
    city = announced()
    events = city.say(city.observed("U1", heart_rate_per_minute=90, ecg_url=url))
    (observed,) = only(HandoverObserved, events).observations
    assert observed["ecg_url"] is None
    assert [each["field"] for each in observed["warnings"]] == ["ecg_url"]
    assert rates(events) == [90]


def test_a_long_link_is_taken_whole_or_not_at_all() -> None:
    city = announced()
    longest = "https://ecg.example.org/".ljust(1_000, "x")
    events = city.say(city.observed("U1", ecg_url=longest))
    assert only(HandoverObserved, events).observations[0]["ecg_url"] == longest


def test_values_that_contradict_each_other_are_in_doubt() -> None:
    city = announced()
    swapped = {"systolic_mmhg": 70, "diastolic_mmhg": 110, "heart_rate_per_minute": 80}
    (observed,) = only(HandoverObserved, city.say(city.observed("U1", **swapped))).observations
    assert values(observed) == {"heart_rate_per_minute": 80}
    assert [each["field"] for each in observed["warnings"]] == ["systolic_mmhg", "diastolic_mmhg"]
    scale = {"glasgow_eye": 1, "glasgow_verbal": 2, "glasgow_motor": 4}
    (observed,) = only(HandoverObserved, city.say(city.observed("U1", **scale))).observations
    assert values(observed) == {**scale, "glasgow_total": 7}
    wrong = city.observed("U1", **scale, glasgow_total=15)
    (observed,) = only(HandoverObserved, city.say(wrong)).observations
    assert values(observed) == {**scale, "glasgow_total": 7}
    assert observed["warnings"] == [
        {"field": "glasgow_total", "value": "15", "reason": "the parts add up to 7"}
    ]
    alone = city.observed("U1", glasgow_total=15)
    assert values(only(HandoverObserved, city.say(alone)).observations[0]) == {"glasgow_total": 15}


# -- which hospital


def test_what_was_observed_before_a_hospital_is_chosen_is_sent_along_when_one_is() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))  # announced when the patient is on the way
    city.run_to("U1", "on_scene")
    events = city.say(city.observed("U1", heart_rate_per_minute=90))
    assert every(HandoverObserved, events) == []
    assert only(ObservationsRecorded, events).hospital_id is None
    city.pass_time(60)
    city.say(city.observed("U1", heart_rate_per_minute=95))
    events = city.run_to("U1", "transporting")
    assert rates(events) == [90, 95]
    assert kinds(events).index("handover.announced") < kinds(events).index("handover.observed")


def test_a_hospital_that_is_chosen_instead_gets_all_that_was_observed_by_its_time() -> None:
    city = announced()
    city.say(city.acknowledges(city.handover("U1")))
    city.pass_time(600)
    city.say(city.observed("U1", heart_rate_per_minute=95))
    late = {"at": city.now - timedelta(seconds=300, microseconds=1), "heart_rate_per_minute": 90}
    city.say(city.observed("U1", **late))
    city.run_to("U1", "at_hospital")
    city.say(city.observed("U1", heart_rate_per_minute=99))
    events = city.say(city.diverts(city.handover("U1")))
    assert only(HandoverAnnounced, events).hospital_id == "second"
    assert {each.hospital_id for each in every(HandoverObserved, events)} == {"second"}
    assert rates(events) == [90, 95, 99]
    events = city.say(city.observed("U1", heart_rate_per_minute=101))
    assert rates(events) == [101]
    assert only(HandoverObserved, events).hospital_id == "second"
    assert rates(city.override("c1", hospital_id="general")) == [90, 95, 99, 101]


def test_a_report_that_comes_after_the_handover_goes_to_who_took_the_patient_over() -> None:
    city = announced()
    city.run_to("U1", "at_hospital")
    measured_at = city.now
    city.hand_over("U1")
    city.pass_time(600)
    late = city.observed("U1", assignment_id="c1/A1", at=measured_at, heart_rate_per_minute=88)
    events = city.say(late)
    assert rates(events) == [88]
    assert only(HandoverObserved, events).handover_id == "c1/A1/H1"


def test_a_patient_who_is_left_on_the_way_takes_along_what_the_first_crew_has_observed() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1"))
    city.run_to("U1", "transporting")
    city.say(city.observed("U1", heart_rate_per_minute=90))
    city.report("U1", "out_of_service")
    assert city.assignment("U2").assignment_id == "c1/A2"
    late = city.observed("U1", assignment_id="c1/A1", heart_rate_per_minute=92)
    assert every(HandoverObserved, city.say(late)) == []
    assert rates(city.run_to("U2", "transporting")) == [90, 92]
    later = city.observed("U1", assignment_id="c1/A1", heart_rate_per_minute=94)
    assert only(HandoverObserved, city.say(later)).handover_id == "c1/A2/H1"


def test_of_several_patients_each_crew_observes_its_own() -> None:
    city = SmallCity(unit("U1"), unit("U2"), unit("U3"))
    city.say(call("c1", patient_count=2, chief_complaint="traffic accident"))
    runs = [city.assignment(name) for name in ("U1", "U2")]
    for run in runs:
        city.run_to(run.unit_id, "on_scene")
        city.say(city.observed(run.unit_id))
    assert len(rates(city.run_to("U1", "transporting"))) == 1


def test_a_report_says_which_patient_of_a_transfer_it_is_about() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.say(wanted("t1"))
    city.say(city.accepts("t1/O1"))
    city.run_to("T1", "on_scene")
    told = only(HandoverObserved, city.say(city.observed("T1", patient_id="p1", glasgow_total=15)))
    assert told.observations[0]["patient_id"] == "p1"
    told = only(HandoverObserved, city.say(city.observed("T1", patient_id="p9", glasgow_total=15)))
    assert told.observations[0]["patient_id"] is None
    assert told.observations[0]["warnings"] == [
        {"field": "patient_id", "value": "p9", "reason": "is not a patient of this run"}
    ]


# -- what is kept


def test_a_later_report_leaves_the_earlier_ones_and_comes_back_from_the_database() -> None:
    city = announced()
    for rate in (90, 95):
        city.say(city.observed("U1", heart_rate_per_minute=rate))
    run = city.assignment("U1")
    assert [values(each)["heart_rate_per_minute"] for each in run.observations] == [90, 95]
    assert codec.load("Assignment", codec.dump(run)) == run
    before = json.loads(codec.dump(run))
    for later in ("observations", "observed", "cleaned_at"):
        del before[later]
    known = codec.load("Assignment", json.dumps(before))
    assert getattr(known, "observations", None) == ()


def test_a_great_many_reports_fit_into_events_and_say_what_is_left_out() -> None:
    city = announced()
    most = dict.fromkeys(READINGS, "x" * 100)
    city.say(city.observed("U1", heart_rate_per_minute=1))
    for _ in range(MOST_KEPT):
        city.pass_time(1)
        city.say(city.observed("U1", **most, ecg_url="https://a/".ljust(1_000, "x")))
    assert len(city.assignment("U1").observations) == MOST_KEPT
    told = every(HandoverObserved, city.say(city.diverts(city.handover("U1"))))
    assert sum(len(each.observations) for each in told) == MOST_KEPT
    assert values(told[0].observations[0]) == {"heart_rate_per_minute": 1}
    assert {each.left_out for each in told} == {1}
    assert max(len(each.model_dump_json()) for each in told) < EVENT_BYTES


# -- refused


def test_a_report_of_nobody_is_refused() -> None:
    city = announced()
    city.city.load([unit("U2")])
    for changes, why in (
        ({"unit_id": "U9"}, "unit_id: is not a unit of this city"),
        ({"unit_id": "U2"}, "assignment_id: is not an assignment of this unit"),
        ({"assignment_id": "c1/A9"}, "assignment_id: is not an assignment of this unit"),
    ):
        assert city.refusal(city.observed("U1").model_copy(update=changes)) == why


@pytest.mark.parametrize(
    "said", [{}, {"patient_id": "p1"}, {"pulse": 90}, {"heart_rate_per_minute": 90, "at": "now"}]
)
def test_a_report_that_says_nothing_or_something_unknown_is_invalid(said: dict[str, Any]) -> None:
    body = {"unit_id": "U1", "assignment_id": "c1/A1", "at": "2022-12-23T08:00:00Z", **said}
    with pytest.raises(ValidationError):
        ObservationsReported.model_validate(body)


def test_a_crew_that_observes_is_heard() -> None:
    city = announced()
    city.pass_time(60)
    city.say(city.observed("U1"))
    assert city.unit("U1").heard_at == city.now
