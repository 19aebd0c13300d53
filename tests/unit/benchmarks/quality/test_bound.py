from pathlib import Path

import pytest

from benchmarks.quality.bound import Unbounded, least_mean
from benchmarks.quality.record import Run
from benchmarks.quality.responses import DAYS, of_days, spread, waits_of
from benchmarks.quality.rules import RuleDispatcher
from benchmarks.quality.study import PLAIN, RULES
from benchmarks.quality.travel import Line, TravelModel
from benchmarks.quality.world import World
from tests.unit.benchmarks.quality.invented import drawn, plain, read
from tests.unit.benchmarks.quality.small_world import record, run

WAYS = plain(10.0, 100.0)


def least(runs: list[Run], posts: dict[str, float]) -> float:
    return least_mean(record(runs, posts), WAYS, "odd", seed=1)


def test_a_single_call_is_served_from_the_nearest_post() -> None:
    found = least([run("a", 100.0, 2.0)], {"n": 0.0, "far": 9.0})
    assert found == pytest.approx(10 + 200, rel=0.01)


def test_two_calls_at_once_take_two_crews() -> None:
    found = least([run("a", 0.0, 1.0), run("b", 1.0, 1.0)], {"n": 0.0, "far": 5.0})
    assert found == pytest.approx((10 + 100 + 10 + 400) / 2, rel=0.02)


def test_a_crew_is_kept_for_whom_nobody_else_is_near() -> None:
    # One who sees ahead sends the southern crew to the first, for the second has no other.
    runs = [run("a", 0.0, 0.4), run("b", 5.0, 4.0)]
    posts = {"south": -1.0, "middle": 1.0}
    assert least(runs, posts) == pytest.approx((10 + 140 + 10 + 300) / 2, rel=0.02)
    ours = World(record(runs, posts), WAYS, RuleDispatcher(RULES[PLAIN]), seed=1).play()
    assert spread(waits_of(runs, ours).from_call, runs).mean == pytest.approx(
        (10 + 60 + 10 + 500) / 2, abs=4
    )


def test_a_crew_that_waited_for_its_own_is_bounded_too() -> None:
    # 110 s to the first, 600 s there; as if it had stood at the door: 610 s.
    found = least([run("a", 0.0, 1.0), run("b", 50.0, 1.0)], {"n": 0.0})
    assert found == pytest.approx((110 + (610 - 50) + 10) / 2, abs=2)


def test_no_flow_without_crews_enough() -> None:
    with pytest.raises(Unbounded):
        least([run(name, 0.0, 1.0, scene_seconds=9000.0) for name in "ab"], {"n": 0.0})


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_rule_beats_the_bound(tmp_path: Path, seed: int) -> None:
    invented = read(tmp_path, drawn(days=2, calls_a_day=80, crews=6, seed=seed))
    ways = TravelModel("any", Line(200, 60), Line(250, 100), (0.5, 0.8, 1.0, 1.7))
    bounds = {days: least_mean(invented, ways, days, seed=seed) for days in DAYS}
    for rule in RULES.values():
        world = World(invented, ways, RuleDispatcher(rule), seed=seed)
        waits = waits_of(invented.runs, world.play())
        for days, bound in bounds.items():
            assert bound < spread(waits.from_call, of_days(invented.runs, days)).mean
