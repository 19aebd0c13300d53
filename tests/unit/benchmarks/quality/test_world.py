from pathlib import Path

import pytest

from benchmarks.quality.rules import Rule, RuleDispatcher
from benchmarks.quality.world import Way, World
from tests.unit.benchmarks.quality.invented import drawn, plain, read
from tests.unit.benchmarks.quality.small_world import km, played, record, run

NEAREST = Rule()


def test_a_crew_is_there_after_its_way() -> None:
    found, _ = played(NEAREST, [run("a", 100.0, 3.0)], {"n": 0.0})
    assert found["a"].ordered == 100.0
    assert found["a"].on_scene == pytest.approx(100 + 10 + 300, abs=1)


def test_a_call_waits_until_a_crew_is_free() -> None:
    found, _ = played(NEAREST, [run("a", 0.0, 1.0), run("b", 50.0, 1.0)], {"n": 0.0})
    # On scene at 110 for 600 s; the crew stands at the next patient's place.
    assert found["b"].ordered == pytest.approx(710, abs=1)
    assert found["b"].on_scene == pytest.approx(720, abs=1)


def test_a_crew_on_its_way_back_starts_from_where_it_is() -> None:
    found, _ = played(NEAREST, [run("a", 0.0, 4.0), run("b", 1210.0, 2.0)], {"n": 0.0})
    # Free at 1010, 4 km north; 200 s later it is 2 km north.
    assert found["b"].on_scene == pytest.approx(1220, abs=2)


def test_who_is_called_off_turns_round() -> None:
    off = run("a", 0.0, 10.0, scene_seconds=None, ends=300.0)
    found, _ = played(NEAREST, [off, run("b", 300.0, 3.0)], {"n": 0.0})
    assert found["a"].on_scene is None
    # Of 1,010 s for ten kilometres it had driven 300.
    assert found["b"].on_scene == pytest.approx(300 + 10 + 3, abs=1)


def test_a_call_that_waits_is_called_off() -> None:
    off = run("b", 20.0, 1.0, scene_seconds=None, ends=100.0)
    found, _ = played(NEAREST, [run("a", 0.0, 1.0), off], {"n": 0.0})
    assert found["b"].ordered is None


def test_who_arrives_before_the_call_is_called_off_stays_until_then() -> None:
    off = run("a", 0.0, 1.0, scene_seconds=None, ends=900.0)
    found, _ = played(NEAREST, [off, run("b", 200.0, 1.0)], {"n": 0.0})
    assert found["a"].on_scene == pytest.approx(110, abs=1)
    assert found["b"].ordered == pytest.approx(900, abs=1)


def test_nobody_is_ordered_before_or_after_the_shift() -> None:
    runs = [run("a", 0.0, 1.0), run("b", 5000.0, 1.0)]
    posts = {"n": 0.0, "s": -20.0}
    found, _ = played(NEAREST, runs, posts, {"n": (1000.0, 4000.0)})
    # The crew twenty kilometres south goes, for the one at hand is not on duty.
    assert found["a"].on_scene == pytest.approx(2110, abs=2)
    assert found["b"].on_scene == pytest.approx(7110, abs=2)


def test_who_comes_on_duty_takes_who_waits() -> None:
    found, _ = played(NEAREST, [run("a", 0.0, 1.0)], {"n": 0.0}, {"n": (500.0, 900.0)})
    assert found["a"].ordered == 500.0


def test_who_ends_a_run_after_the_shift_takes_who_waits_and_goes_home() -> None:
    runs = [run("a", 0.0, 1.0), run("b", 50.0, 1.0), run("c", 2000.0, 1.0)]
    posts = {"n": 0.0, "late": 0.0}
    found, _ = played(NEAREST, runs, posts, {"n": (0.0, 300.0), "late": (3000.0, 9000.0)})
    assert found["b"].ordered == pytest.approx(710, abs=1)
    assert found["c"].ordered == 3000.0


def test_a_way_is_driven_steadily() -> None:
    way = Way(km(0), km(4), 100.0, 200.0)
    assert way.at(50.0).latitude <= km(0).latitude
    assert way.at(125.0).latitude == pytest.approx(km(1).latitude)
    assert way.at(300.0) == km(4)


def test_a_busy_crew_cannot_be_ordered() -> None:
    runs = [run("a", 0.0, 1.0)]
    world = World(record(runs, {"n": 0.0}), plain(), RuleDispatcher(NEAREST), seed=1)
    world.play()
    with pytest.raises(AssertionError, match="n is with a patient"):
        world.turn_round(world.crews["n"])


def test_the_same_seed_gives_the_same_day(tmp_path: Path) -> None:
    invented = read(tmp_path, drawn(days=2, calls_a_day=60, crews=4, seed=3))

    def responses() -> list[float | None]:
        world = World(invented, plain(), RuleDispatcher(NEAREST), seed=1)
        return [response.on_scene for response in world.play().values()]

    assert responses() == responses()
