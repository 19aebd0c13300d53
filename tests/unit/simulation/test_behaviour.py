"""Durations follow from the seed alone; a scripted deviation happens once."""

from datetime import UTC, datetime, timedelta

from dispatch.simulation.behaviour import Behaviour, Deviation


def test_durations_do_not_depend_on_the_order_of_asking() -> None:
    one, other = Behaviour(7), Behaviour(7)
    first = one.seconds("roll", "C1/A1"), one.seconds("on_scene", "C2/A1")
    second = other.seconds("on_scene", "C2/A1"), other.seconds("roll", "C1/A1")
    assert first == second[::-1]
    assert Behaviour(8).seconds("roll", "C1/A1") != first[0]


def test_an_order_is_acknowledged_and_rolled_within_the_limits() -> None:
    behaviour = Behaviour(1)
    for number in range(200):
        whom = f"C{number}/A1"
        assert 0 < behaviour.seconds("acknowledge", whom) < 60
        both = behaviour.seconds("acknowledge", whom) + behaviour.seconds("roll", whom)
        assert both < 180


def test_a_way_takes_about_as_long_as_estimated() -> None:
    assert 800 <= Behaviour(1).seconds("travel", "C1/A1", 1000.0) <= 1400


def test_a_deviation_happens_once_and_to_the_one_named() -> None:
    behaviour = Behaviour(1)
    behaviour.script(Deviation.DIVERT, "H1", "no room")
    assert behaviour.deviates(Deviation.DIVERT, "H2") is None
    assert behaviour.deviates(Deviation.REFUSE, "H1") is None
    assert behaviour.deviates(Deviation.DIVERT, "C1/A1", "H1") == "no room"
    assert behaviour.deviates(Deviation.DIVERT, "H1") is None


def test_while_the_radio_is_out_crews_are_heard_when_it_is_back() -> None:
    behaviour, since = Behaviour(1), datetime(2022, 12, 1, tzinfo=UTC)
    minute, until = timedelta(minutes=1), since + timedelta(minutes=3)
    behaviour.radio_out(since, until)
    for now, heard_at in ((-minute, -minute), (minute, 3 * minute), (4 * minute, 4 * minute)):
        assert behaviour.heard_at(since + now) == since + heard_at
    assert behaviour.heard_at(until) == until
