"""What came of a way of dispatching: responses in seconds, their mean and 90th percentile."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles
from typing import Final, Literal

from benchmarks.quality.record import Run
from benchmarks.quality.world import Response

Days = Literal["odd", "even"]
DAYS: Final[tuple[Days, ...]] = ("odd", "even")


@dataclass(frozen=True, slots=True)
class Spread:
    """The mean and the 90th percentile of some durations in seconds, and how many there are."""

    count: int
    mean: float
    p90: float


@dataclass(frozen=True, slots=True)
class Waits:
    """From the call, and from the (first) order, to the crew on scene, by call: seconds."""

    from_call: dict[str, float]
    from_order: dict[str, float]


def waits_of(runs: Iterable[Run], responses: Mapping[str, Response]) -> Waits:
    """Return the waits of those calls that are compared; all of them had a crew in the end."""
    waits = Waits({}, {})
    for run in runs:
        if run.counts:
            response = responses[run.call_id]
            assert response.on_scene is not None, f"nobody came to {run.call_id}"
            assert response.ordered is not None, "who came was ordered"
            waits.from_call[run.call_id] = response.on_scene - run.received
            waits.from_order[run.call_id] = response.on_scene - response.ordered
    return waits


def recorded(runs: Iterable[Run]) -> Waits:
    """Return the waits as they were recorded."""
    return waits_of(runs, {run.call_id: Response(run.ordered, run.on_scene) for run in runs})


def of_days(runs: Iterable[Run], days: Days) -> list[Run]:
    """Return the runs of the odd or the even days."""
    return [run for run in runs if run.day % 2 == (days == "odd")]


def spread(waits: Mapping[str, float], runs: Iterable[Run]) -> Spread:
    """Return the spread of the waits of some runs (at least two that are compared)."""
    values = [waits[run.call_id] for run in runs if run.call_id in waits]
    return spread_of(values)


def spread_of(values: Sequence[float]) -> Spread:
    """Return the spread of at least two durations."""
    return Spread(len(values), fmean(values), quantiles(values, n=10, method="inclusive")[8])
