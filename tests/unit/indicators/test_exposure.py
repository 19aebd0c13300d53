"""A crew is exposed by what it wore when it met a patient who is, or proves to be, a case."""

from tests.unit.indicators.log_builder import Log

EXPOSED = "crew_exposures"
DAY = 24 * 60


def met(log: Log, ppe: str = "standard", incident: str = "c1") -> str:
    log.decided(incident)
    run = log.ordered(incident, 1, ppe=ppe)
    log.progressed(run, 9)
    return run


def test_a_case_found_in_a_patient_met_in_standard_dress() -> None:
    log = Log()
    run = met(log)
    log.decided("c1", 10, case_status="confirmed")
    log.found("c1", 10, run=run)
    log.found("c1", 25, run=run, attempt=2)
    log.found("c1", 30, run=run)
    figure = log.figures()[EXPOSED]
    assert figure.value == 1
    assert log.types(figure) == ["incident.progressed", "case.reported"]


def test_full_protection_does_not_expose() -> None:
    log = Log()
    run = met(log, ppe="full")
    log.decided("c1", 10, case_status="confirmed")
    log.found("c1", 10, run=run)
    assert log.figures()[EXPOSED].value == 0


def test_a_critical_case_asks_for_enhanced_protection_only() -> None:
    log = Log()
    run = met(log, ppe="enhanced")
    log.decided("c1", 10, case_status="suspected", condition="critical")
    log.found("c1", 10, run=run, status="suspected")
    assert log.figures()[EXPOSED].value == 0


def test_a_case_known_before_the_crew_came_and_dressed_for_it() -> None:
    log = Log()
    log.decided("c1")
    run = log.ordered("c1", 1)
    log.decided("c1", 2, case_status="confirmed")
    log.found("c1", 2)
    log.amended(run, 2, "full")
    log.progressed(run, 9)
    assert log.figures()[EXPOSED].value == 0


def test_a_case_known_before_the_crew_came_and_not_dressed_for_it() -> None:
    log = Log()
    log.decided("c1")
    run = log.ordered("c1", 1)
    log.decided("c1", 2, case_status="confirmed")
    log.found("c1", 2)
    log.progressed(run, 9)
    assert log.figures()[EXPOSED].value == 1


def test_a_case_found_by_the_hospital_days_after_within_the_window_alone() -> None:
    log = Log()
    for incident in ("c1", "c2"):
        run = met(log, incident=incident)
        log.handed_over(run, 40)
        log.closed(incident, 40)
    log.found("c1", 13 * DAY, run="c1/A1")
    log.found("c2", 15 * DAY, run="c2/A1")
    assert [f.about for f in log.figures()[EXPOSED].findings] == ["c1/A1"]


def test_dressing_up_after_the_meeting_does_not_undo_it() -> None:
    log = Log()
    run = met(log)
    log.decided("c1", 12, case_status="confirmed")
    log.amended(run, 12, "full")
    log.found("c1", 12, run=run)
    assert log.figures()[EXPOSED].value == 1


def test_a_vehicle_that_carries_on_undisinfected() -> None:
    log = Log()
    for kind in ("crew_exposed", "clock_breached"):
        log.add(
            "incidents", "c2", "escalation.raised", 5, kind=kind, incident_id="c2", subject="U1",
            explanation="said",
        )  # fmt: skip
    assert log.whys(EXPOSED) == ["carried_undisinfected"]


def test_each_infected_member_counts_in_both_lists() -> None:
    log = Log()
    for minute in (5, 6):
        log.add("reports", "c1", "infection.recorded", minute, incident_id="c1", unit_id="U1")
    figures = log.figures()
    assert figures["crew_infections"].value == figures["staff_infected"].value == 2
    assert figures[EXPOSED].value == 0
