import pytest

from benchmarks.arrivals import WARM_UP, WARM_UP_RATE, arrivals


def test_both_who_need_them_get_the_same_times() -> None:
    assert arrivals(50, 10, seed=1) == arrivals(50, 10, seed=1)
    assert arrivals(50, 10, seed=1) != arrivals(50, 10, seed=2)


def test_calls_come_at_their_rate_after_an_even_warm_up() -> None:
    times = arrivals(20_000, 1_000, seed=1)
    assert times == sorted(times)
    assert times[WARM_UP - 1] == pytest.approx(WARM_UP / WARM_UP_RATE)
    assert times[-1] - times[WARM_UP - 1] == pytest.approx(20, rel=0.05)
