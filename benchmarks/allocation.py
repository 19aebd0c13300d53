"""The nearest suitable unit in fleets of a hundred to a hundred thousand units.

One choice is: the nearest unit for a patient somewhere in the city, that unit marked as assigned,
and free again. Work done is counted as well as time taken: the time grows a little faster than the
work, as a larger fleet fits the processor's caches less.
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from math import log, log2
from typing import Any, Final

from dispatch.domain.allocation import Fleet, Need, choose
from dispatch.domain.model import District, Place, Position, Unit
from dispatch.domain.proximity import Spot
from dispatch.domain.roster import Kind, Roster
from dispatch.domain.travel import usual_travel
from dispatch.policy.pack import load_pack

SIZES: Final = (100, 1_000, 10_000, 100_000)
_NOW: Final = datetime(2022, 12, 23, 8, 0, tzinfo=UTC)
_SEED: Final = 20221223
# The share of critical patients, for whom districts do not count.
_CRITICAL: Final = 0.5
# Sixteen districts in four rows, each a square of a tenth of a degree, in one city.
_ROWS: Final = 4
_EDGE: Final = 0.1
_SOUTH: Final = 40.6
_WEST: Final = 111.4


@dataclass(frozen=True, slots=True)
class Choices:
    """What one choice among so many units takes, in nanoseconds of processor time, and looks at."""

    units: int
    median_ns: float
    units_looked_at: float


@dataclass(frozen=True, slots=True)
class Growth:
    """Choices in fleets of several sizes, and how they grow from one to the next.

    `exponent` is that of the power of the number of units that fits the times best (1: linear);
    `ns_per_doubling` what each doubling adds by the logarithm that fits best.
    """

    choices: tuple[Choices, ...]
    ratios: tuple[float, ...]
    exponent: float
    ns_per_doubling: float


class CountingRoster(Roster):
    """A roster that counts the points at which units were looked at."""

    looked_at = 0

    def outward(
        self, kind: Kind, district: str | None, position: Position
    ) -> Iterator[tuple[float, Spot]]:
        """Yield what a roster does, and count it."""
        for found in super().outward(kind, district, position):
            self.looked_at += 1
            yield found


def measure(sizes: Sequence[int] = SIZES, *, choices: int = 2_000) -> Growth:
    """Measure choices in fleets of these sizes, all in the same city."""
    found = tuple(_choices_among(size, choices) for size in sizes)
    times = [each.median_ns for each in found]
    return Growth(
        choices=found,
        ratios=tuple(after / before for before, after in pairwise(times)),
        exponent=_slope([log(each.units) for each in found], [log(each) for each in times]),
        ns_per_doubling=_slope([log2(each.units) for each in found], times),
    )


def _choices_among(size: int, choices: int) -> Choices:
    rng = random.Random(_SEED + size)  # noqa: S311  # an invented city, the same each time
    pack = load_pack("covid-19")
    units = [_unit(number, rng) for number in range(size)]
    needs = [_need(rng) for _ in range(choices)]

    def fleet(roster: Roster) -> Fleet:
        policy = pack.allocation
        return Fleet(roster, _districts(), "epidemic", _NOW, usual_travel(pack), policy)

    counting = CountingRoster(units)
    for need in needs:
        choose(need, fleet(counting))
    roster = Roster(units)
    times = [_one(need, fleet(roster), roster) for need in needs]
    return Choices(size, statistics.median(times), counting.looked_at / choices)


def _one(need: Need, fleet: Fleet, roster: Roster) -> int:
    started = time.thread_time_ns()
    chosen = choose(need, fleet).unit
    assert chosen is not None, "some unit is free"
    ordered = replace(chosen, status="ordered", assignment_id="c1/A1")
    roster.replace(chosen, ordered)
    roster.replace(ordered, chosen)
    return time.thread_time_ns() - started


def _unit(number: int, rng: random.Random) -> Unit:
    position, code = _somewhere(rng)
    return Unit(
        unit_id=f"U{number:06}",
        district=code,
        vehicle=rng.choice(("negative_pressure", "monitoring", "basic")),
        crew=rng.choice(("regular", "regular", "regular", "transfer")),
        station=position,
        status="returning",
        position=position,
        position_at=_NOW,
    )


def _need(rng: random.Random) -> Need:
    position, code = _somewhere(rng)
    return Need(
        place=Place(position=position, source="caller", district=code),
        crew="regular",
        critical=rng.random() < _CRITICAL,
    )


def _somewhere(rng: random.Random) -> tuple[Position, str]:
    north, east = _ROWS * rng.random(), _ROWS * rng.random()
    return Position(_SOUTH + _EDGE * north, _WEST + _EDGE * east), _code(int(north), int(east))


def _districts() -> dict[str, District]:
    cells = [(row, column) for row in range(_ROWS) for column in range(_ROWS)]
    return {
        _code(row, column): District(
            code=_code(row, column),
            name=_code(row, column),
            centre=Position(_SOUTH + _EDGE * (row + 0.5), _WEST + _EDGE * (column + 0.5)),
            neighbours=tuple(
                _code(*other)
                for other in cells
                if other != (row, column) and max(abs(other[0] - row), abs(other[1] - column)) == 1
            ),
        )
        for row, column in cells
    }


def _code(row: int, column: int) -> str:
    return f"1501{row}{column}"


def _slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    return statistics.linear_regression(xs, ys).slope


def main() -> int:
    """Print the growth as JSON."""
    growth: dict[str, Any] = asdict(measure())
    sys.stdout.write(json.dumps(growth, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
