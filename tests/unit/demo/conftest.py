from collections.abc import Callable

import pytest

from tests.unit.demo.city.day import Played, play


@pytest.fixture(scope="session")
def played() -> Played:
    """Return the demo's day, played on the domain in memory."""
    return play(seed=1)


@pytest.fixture(scope="session")
def play_again() -> Callable[[int], Played]:
    return lambda seed: play(seed=seed)
