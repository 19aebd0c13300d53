import pytest

from benchmarks.quality.rules import Rule
from tests.unit.benchmarks.quality.small_world import played, run

PLAIN = Rule(gravest_first=True)


def test_the_gravest_is_served_first_where_the_rule_says_so() -> None:
    runs = [
        run("first", 0.0, 1.0),
        run("stable", 10.0, 1.0),
        run("critical", 20.0, 1.0, condition="critical"),
    ]
    found, _ = played(PLAIN, runs, {"n": 0.0})
    assert found["critical"].ordered == pytest.approx(710, abs=1)
    found, _ = played(Rule(), runs, {"n": 0.0})
    assert found["stable"].ordered == pytest.approx(710, abs=1)


def test_a_nearer_crew_that_becomes_free_takes_over() -> None:
    runs = [run("before", 0.0, 5.0), run("far", 600.0, 6.0)]
    posts = {"south": -4.0, "north": 5.0}
    found, dispatcher = played(Rule(gravest_first=True, nearer_by=60.0), runs, posts)
    # The northern crew is free at 610, a kilometre away; the southern has ten to go.
    assert found["far"].ordered == 600.0
    assert found["far"].on_scene == pytest.approx(610 + 10 + 100, abs=2)
    assert dispatcher.turned == 1
    found, dispatcher = played(PLAIN, runs, posts)
    assert found["far"].on_scene == pytest.approx(1610, abs=2)
    assert dispatcher.turned == 0


def test_who_takes_over_may_go_by_the_way_alone() -> None:
    runs = [run("before", 0.0, 5.0), run("far", 600.0, 6.0)]
    posts = {"south": -4.0, "north": 5.0}
    # Ten seconds later the southern crew has almost ten kilometres to go, the northern one.
    for kilometres, turned in ((8.5, 1), (9.5, 0)):
        _, dispatcher = played(Rule(gravest_first=True, shorter_by=kilometres), runs, posts)
        assert dispatcher.turned == turned


def test_nobody_takes_over_for_less_than_the_rule_asks() -> None:
    runs = [run("before", 0.0, 5.0), run("far", 600.0, 6.0)]
    posts = {"south": -4.0, "north": 5.0}
    found, dispatcher = played(Rule(gravest_first=True, nearer_by=1000.0), runs, posts)
    assert dispatcher.turned == 0
    assert found["far"].on_scene == pytest.approx(1610, abs=2)


def test_the_last_crew_of_an_area_is_spared_for_a_stable_patient() -> None:
    posts = {"one": 0.0, "two": 0.0, "lone": 1.0}
    call = run("call", 0.0, 0.55)
    found, _ = played(PLAIN, [call], posts)
    assert found["call"].on_scene == pytest.approx(10 + 45, abs=1)
    found, _ = played(Rule(gravest_first=True, cover=4.0, cover_within=60.0), [call], posts)
    assert found["call"].on_scene == pytest.approx(10 + 55, abs=1)


def test_cover_never_sends_a_crew_much_farther_than_the_nearest() -> None:
    posts = {"near": 0.0, "pair": 3.0, "other": 3.0}
    call = run("call", 0.0, 0.1)
    sparing = Rule(gravest_first=True, cover=1000.0, cover_within=60.0)
    found, _ = played(sparing, [call], posts)
    assert found["call"].on_scene == pytest.approx(20, abs=2)
    freely = Rule(gravest_first=True, cover=1000.0, cover_within=1000.0)
    found, _ = played(freely, [call], posts)
    assert found["call"].on_scene == pytest.approx(300, abs=2)


def test_a_critical_patient_gets_the_nearest_whatever_the_cover() -> None:
    posts = {"near": 0.0, "pair": 3.0, "other": 3.0}
    call = run("call", 0.0, 0.1, condition="critical")
    freely = Rule(gravest_first=True, cover=1000.0, cover_within=1000.0)
    found, _ = played(freely, [call], posts)
    assert found["call"].on_scene == pytest.approx(20, abs=2)


def test_a_crew_turns_to_a_critical_patient() -> None:
    runs = [run("stable", 0.0, 10.0), run("critical", 510.0, 5.5, condition="critical")]
    posts = {"n": 0.0, "far": 20.0}
    # Half the way is driven: the crew is at 5 km; the other is 14.5 km from the critical patient.
    turning = Rule(gravest_first=True, turn_for_grave=60.0)
    found, dispatcher = played(turning, runs, posts)
    assert dispatcher.turned == 1
    assert found["critical"].on_scene == pytest.approx(510 + 10 + 50, abs=6)
    assert found["stable"].on_scene == pytest.approx(510 + 10 + 1000, abs=6)


def test_nobody_turns_away_from_a_critical_patient() -> None:
    runs = [
        run("one", 0.0, 10.0, condition="critical"),
        run("other", 510.0, 5.5, condition="critical"),
    ]
    turning = Rule(gravest_first=True, turn_for_grave=60.0)
    found, dispatcher = played(turning, runs, {"n": 0.0, "far": 20.0})
    assert dispatcher.turned == 0
    assert found["one"].on_scene == pytest.approx(1010, abs=1)


def test_two_crews_exchange_where_both_calls_gain_together() -> None:
    runs = [run("a", 0.0, 10.0), run("b", 510.0, 5.5)]
    posts = {"n": 0.0, "far": 20.0}
    found, dispatcher = played(Rule(gravest_first=True, exchange_for=30.0), runs, posts)
    assert dispatcher.turned == 1
    together = (found["a"].on_scene or 0) + (found["b"].on_scene or 0)
    found, _ = played(PLAIN, runs, posts)
    assert together < (found["a"].on_scene or 0) + (found["b"].on_scene or 0)


def test_who_is_turned_from_waits_where_nobody_else_is_free() -> None:
    runs = [run("stable", 0.0, 10.0), run("critical", 510.0, 5.5, condition="critical")]
    found, _ = played(Rule(gravest_first=True, turn_for_grave=60.0), runs, {"n": 0.0})
    assert found["critical"].on_scene == pytest.approx(570, abs=6)
    # Then the same crew goes on.
    assert found["stable"].on_scene == pytest.approx(570 + 600 + 10 + 450, abs=8)
