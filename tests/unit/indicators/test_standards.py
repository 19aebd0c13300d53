"""Shares and percentiles of the clocks, and the breaches behind them."""

from datetime import timedelta

import pytest

from tests.unit.indicators.log_builder import HERE, PACK, START, THERE, Log

ROLLING = "order_to_rolling"


def run_clocks(log: Log) -> None:
    for number in range(1, 101):
        owner, seconds = f"c{number}", float(number * 2)
        log.clock("started", owner, 0, clock=ROLLING, limit_seconds=180)
        if seconds <= 180:
            log.clock("met", owner, seconds / 60, clock=ROLLING, took_seconds=seconds)
        else:
            log.clock("breached", owner, 3, clock=ROLLING, escalated_to="station_head")
            if number < 100:
                late = seconds / 60
                log.clock("ended_late", owner, late, clock=ROLLING, took_seconds=seconds)


def test_the_share_the_percentiles_and_the_breaches() -> None:
    log = Log()
    run_clocks(log)
    log.clock("started", "c200", 4, clock=ROLLING, limit_seconds=180)
    log.clock("stopped", "c200", 5, clock=ROLLING, reason="cancelled")
    log.clock("started", "c201", 4, clock=ROLLING, limit_seconds=180)
    figure = log.figures()[ROLLING]
    assert figure.value == 0.9
    assert figure.indicator.target == 0.95
    assert figure.met is False
    assert dict(figure.details) == {
        "limit_seconds": 180, "met": 90, "breached": 10, "stopped": 1, "running": 1,
        "p50": 100.0, "p90": 180.0, "p95": 190.0, "max": 198.0,
    }  # fmt: skip
    assert len(figure.findings) == 10
    assert sorted(log.types(figure)) == ["clock.breached"] * 10 + ["clock.started"] * 10


def test_a_share_on_the_limit_is_met() -> None:
    log = Log()
    for number in range(20):
        log.clock("started", f"c{number}", 0, clock=ROLLING, limit_seconds=180)
        if number:
            log.clock("met", f"c{number}", 1, clock=ROLLING, took_seconds=60)
        else:
            log.clock("breached", f"c{number}", 3, clock=ROLLING, escalated_to="x")
    figure = log.figures()[ROLLING]
    assert (figure.value, figure.met) == (0.95, True)


def test_a_breached_clock_that_is_stopped_stays_breached_and_is_not_counted_twice() -> None:
    log = Log()
    log.clock("started", "c1", 0, clock="survey", limit_seconds=86_400)
    log.clock("breached", "c1", 1440, clock="survey", escalated_to="x")
    log.clock("stopped", "c1", 1500, clock="survey", reason="excluded")
    figure = log.figures()["survey"]
    assert figure.value == 0.0
    assert (figure.details["breached"], figure.details["stopped"]) == (1, 0)
    assert figure.indicator.target == 1.0


def test_where_nothing_ended_nothing_is_said() -> None:
    figures = Log().figures()
    for kind in PACK.clocks:
        assert figures[kind].value is None
        assert figures[kind].met is None
        assert figures[kind].details["p50"] is None


@pytest.mark.parametrize(("district", "value"), [(HERE, 1.0), (THERE, 0.0), (None, 0.5)])
def test_clocks_of_a_district(district: str | None, value: float) -> None:
    log = Log()
    log.clock("started", "c1", 0, clock=ROLLING, limit_seconds=180)
    log.clock("met", "c1", 1, clock=ROLLING, took_seconds=60)
    log.clock("started", "c2", 0, clock=ROLLING, district=THERE, limit_seconds=180)
    log.clock("breached", "c2", 3, clock=ROLLING, district=THERE, escalated_to="x")
    assert log.figures(district=district)[ROLLING].value == value


def test_a_clock_started_before_the_range_counts_where_it_ends() -> None:
    log = Log()
    log.clock("started", "c1", 0, clock=ROLLING, limit_seconds=180)
    log.clock("met", "c1", 2, clock=ROLLING, took_seconds=120)
    turn = START + timedelta(minutes=1)
    assert log.figures(ends=turn)[ROLLING].details["running"] == 1
    assert log.figures(ends=turn)[ROLLING].value is None
    assert log.figures(begins=turn)[ROLLING].value == 1.0
