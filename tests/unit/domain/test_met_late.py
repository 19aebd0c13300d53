"""A run's end that is read before what its crew did there: nothing of it is lost."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch.domain.city import Duplicate, Early, Rejected
from dispatch.domain.model import Assignment
from dispatch.topics.disinfections import CleaningOrdered, DisinfectionOrdered
from dispatch.topics.incidents import DeathRecorded, IncidentProgressed
from dispatch.topics.reports import CaseReported
from dispatch.topics.units import CaseFound, PatientDied, UnitReported
from tests.unit.domain.city_builder import (
    SmallCity,
    call,
    case,
    escalated,
    every,
    only,
    transfer_unit,
    unit,
)


def ended(*others: Any, reason: str = "patient_left") -> tuple[SmallCity, UnitReported]:
    """Return a city in which U1's run has ended before its `on_scene` is read, and that."""
    city = SmallCity(transfer_unit("U1"), *others)
    city.say(case("c1"))
    city.run_to("U1", "rolling")
    city.pass_time(300)
    late = city.reported("U1", status="on_scene")
    city.pass_time(300)
    city.end("U1", "empty", reason)
    city.pass_time(10)
    return city, late


def run(city: SmallCity) -> Assignment:
    return city.known(Assignment, "c1/A1")


@pytest.mark.parametrize("reason", ["transport_declined", "treated_on_scene", "died_on_scene"])
def test_some_reasons_say_that_the_crew_has_met_the_patient(reason: str) -> None:
    city, late = ended(reason=reason)
    assert run(city).met_patient
    assert city.unit("U1").job_id == "c1/A1/D"
    with pytest.raises(Duplicate):
        city.say(late)


@pytest.mark.parametrize("reason", ["patient_left", "patient_not_found", "false_call"])
def test_others_say_nothing_of_it(reason: str) -> None:
    city, _ = ended(reason=reason)
    assert not run(city).met_patient
    assert city.unit("U1").job_id is None


def test_a_scene_that_is_read_late_was_met() -> None:
    city, late = ended()
    events = city.say(late)
    assert only(DisinfectionOrdered, events).job_id == "c1/A1/D"
    progress = only(IncidentProgressed, events)
    assert (progress.assignment_id, progress.status, progress.at) == ("c1/A1", "on_scene", late.at)
    met = run(city)
    assert (met.met_patient, met.reached["on_scene"]) == (True, late.at)
    assert (city.unit("U1").status, city.unit("U1").job_id) == ("returning", "c1/A1/D")
    # Once.
    with pytest.raises(Duplicate):
        city.say(late)
    city.disinfect("U1")
    assert city.unit("U1").job_id is None


def test_after_an_ordinary_run_the_vehicle_is_cleaned() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.run_to("U1", "rolling")
    city.pass_time(60)
    late = city.reported("U1", status="on_scene")
    city.pass_time(60)
    city.end("U1", "empty", "patient_left")
    assert only(CleaningOrdered, city.say(late)).assignment_id == "c1/A1"


def test_a_call_that_was_called_off_meanwhile_was_met_too() -> None:
    city = SmallCity(transfer_unit("U1"))
    city.say(case("c1"))
    city.run_to("U1", "rolling")
    city.pass_time(60)
    late = city.reported("U1", status="on_scene")
    city.pass_time(2)
    city.cancel("c1")
    city.say(late)
    assert city.unit("U1").job_id == "c1/A1/D"


@pytest.mark.parametrize("seconds", [-1_000, 301])
def test_what_was_said_before_its_order_or_after_its_end_is_not_of_it(seconds: float) -> None:
    city, late = ended()
    at: datetime = city.now - timedelta(seconds=10) + timedelta(seconds=seconds)
    city.pass_time(300)
    with pytest.raises((Rejected, Duplicate)):
        city.say(late.model_copy(update={"at": at}))
    assert not run(city).met_patient


def test_one_that_is_ordered_again_by_then_goes_on_if_nobody_else_can() -> None:
    city, late = ended()
    city.say(case("c2"))
    assert city.on_the_incident("c2") == ["U1"]
    events = city.say(late)
    assert "crew_exposed" in escalated(events)
    assert city.assignment("U1").contaminated_before
    assert city.unit("U1").status == "ordered"
    city.run_to("U1", "rolling")
    city.cancel("c2")
    assert city.unit("U1").job_id == "c2/A1/D"


def test_one_that_is_ordered_again_by_then_is_relieved_if_somebody_can() -> None:
    city, late = ended(transfer_unit("U2", status="off_duty"))
    city.say(case("c2"))
    city.report("U2", "available")
    assert city.on_the_incident("c2") == ["U1"]
    city.say(late)
    assert city.on_the_incident("c2") == ["U2"]
    assert city.unit("U1").job_id == "c1/A1/D"


def test_what_a_crew_said_before_it_rolled_again_is_of_the_run_before() -> None:
    city, late = ended()
    city.say(case("c2"))
    city.pass_time(20)
    city.report("U1", "rolling")
    city.pass_time(5)
    assert "crew_exposed" in escalated(city.say(late))
    assert run(city).met_patient
    assert not city.assignment("U1").met_patient
    assert city.unit("U1").status == "rolling"


