"""Qujing's six: who lies where at the end, and what was counted on the way."""

from datetime import timedelta

import pytest

from dispatch.domain.onward import onward_id
from tests.unit.indicators.log_builder import START, Log

TREATED, ISOLATED = "cases_in_treatment", "suspected_in_isolation"
MANAGED = "contacts_under_management"


def standing(log: Log, **scope: object) -> list[float | None]:
    figures = log.figures(**scope)
    return [figures[name].value for name in (TREATED, ISOLATED, MANAGED)]


def test_patients_count_from_the_bed_to_the_leaving() -> None:
    log = Log()
    log.occupied("t1/B1", 1)
    log.occupied("t1/B2", 1, status="asymptomatic")
    log.occupied("t2/B1", 2, status="suspected")
    log.occupied("t3/B1", 3, room="isolation_site", status="none")
    log.occupied("c1/A1/H1", 4, room="emergency", status="none")
    assert standing(log) == [2, 1, 1]
    assert log.figures()[TREATED].met is False
    for promise in ("t1/B1", "t2/B1", "t3/B1"):
        log.vacated(promise, 10)
    assert standing(log) == [1, 0, 0]


def test_the_end_of_the_range_decides_not_its_beginning() -> None:
    log = Log()
    log.occupied("t1/B1", 1)
    log.vacated("t1/B1", 10)
    at = START + timedelta(minutes=10)
    assert standing(log, ends=at) == [1, 0, 0]
    assert standing(log, begins=at - timedelta(minutes=1), ends=at) == [1, 0, 0]
    assert standing(log, ends=at + timedelta(seconds=1)) == [0, 0, 0]


def test_a_case_without_a_bed_of_its_own_counts_by_its_handover() -> None:
    log = Log()
    log.decided("c1", case_status="confirmed")
    log.handed_over(log.ordered("c1", 1, crew="transfer", ppe="full"), 40, keeps_cases=True)
    assert standing(log) == [1, 0, 0]


@pytest.mark.parametrize("promise", ["c1/A1/H1", "c1/B1"])
def test_bed_and_handover_of_one_patient_count_once(promise: str) -> None:
    log = Log()
    log.decided("c1", case_status="confirmed")
    run = log.ordered("c1", 1, crew="transfer", ppe="full")
    log.occupied(promise, 40)
    log.handed_over(run, 40, keeps_cases=True)
    assert standing(log) == [1, 0, 0]


def test_close_contacts_without_a_bed_count_at_the_isolation_site() -> None:
    log = Log()
    log.decided("t1", transfer_kind="close_contact")
    log.handed_over(log.ordered("t1", 1, crew="transfer", ppe="full"), 40)
    assert standing(log) == [0, 0, 1]


def test_a_suspicion_that_is_confirmed_becomes_a_case() -> None:
    log = Log()
    log.occupied("c1/A1/H1", 1, status="suspected")
    log.add(
        "incidents", "c1", "result.recorded", 2, incident_id="c1", handover_id="c1/A1/H1",
        hospital_id="H1", test="nucleic_acid", positive=True, case_status="confirmed",
    )  # fmt: skip
    assert standing(log) == [1, 0, 0]


def test_a_case_found_in_hospital_lies_there_until_it_is_moved_on() -> None:
    log = Log()
    log.decided("c1")
    run = log.ordered("c1", 1)
    log.occupied("c1/A1/H1", 40, room="emergency", status="none")
    handover = log.handed_over(run, 40)
    log.closed("c1", 40)
    assert standing(log) == [0, 0, 0]
    log.found("c1", 300, run=run, status="suspected")
    assert standing(log) == [0, 1, 0]
    onward = onward_id(handover)
    log.decided(onward, 300, case_status="suspected", institution=True)
    run = log.ordered(onward, 301, crew="transfer", ppe="full")
    log.occupied(f"{onward}/B1", 340, hospital="H2", status="suspected")
    log.handed_over(run, 340, hospital="H2", keeps_cases=True)
    assert standing(log) == [0, 1, 0]
    assert [f.about for f in log.figures()[ISOLATED].findings] == [f"{onward}/B1"]


def test_deaths_of_cases_in_care_and_in_hospital() -> None:
    log = Log()
    log.decided("c1", case_status="confirmed")
    log.decided("c2")
    for incident in ("c1", "c2"):
        log.add(
            "incidents", incident, "death.recorded", 5, incident_id=incident,
            assignment_id=f"{incident}/A1", unit_id="U1", status="on_scene",
        )  # fmt: skip
    log.occupied("t1/B1", 6)
    log.occupied("t2/B1", 6)
    log.vacated("t1/B1", 9, outcome="died")
    log.vacated("t2/B1", 9)
    assert [f.about for f in log.figures()["case_deaths"].findings] == ["c1/A1", "t1/B1"]


def test_the_second_generation_counts_cases_not_surveys() -> None:
    log = Log()
    for incident, minute, generation in (
        ("c1", 1, 1), ("c2", 2, 2), ("c2", 3, 3), ("c3", 4, 2), ("c3", 5, 1), ("c4", 6, None),
    ):  # fmt: skip
        log.add(
            "reports", incident, "survey.recorded", minute, incident_id=incident,
            generation=generation, contacts=3,
        )  # fmt: skip
    assert [f.about for f in log.figures()["second_generation"].findings] == ["c2"]


def test_deaths_in_transfer_are_those_on_board() -> None:
    log = Log()
    for number, status in enumerate(("on_scene", "transporting", "at_hospital")):
        log.add(
            "incidents", "c1", "death.recorded", number, incident_id="c1",
            assignment_id=f"c1/A{number}", unit_id="U1", status=status,
        )  # fmt: skip
    figures = log.figures()
    assert figures["deaths_in_transfer"].value == 2
    assert figures["deaths_on_scene"].value == 1


def test_who_was_found_after_leaving_lies_nowhere() -> None:
    log = Log()
    log.decided("c1")
    run = log.ordered("c1", 1)
    log.occupied(f"{run}/H1", 40, room="emergency", status="none")
    log.handed_over(run, 40)
    log.vacated(f"{run}/H1", 60)
    log.found("c1", 600, run=run)
    assert standing(log) == [0, 0, 0]


def test_a_finding_is_of_the_patient_of_its_run() -> None:
    log = Log()
    for number in (1, 2):
        log.occupied(f"c1/A{number}/H1", 20, status="suspected")
    log.found("c1", 30, run="c1/A1", status="confirmed")
    assert standing(log) == [1, 1, 0]
