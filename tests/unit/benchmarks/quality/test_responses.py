from dataclasses import replace

import pytest

from benchmarks.quality.responses import of_days, recorded, spread, spread_of, waits_of
from benchmarks.quality.world import Response
from tests.unit.benchmarks.quality.small_world import run


def test_waits_run_from_the_call_and_from_the_first_order() -> None:
    a = replace(run("a", 100.0, 1.0), received=40.0)
    waits = waits_of([a], {"a": Response(ordered=100.0, on_scene=400.0)})
    assert waits.from_call == {"a": 360.0}
    assert waits.from_order == {"a": 300.0}


def test_what_was_recorded_is_told_in_the_same_way() -> None:
    a = replace(run("a", 100.0, 1.0), ordered=130.0, on_scene=500.0)
    off = run("b", 100.0, 1.0, scene_seconds=None)
    waits = recorded([a, off])
    assert waits.from_call == {"a": 400.0}
    assert waits.from_order == {"a": 370.0}


def test_nobody_may_be_left_alone() -> None:
    with pytest.raises(AssertionError, match="nobody came to a"):
        waits_of([run("a", 0.0, 1.0)], {"a": Response(ordered=1.0)})


def test_a_spread_is_of_the_runs_asked_for() -> None:
    runs = [replace(run(str(n), 0.0, 1.0), day=n) for n in range(1, 5)]
    waits = {"1": 10.0, "2": 20.0, "3": 30.0, "4": 40.0}
    found = spread(waits, of_days(runs, "odd"))
    assert (found.count, found.mean) == (2, 20.0)
    assert spread(waits, of_days(runs, "even")).mean == 30.0


def test_the_90th_percentile_leaves_a_tenth_above() -> None:
    assert spread_of([float(n) for n in range(101)]).p90 == 90.0