def test_what_a_crew_says_of_the_order_that_it_has_acknowledged_is_of_that() -> None:
    """Its clock is slow, and what is read first is what it said last."""
    city = SmallCity(transfer_unit("U1"))
    city.say(case("c1"))
    city.run_to("U1", "rolling")
    city.pass_time(60)
    city.cancel("c1")
    city.say(case("c2"))
    assert city.on_the_incident("c2") == ["U1"]
    city.say(city.acknowledged("U1"))
    city.pass_time(86)
    slow = timedelta(seconds=120)
    rolled, met = (
        city.reported("U1", status=each, at=city.now - slow + timedelta(seconds=after))
        for after, each in enumerate(("rolling", "on_scene"))
    )
    with pytest.raises(Early):
        city.say(met)
    city.say(rolled)
    city.say(met)
    assert city.unit("U1").status == "on_scene"
    assert not run(city).met_patient


def test_a_clock_that_is_set_back_sends_nobody_from_the_patients_door() -> None:
    city = SmallCity(transfer_unit("U1"))
    city.say(case("c1"))
    city.run_to("U1", "rolling")
    city.pass_time(60)
    city.cancel("c1")
    city.say(case("c2"))
    city.say(city.acknowledged("U1"))
    city.pass_time(60)
    city.report("U1", "rolling")
    city.pass_time(60)
    city.report("U1", "on_scene", at=city.now - timedelta(seconds=90))
    assert city.on_the_incident("c2") == ["U1"]
    assert city.unit("U1").status == "on_scene"
    assert not run(city).met_patient


def test_what_a_crew_said_before_it_acknowledged_its_order_is_of_the_run_before() -> None:
    city = SmallCity(transfer_unit("U1"))
    city.say(case("c1"))
    city.run_to("U1", "rolling")
    city.pass_time(60)
    late = city.reported("U1", status="on_scene")
    city.pass_time(10)
    city.cancel("c1")
    city.say(case("c2"))
    city.pass_time(10)
    city.say(city.acknowledged("U1"))
    city.say(late)
    assert run(city).met_patient
    assert not city.assignment("U1").met_patient


def test_a_crew_that_met_its_patient_before_it_heard_of_the_end_is_disinfected() -> None:
    city = SmallCity(transfer_unit("U1"))
    city.say(case("c1"))
    city.run_to("U1", "rolling")
    city.pass_time(100)
    city.cancel("c1")
    city.pass_time(5)
    city.report("U1", "on_scene")
    assert city.unit("U1").job_id == "c1/A1/D"


def test_a_silent_crew_that_was_with_the_patient_all_the_same_is_disinfected() -> None:
    city = SmallCity(transfer_unit("U1"))
    city.say(case("c1"))
    city.pass_time(61)
    assert city.unit("U1").status == "out_of_service"
    city.cancel("c1")
    city.pass_time(59)
    city.report("U1", "on_scene", at=city.now - timedelta(seconds=1))
    assert city.unit("U1").job_id == "c1/A1/D"


def found(city: SmallCity) -> CaseFound:
    return CaseFound(unit_id="U1", assignment_id="c1/A1", at=city.now, case_status="confirmed")


def regular(reason: str) -> SmallCity:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.run_to("U1", "rolling")
    city.pass_time(60)
    city.end("U1", "empty", reason)
    return city


def test_a_case_that_is_found_on_a_run_that_is_over_is_reported() -> None:
    city = regular("treated_on_scene")
    report = only(CaseReported, city.say(found(city)))
    assert report.found_by == "crew"
    assert city.unit("U1").job_id == "c1/A1/D"


def test_a_case_that_is_found_before_the_scene_is_read_blocks_the_vehicle_then() -> None:
    city = regular("patient_left")
    late = city.reported("U1", status="on_scene", at=city.now - timedelta(seconds=20))
    assert every(CaseReported, city.say(found(city)))
    assert city.unit("U1").job_id is None
    city.say(late)
    assert city.unit("U1").job_id == "c1/A1/D"


def test_a_case_that_is_found_dresses_the_crew_that_goes_instead() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1"))
    city.run_to("U1", "on_scene")
    city.end("U1", "aborted", "vehicle_fault")
    assert city.on_the_incident("c1") == ["U2"]
    before = city.assignment("U2").ppe
    city.say(found(city))
    assert city.assignment("U2").ppe != before
    assert city.assignment("U2").disinfection == "terminal"


def test_a_death_that_is_read_after_the_end_of_the_run_is_recorded() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.run_to("U1", "rolling")
    city.pass_time(60)
    died = city.died("U1")
    city.end("U1", "empty", "died_on_scene")
    city.say(call("c2"))
    city.run_to("U1", "transporting")
    death = only(DeathRecorded, city.say(died))
    assert (death.incident_id, death.status) == ("c1", "on_scene")


def test_a_death_of_whom_nobody_has_met_is_early() -> None:
    city = regular("patient_left")
    died = PatientDied(unit_id="U1", assignment_id="c1/A1", at=city.now)
    with pytest.raises(Early, match="has not met the patient"):
        city.say(died)
