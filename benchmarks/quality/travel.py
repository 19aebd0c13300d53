"""How long a crew takes to a scene: fitted on the odd days of the record, tested on the even ones.

The record says when a crew rolled and arrived, not from where it came. For a crew that had been
free for a short while the hospital where its last run ended stands for that; which one it was is
not recorded either. So the distance is known with an error, and a straight fit finds too flat a
slope. Two guesses of the origin whose errors differ, each the instrument of the other, put that
right (errors in variables).
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import covariance, fmean, linear_regression, median
from typing import Final

from benchmarks.quality.record import Record, Run
from dispatch.domain.model import Position
from dispatch.domain.travel import metres_between

# A crew that was free for so long at least and most (s) is taken to have come from its last run.
_FREE_FOR: Final = (30.0, 900.0)
# Longer ways (s) are taken for slips of the pen.
_LONGEST: Final = 3600.0
_METRES_PER_KM: Final = 1000.0
_SAMPLES: Final = 400
# Hours of the day that are looked at together, where the hour is looked at.
_HOURS: Final = 4


def kilometres(a: Position, b: Position) -> float:
    """Return the great-circle distance in kilometres."""
    return metres_between(a, b) / _METRES_PER_KM


@dataclass(frozen=True, slots=True)
class Leg:
    """A way to a scene: `seconds` as recorded, and two guesses of how far it was, in kilometres.

    The one takes the hospital nearest to the patient's place for where the crew came from, the
    other that which fits how long the transport took.
    """

    run: Run
    seconds: float
    from_nearest: float
    from_matched: float


@dataclass(frozen=True, slots=True)
class Line:
    """Seconds = `intercept` + `slope` x kilometres."""

    intercept: float
    slope: float

    def at(self, km: float) -> float:
        """Return the seconds for a distance."""
        return self.intercept + self.slope * km


@dataclass(frozen=True, slots=True)
class Errors:
    """What a model says less what was recorded, over some legs: seconds, and R2."""

    legs: int
    mae: float
    bias: float
    r2: float


@dataclass(frozen=True, slots=True)
class TravelModel:
    """How long ways take: a line for urgent runs, one for the others, and how they scatter.

    `factors` are what recorded ways took of what the line says, the mean being 1.
    """

    name: str
    urgent: Line
    ordinary: Line
    factors: tuple[float, ...]

    def line(self, run: Run) -> Line:
        """Return the line for a run."""
        return self.urgent if run.urgent else self.ordinary

    def seconds(self, origin: Position, run: Run, factor: float = 1.0) -> float:
        """Return how long the way to a run's scene takes, to the second."""
        return float(round(factor * self.line(run).at(kilometres(origin, run.scene))))

    def back_seconds(self, origin: Position, post: Position) -> float:
        """Return how long the way to a post takes, which begins at once."""
        return float(round(self.ordinary.slope * kilometres(origin, post)))

    def factor(self, run: Run, seed: int) -> float:
        """Return what the way to a run takes of what the line says, whoever goes."""
        draw = random.Random(f"{seed}/way/{run.call_id}")  # noqa: S311 - a scenario, no secret
        return draw.choice(self.factors)


def legs_of(record: Record, usual_slope: float) -> list[Leg]:
    """Return the ways whose origin can be guessed; `usual_slope` (s a km) matches hospitals."""
    by_unit: defaultdict[str, list[Run]] = defaultdict(list)
    for run in sorted(record.runs, key=lambda run: run.ordered):
        by_unit[run.unit_id].append(run)
    transports = [run for run in record.runs if run.transport_seconds is not None]
    handling = median(
        (run.transport_seconds or 0.0) - usual_slope * kilometres(run.scene, run.end)
        for run in transports
    )

    def matched(run: Run) -> Position:
        took = run.transport_seconds
        if took is None:
            return run.end
        return min(
            record.hospitals,
            key=lambda each: abs(handling + usual_slope * kilometres(run.scene, each) - took),
        )

    found = []
    for own in by_unit.values():
        for before, run in pairwise(own):
            if run.on_scene is None:
                continue
            seconds = run.on_scene - run.ordered - run.turnout_seconds
            shortest, longest = _FREE_FOR
            if shortest <= run.ordered - before.ends <= longest and 0 < seconds <= _LONGEST:
                found.append(
                    Leg(
                        run,
                        seconds,
                        kilometres(before.end, run.scene),
                        kilometres(matched(before), run.scene),
                    )
                )
    return found


def odd(legs: Iterable[Leg]) -> list[Leg]:
    """Return the legs of the odd days, on which models are fitted."""
    return [leg for leg in legs if leg.run.day % 2]


