"""The study: the same calls under every way of dispatching, the bound, and rules that are tried.

Models of travel are fitted and rules chosen on the odd days of the record, and tested on the even.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

import numpy as np

from benchmarks.quality import travel
from benchmarks.quality.bound import least_mean
from benchmarks.quality.record import Record, Run
from benchmarks.quality.responses import (
    DAYS,
    Days,
    Spread,
    Waits,
    of_days,
    recorded,
    spread,
    spread_of,
    waits_of,
)
from benchmarks.quality.rules import Rule, RuleDispatcher
from benchmarks.quality.service import ServiceDispatcher, Setting
from benchmarks.quality.travel import Errors, TravelModel
from benchmarks.quality.world import Dispatcher, World
from dispatch.errors import ConfigurationError
from dispatch.policy.pack import Pack

SETTINGS: Final[Mapping[str, Setting]] = {
    "service": Setting(),
    "service, nobody takes over": Setting(take_over=False),
    "service, four districts": Setting(districts="four"),
    "service, epidemic": Setting(mode="epidemic", epidemic=True),
    "service, epidemic, one pool": Setting(mode="routine", epidemic=True),
}
RECORDED: Final = "recorded"
NEAREST: Final = "nearest"
# The service's choice as a rule where nobody takes over; a test shows that it is.
PLAIN: Final = "nobody takes over"
RULES: Final[Mapping[str, Rule]] = {
    PLAIN: Rule(gravest_first=True),
    **{
        f"cover {calls:.0f}": Rule(gravest_first=True, cover=calls, cover_within=60.0)
        for calls in (1.0, 2.0, 4.0)
    },
    **{
        f"nearer by {seconds:.0f} s": Rule(gravest_first=True, nearer_by=seconds)
        for seconds in (30.0, 60.0, 120.0)
    },
    **{f"nearer by {km:g} km": Rule(gravest_first=True, shorter_by=km) for km in (1.0, 1.5, 2.0)},
    "exchange for 30 s": Rule(gravest_first=True, exchange_for=30.0),
    "turn for the grave": Rule(gravest_first=True, turn_for_grave=120.0),
    **{
        f"nearer by 30 s, cover {calls:.0f}": Rule(
            gravest_first=True, nearer_by=30.0, cover=calls, cover_within=60.0
        )
        for calls in (1.0, 2.0)
    },
}
# Tested beside the one that is chosen: whether less would do, and what the service does: in its
# estimate of travel no part of a way is the same however near the crew is.
SIMPLER: Final = ("nearer by 30 s", "nearer by 1.5 km")
# Worlds in which ways scatter otherwise: so many to choose a rule in, so many to test it in.
_TO_CHOOSE: Final = 5
_TO_TEST: Final = 10
_SAMPLES: Final = 400

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Figures:
    """The responses of a way of dispatching on some days: from the call, from the order, seconds.

    `grave` is from the call, of critical patients alone.
    """

    from_call: Spread
    from_order: Spread
    grave: Spread


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule beside the service's own, over several worlds: shares by which mean and p90 change."""

    mean: float
    p90: float
    grave: float
    turned: float


@dataclass(frozen=True, slots=True)
class Tested:
    """A rule on the even days, and the 5th to 95th percentile of either change."""

    rule: str
    model: str
    found: Tried
    mean_range: tuple[float, float]
    p90_range: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Study:
    """Everything that was found. `bound` is on the mean from the call on the even days (s)."""

    days: int
    seed: int
    calls: int
    compared: dict[Days, int]
    left_out: int
    crews: int
    lines: dict[str, TravelModel]
    slopes: dict[str, tuple[float, float]]
    errors: dict[str, Errors]
    figures: dict[str, dict[Days, Figures]]
    waits: dict[str, Waits]
    counts: dict[str, dict[str, int]]
    bound: float
    tried: dict[str, Tried]
    chosen: str
    tested: list[Tested]


def study(record: Record, pack: Pack, *, seed: int, progress: Progress) -> Study:
    """Carry out the study; `progress` is told of each part.

    Raises:
        ConfigurationError: the record is too short to be halved.
        Unbounded: it has too few crews for its calls.
    """
    if record.days < 2:  # noqa: PLR2004 - one day to fit on, one to test on
        raise ConfigurationError("at least two days are needed")
    progress("travel")
    # Seconds a kilometre as the pack has it.
    usual = pack.allocation.road_factor / pack.allocation.speed_kmh * 3600.0
    legs = travel.legs_of(record, usual)
    level, plain = travel.fit_level(legs), travel.fit_plain(legs)
    main, steep = travel.fit(legs), travel.with_slope(legs, usual)
    errors = {model.name: travel.tested(legs, model) for model in (level, plain, main, steep)}
    errors["corrected, by hour"] = travel.tested_by_hour(legs, main)

    waits = {RECORDED: recorded(record.runs)}
    counts = {}
    for name, setting in SETTINGS.items():
        progress(name)
        service = ServiceDispatcher(pack, setting, seed=seed)
        waits[name] = _played(record, main, service, seed)
        counts[name] = service.counts
    progress(NEAREST)
    waits[NEAREST] = _played(record, main, RuleDispatcher(Rule()), seed)
    progress("bound")
    bound = least_mean(record, main, "even", seed=seed)

    progress("rules")
    tried = try_rules(record, main, seed)
    chosen = choose(tried)
    return Study(
        days=record.days,
        seed=seed,
        calls=len(record.runs),
        compared={days: len([r for r in of_days(record.runs, days) if r.counts]) for days in DAYS},
        left_out=record.left_out,
        crews=len({shift.unit_id for shift in record.shifts}),
        lines={model.name: model for model in (plain, main, steep)},
        slopes={
            kind: travel.slope_range(legs, urgent=kind == "urgent", seed=seed)
            for kind in ("urgent", "ordinary")
        },
        errors=errors,
        figures={
            name: {days: _figures(found, of_days(record.runs, days)) for days in DAYS}
            for name, found in waits.items()
        },
        waits=waits,
        counts=counts,
        bound=bound,
        tried=tried,
        chosen=chosen,
        tested=[
            tested
            for model in (main, steep)
            for tested in on_even_days(record, model, dict.fromkeys((chosen, *SIMPLER)), seed)
        ],
    )


