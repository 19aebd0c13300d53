"""Negative pressure in every district, on the platform and in place."""

from typing import Any

from tests.unit.indicators.log_builder import HERE, THERE, Log

SHORT, SHARE = "districts_lacking", "negative_pressure_share"
IN_PLACE = "negative_pressure_in_place"


def reported(log: Log, minute: float, sealed: dict[str, list[str]], share: float) -> None:
    shortfalls: list[dict[str, Any]] = [
        {"district": code, "duty": "negative_pressure_per_district", "has": 0}
        for code, units in sealed.items()
        if not units
    ]
    if share < 0.4:
        shortfalls.append({"district": None, "duty": "negative_pressure_share", "has": share})
    shortfalls.append({"district": None, "duty": "case_bed_share", "has": 0.05})
    log.add(
        "reports", "duties", "duties.reported", minute, negative_pressure_share=share,
        shortfalls=shortfalls, negative_pressure=sealed,
    )  # fmt: skip


def changed(log: Log, minute: float, unit: str, status: str, *, staffed: bool = True) -> None:
    log.add(
        "fleet", unit, "unit.changed", minute, unit_id=unit, status=status, before="available",
        staffed=staffed, assignment_id=None, job_id=None, reason=None,
    )  # fmt: skip


def test_the_last_report_counts() -> None:
    log = Log()
    reported(log, 0, {HERE: ["U1"], THERE: []}, 0.3)
    figures = log.figures()
    assert (figures[SHORT].value, figures[SHORT].met) == (1, False)
    assert (figures[SHARE].value, figures[SHARE].met) == (0.3, False)
    assert [f.about for f in figures[SHORT].findings] == [THERE]
    reported(log, 1, {HERE: ["U1"], THERE: ["U3"]}, 0.4)
    figures = log.figures()
    assert (figures[SHORT].value, figures[SHORT].met) == (0, True)
    assert (figures[SHARE].value, figures[SHARE].met) == (0.4, True)
    assert not figures[SHARE].findings


def test_units_out_of_service_or_without_a_crew_are_not_in_place() -> None:
    log = Log()
    reported(log, 0, {HERE: ["U1", "U2"], THERE: ["U3", "U4"]}, 0.5)
    assert log.figures()[IN_PLACE].value == 1.0
    changed(log, 1, "U1", "out_of_service")
    changed(log, 2, "U3", "available", staffed=False)
    changed(log, 2, "U4", "disinfecting")
    changed(log, 3, "U9", "off_duty")
    figure = log.figures()[IN_PLACE]
    assert figure.value == 0.5
    assert figure.details[HERE] == {"ambulances": 2, "in_place": 1}
    assert log.types(figure) == ["unit.changed", "unit.changed"]
    changed(log, 4, "U1", "available")
    assert log.figures()[IN_PLACE].value == 0.75


def test_a_district_has_its_own_duties_and_no_share() -> None:
    log = Log()
    reported(log, 0, {HERE: ["U1"], THERE: []}, 0.3)
    changed(log, 1, "U1", "off_duty")
    here, there = log.figures(district=HERE), log.figures(district=THERE)
    assert [here[name].value for name in (SHORT, SHARE, IN_PLACE)] == [0, None, 0.0]
    assert [there[name].value for name in (SHORT, SHARE, IN_PLACE)] == [1, None, None]


def test_without_a_report_nothing_is_said() -> None:
    figures = Log().figures()
    assert [figures[name].value for name in (SHORT, SHARE, IN_PLACE)] == [None, None, None]