def even(legs: Iterable[Leg]) -> list[Leg]:
    """Return the legs of the even days, on which they are tested."""
    return [leg for leg in legs if not leg.run.day % 2]


def fit(legs: Sequence[Leg]) -> TravelModel:
    """Return the model with the slope that the two guesses of the distance agree on."""
    return _model("corrected", odd(legs), _corrected)


def fit_plain(legs: Sequence[Leg]) -> TravelModel:
    """Return the model of a straight fit: it predicts best, and its slope is too flat."""
    return _model("plain", odd(legs), _plain)


def fit_level(legs: Sequence[Leg]) -> TravelModel:
    """Return the model that knows no distance, only whether a run is urgent."""
    return _model("level", odd(legs), lambda own: _through_the_mean(own, 0.0))


def with_slope(legs: Sequence[Leg], slope: float) -> TravelModel:
    """Return the model with a slope given (s a km) and the intercept that fits on the mean."""
    return _model("pack", odd(legs), lambda own: _through_the_mean(own, slope))


def tested(legs: Sequence[Leg], model: TravelModel) -> Errors:
    """Return the errors of a model on the even days."""
    return errors_of(even(legs), lambda leg: model.line(leg.run).at(leg.from_nearest))


def tested_by_hour(legs: Sequence[Leg], model: TravelModel) -> Errors:
    """Return the errors on the even days, each hour's mean error of the odd days taken off."""
    off: defaultdict[int, list[float]] = defaultdict(list)
    for leg in odd(legs):
        said = model.line(leg.run).at(leg.from_nearest)
        off[leg.run.hour // _HOURS].append(leg.seconds - said)
    by_hour = {hours: fmean(errors) for hours, errors in off.items()}

    def said_by_hour(leg: Leg) -> float:
        said = model.line(leg.run).at(leg.from_nearest)
        return said + by_hour.get(leg.run.hour // _HOURS, 0.0)

    return errors_of(even(legs), said_by_hour)


def errors_of(legs: Sequence[Leg], said: Callable[[Leg], float]) -> Errors:
    """Return the errors of what is said of some legs (at least two that differ)."""
    mean = fmean(leg.seconds for leg in legs)
    errors = [said(leg) - leg.seconds for leg in legs]
    spread = sum((leg.seconds - mean) ** 2 for leg in legs)
    return Errors(
        legs=len(legs),
        mae=fmean(map(abs, errors)),
        bias=fmean(errors),
        r2=1 - sum(error**2 for error in errors) / spread,
    )


def slope_range(legs: Sequence[Leg], *, urgent: bool, seed: int) -> tuple[float, float]:
    """Return the 5th and 95th percentile of the corrected slope over samples of the odd days."""
    own = [leg for leg in odd(legs) if leg.run.urgent == urgent]
    draw = random.Random(f"{seed}/slope")  # noqa: S311 - an estimate, no secret
    slopes = sorted(_corrected(draw.choices(own, k=len(own))).slope for _ in range(_SAMPLES))
    edge = _SAMPLES // 20
    return slopes[edge], slopes[-edge - 1]


def _model(name: str, legs: Sequence[Leg], fitted: Callable[[Sequence[Leg]], Line]) -> TravelModel:
    urgent = fitted([leg for leg in legs if leg.run.urgent])
    ordinary = fitted([leg for leg in legs if not leg.run.urgent])
    ratios = [
        leg.seconds / (urgent if leg.run.urgent else ordinary).at(leg.from_nearest) for leg in legs
    ]
    mean = fmean(ratios)
    return TravelModel(name, urgent, ordinary, tuple(sorted(ratio / mean for ratio in ratios)))


def _plain(legs: Sequence[Leg]) -> Line:
    line = linear_regression([leg.from_nearest for leg in legs], [leg.seconds for leg in legs])
    return Line(line.intercept, line.slope)


def _corrected(legs: Sequence[Leg]) -> Line:
    """Return the line through the mean with the slope of both instruments stacked."""
    one = [leg.from_nearest for leg in legs]
    other = [leg.from_matched for leg in legs]
    seconds = [leg.seconds for leg in legs]
    agreed = 2 * covariance(one, other)
    slope = (covariance(one, seconds) + covariance(other, seconds)) / agreed
    return _through_the_mean(legs, slope)


def _through_the_mean(legs: Sequence[Leg], slope: float) -> Line:
    mean = fmean(leg.seconds for leg in legs)
    return Line(mean - slope * fmean(leg.from_nearest for leg in legs), slope)
