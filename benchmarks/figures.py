"""Medians, spreads and percentiles, as they stand in the results."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any


def series(values: Sequence[float]) -> dict[str, Any]:
    """Return the median, the least and the greatest of some values, and the values."""
    return {
        "median": statistics.median(values),
        "least": min(values),
        "greatest": max(values),
        "values": list(values),
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value that a share (0 to 1) of the ordered values does not exceed."""
    return ordered[max(1, math.ceil(share * len(ordered))) - 1]


def latencies(seconds: Sequence[float]) -> dict[str, Any]:
    """Return how many values there are, and their percentiles in milliseconds.

    Null is one that is endless.
    """
    ordered = sorted(seconds)
    shares = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
    return {
        "samples": len(ordered),
        **{
            name: None if math.isinf(found) else 1_000 * found
            for name, share in shares
            for found in [percentile(ordered, share)]
        },
    }


def as_range(found: Mapping[str, Any], digits: int = 0) -> str:
    """Return a series as its median with the least and the greatest."""
    median, least, greatest = (
        f"{found[name]:,.{digits}f}" for name in ("median", "least", "greatest")
    )
    return f"{median} ({least}-{greatest})"
