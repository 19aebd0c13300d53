from collections.abc import Callable

import pytest

from tests.unit.demo.jinzhou.intake import Played, play


@pytest.fixture(scope="session")
def intake() -> Played:
    """Return the intake, played on the domain in memory."""
    return play(seed=1)


@pytest.fixture(scope="session")
def play_intake() -> Callable[[int], Played]:
    return lambda seed: play(seed=seed)