def try_rules(record: Record, model: TravelModel, seed: int) -> dict[str, Tried]:
    """Try every rule on the odd days, in the same worlds, beside nobody taking over."""
    runs = of_days(record.runs, "odd")
    ours = _in_worlds(record, model, RULES[PLAIN], seed, _TO_CHOOSE)
    return {
        name: _tried(runs, ours, _in_worlds(record, model, rule, seed, _TO_CHOOSE))
        for name, rule in RULES.items()
        if name != PLAIN
    }


def choose(tried: Mapping[str, Tried]) -> str:
    """Choose the rule that shortens mean and 90th percentile together the most."""
    return min(tried, key=lambda name: (tried[name].mean + tried[name].p90, name))


def on_even_days(
    record: Record, model: TravelModel, names: Iterable[str], seed: int
) -> Iterator[Tested]:
    """Test rules on the even days, in worlds of other seeds."""
    runs = of_days(record.runs, "even")
    first = seed + _TO_CHOOSE
    ours = _in_worlds(record, model, RULES[PLAIN], first, _TO_TEST)
    for name in names:
        theirs = _in_worlds(record, model, RULES[name], first, _TO_TEST)
        means, tails = _resampled(runs, ours, theirs, seed)
        yield Tested(name, model.name, _tried(runs, ours, theirs), means, tails)


@dataclass(frozen=True, slots=True)
class _Worlds:
    """What came of a rule in several worlds."""

    waits: list[Waits]
    turned: float


def _in_worlds(record: Record, model: TravelModel, rule: Rule, seed: int, number: int) -> _Worlds:
    dispatchers = [RuleDispatcher(rule) for _ in range(number)]
    waits = [
        _played(record, model, dispatcher, seed + each)
        for each, dispatcher in enumerate(dispatchers)
    ]
    return _Worlds(waits, fmean(dispatcher.turned for dispatcher in dispatchers))


def _played(record: Record, model: TravelModel, dispatcher: Dispatcher, seed: int) -> Waits:
    return waits_of(record.runs, World(record, model, dispatcher, seed).play())


def _figures(waits: Waits, runs: Sequence[Run]) -> Figures:
    return Figures(
        spread(waits.from_call, runs),
        spread(waits.from_order, runs),
        spread(waits.from_call, [run for run in runs if run.grave]),
    )


def _tried(runs: Sequence[Run], ours: _Worlds, theirs: _Worlds) -> Tried:
    def all_of(worlds: _Worlds, those: Sequence[Run]) -> Spread:
        return spread_of(
            [waits.from_call[run.call_id] for waits in worlds.waits for run in those if run.counts]
        )

    before, after = all_of(ours, runs), all_of(theirs, runs)
    grave = [run for run in runs if run.grave]
    return Tried(
        mean=after.mean / before.mean - 1,
        p90=after.p90 / before.p90 - 1,
        grave=all_of(theirs, grave).mean / all_of(ours, grave).mean - 1,
        turned=theirs.turned,
    )


def _resampled(
    runs: Sequence[Run], ours: _Worlds, theirs: _Worlds, seed: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ranges of both changes where other hours of the days had come."""
    those = [run for run in runs if run.counts]
    hours: dict[tuple[int, int], list[int]] = {}
    for number, run in enumerate(those):
        hours.setdefault((run.day, run.hour), []).append(number)
    blocks = [np.array(numbers) for numbers in hours.values()]
    before, after = (
        np.array([[waits.from_call[run.call_id] for run in those] for waits in worlds.waits])
        for worlds in (ours, theirs)
    )
    draw = np.random.default_rng(seed)
    means, tails = [], []
    for _ in range(_SAMPLES):
        taken = np.concatenate([blocks[n] for n in draw.integers(len(blocks), size=len(blocks))])
        a, b = before[:, taken], after[:, taken]
        means.append(float(b.mean() / a.mean() - 1))
        tails.append(float(np.quantile(b, 0.9) / np.quantile(a, 0.9) - 1))
    return _range(means), _range(tails)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.quantile(values, [0.05, 0.95])
    return float(low), float(high)
