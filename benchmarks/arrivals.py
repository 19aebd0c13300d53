"""When calls come: at random times that the generator and whoever measures both know."""

import itertools
from random import Random
from typing import Final

WARM_UP: Final = 20  # calls that nobody measures: connections are opened, statements planned
WARM_UP_RATE: Final = 20.0  # calls a second


def arrivals(calls: int, rate: float, seed: int) -> list[float]:
    """Return when each call comes, in seconds from the beginning, those of the warm-up first.

    After the warm-up they are a Poisson stream of that rate, in calls a second.
    """
    random = Random(f"{seed}/arrivals")  # noqa: S311 - a load, no secret
    gaps = [1 / WARM_UP_RATE] * WARM_UP + [random.expovariate(rate) for _ in range(calls)]
    return list(itertools.accumulate(gaps))
