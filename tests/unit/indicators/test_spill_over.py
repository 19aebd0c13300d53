"""What carries an infection on: a dirty vehicle, a case left behind, a mixed hospital."""

from dispatch.domain.onward import onward_id
from tests.unit.indicators.log_builder import Log

SPILLED = "spill_overs"


def dirty(log: Log) -> None:
    log.decided("c1")
    log.handed_over(log.ordered("c1", 1), 40, disinfection="terminal", keeps_cases=True)
    log.add(
        "disinfections", "U1", "disinfection.ordered", 40, job_id="c1/A1/D", unit_id="U1",
        assignment_id="c1/A1", incident_id="c1",
    )  # fmt: skip


def certified(log: Log, minute: float) -> None:
    log.add("disinfections", "U1", "disinfection.accepted", minute, job_id="c1/A1/D", unit_id="U1")


def test_a_unit_ordered_before_its_certificate() -> None:
    log = Log()
    dirty(log)
    log.decided("c2", 50)
    log.ordered("c2", 50)
    certified(log, 60)
    log.ordered("c2", 61, number=2)
    figure = log.figures()[SPILLED]
    assert log.whys(SPILLED) == ["ordered_undisinfected"]
    assert log.types(figure) == ["handover.closed", "order.issued"]


def test_another_unit_may_go_and_the_same_after_its_certificate() -> None:
    log = Log()
    dirty(log)
    log.decided("c2", 50)
    log.ordered("c2", 50, unit="U2")
    certified(log, 60)
    log.ordered("c2", 60, number=2)
    assert log.figures()[SPILLED].value == 0


def test_a_vehicle_disinfected_while_its_crew_waited_for_the_signature_may_go() -> None:
    log = Log()
    log.decided("c1")
    run = log.ordered("c1", 1)
    log.add(
        "disinfections", "U1", "disinfection.ordered", 30, job_id="c1/A1/D", unit_id="U1",
        assignment_id="c1/A1", incident_id="c1",
    )  # fmt: skip
    certified(log, 65)
    log.handed_over(run, 70, disinfection="terminal", keeps_cases=True)
    log.decided("c2", 71)
    log.ordered("c2", 71, number=2)
    assert log.figures()[SPILLED].value == 0


def test_a_vehicle_let_go_unsigned_is_as_dirty_as_any() -> None:
    log = Log()
    log.decided("c1")
    run = log.ordered("c1", 1)
    log.handed_over(run, 40, disinfection="terminal", keeps_cases=True, end="released")
    log.decided("c2", 50)
    log.ordered("c2", 50, number=2)
    assert log.whys(SPILLED) == ["ordered_undisinfected"]


def brought(log: Log, *, status: str, keeps_cases: bool) -> str:
    log.decided("c1", case_status=status, condition="critical")
    run = log.ordered("c1", 1, ppe="enhanced")
    handover = log.handed_over(run, 40, keeps_cases=keeps_cases)
    log.closed("c1", 40)
    return handover


def test_a_case_left_where_cases_are_not_kept() -> None:
    log = Log()
    brought(log, status="suspected", keeps_cases=False)
    assert log.whys(SPILLED) == ["case_not_moved_on"]


def test_a_case_moved_on() -> None:
    log = Log()
    handover = brought(log, status="suspected", keeps_cases=False)
    log.decided(onward_id(handover), 41, case_status="suspected", institution=True)
    assert log.figures()[SPILLED].value == 0


def test_a_case_in_a_hospital_for_cases_stays() -> None:
    log = Log()
    brought(log, status="suspected", keeps_cases=True)
    assert log.figures()[SPILLED].value == 0


def test_a_case_found_after_the_handover_and_left() -> None:
    log = Log()
    handover = brought(log, status="none", keeps_cases=False)
    assert log.figures()[SPILLED].value == 0
    log.found("c1", 600, run="c1/A1")
    log.found("c1", 615, run="c1/A1", attempt=2)
    figure = log.figures()[SPILLED]
    assert figure.value == 1
    assert log.types(figure) == ["handover.closed", "case.reported"]
    log.decided(onward_id(handover), 620, case_status="confirmed", institution=True)
    assert log.figures()[SPILLED].value == 0


def test_cases_and_ordinary_patients_in_one_hospital_once() -> None:
    log = Log()
    log.occupied("c1/A1/H1", 1)
    log.occupied("c2/A1/H1", 2, room="ward", status="none")
    log.occupied("c3/A1/H1", 3, room="ward", status="none")
    figure = log.figures()[SPILLED]
    assert log.whys(SPILLED) == ["hospital_mixed"]
    assert [each.position for each in figure.events] == [1, 2]
    log.vacated("c1/A1/H1", 4)
    log.occupied("c4/A1/H1", 5)
    assert log.figures()[SPILLED].value == 2


def test_beds_of_other_hospitals_buffers_and_emptied_houses_do_not_mix() -> None:
    log = Log()
    log.occupied("c1/A1/H1", 1, hospital="H1")
    log.occupied("c2/A1/H1", 2, hospital="H2", room="ward", status="none")
    log.occupied("c3/A1/H1", 3, hospital="H2", room="buffer", status="suspected")
    log.add(
        "beds", "H2", "service.changed", 4, hospital_id="H2", service="emptied",
        before="emptying", because="called in",
    )  # fmt: skip
    log.occupied("c4/A1/H1", 5, hospital="H2")
    assert log.figures()[SPILLED].value == 0


def test_a_case_in_a_general_ward_is_among_the_ordinary() -> None:
    log = Log()
    log.occupied("c1/A1/H1", 1, room="ward", status="none")
    log.occupied("c2/A1/H1", 2, room="ward", status="confirmed")
    assert log.whys(SPILLED) == ["hospital_mixed"]


def test_whoever_is_found_in_a_general_bed_makes_the_hospital_mixed() -> None:
    log = Log()
    log.decided("c1")
    run = log.ordered("c1", 1)
    log.occupied(f"{run}/H1", 20, room="emergency", status="none")
    log.found("c1", 30, run=run)
    assert log.whys(SPILLED) == []
    log.occupied("c2/A1/H1", 40, room="emergency", status="none")
    assert log.whys(SPILLED) == ["hospital_mixed"]
    log.vacated(f"{run}/H1", 50)
    log.found("c2", 60, run="c2/A1")
    log.occupied("c3/A1/H1", 70, room="ward", status="none")
    assert log.whys(SPILLED) == ["hospital_mixed"] * 2


def test_a_finding_of_another_patient_of_the_incident_mixes_nothing() -> None:
    log = Log()
    log.decided("c1")
    for number in (1, 2):
        log.occupied(f"c1/A{number}/H1", 20, room="emergency", status="none")
    log.found("c1", 30, run="c1/A3")
    assert log.whys(SPILLED) == []
    log.found("c1", 40, run="c1/A1")
    assert log.whys(SPILLED) == ["hospital_mixed"]
