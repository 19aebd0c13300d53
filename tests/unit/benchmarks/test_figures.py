import math

import pytest

from benchmarks.figures import as_range, latencies, percentile, series


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.5, 5), (0.51, 6), (0.95, 10), (0.99, 10), (1.0, 10)]
)
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(
    share: float, expected: float
) -> None:
    assert percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], share) == expected


def test_latencies_are_in_milliseconds_whatever_their_order() -> None:
    found = latencies([0.3, 0.1, 0.2])
    assert found["samples"] == 3
    assert found["p50"] == pytest.approx(200)
    assert found["max"] == pytest.approx(300)


def test_what_never_came_is_endless_and_counts() -> None:
    found = latencies([0.1, 0.2, 0.3, math.inf])
    assert found["p50"] == pytest.approx(200)
    assert found["p95"] is None
    assert found["max"] is None


def test_a_series_shows_its_spread() -> None:
    assert as_range(series([1_500.4, 900, 2_000])) == "1,500 (900-2,000)"
    assert as_range(series([0.5, 0.25]), 2) == "0.38 (0.25-0.50)"
