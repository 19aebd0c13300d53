"""When calls come: at random times that the generator and whoever measures both know."""

import itertools
from random import Random


def arrivals(calls: int, rate: float, seed: int) -> list[float]:
    """Return when each call comes, in seconds from the beginning: a Poisson stream of that rate."""
    random = Random(f"{seed}/arrivals")  # noqa: S311 - a load, no secret
    return list(itertools.accumulate(random.expovariate(rate) for _ in range(calls)))
