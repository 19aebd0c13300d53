"""Durable orders: from calls that wait in Kafka to units chosen and orders published.

The sides take turns, each run on a fresh database and fresh topics. A side is stopped while the
calls are put into Kafka; the time runs from its release until the database has every call, every
event was acknowledged and is marked so. Offsets must be committed afterwards, and every call must
have been ordered a unit.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.bed import Bed, open_bed
from benchmarks.figures import series
from benchmarks.sides.side import Side, running
from dispatch.errors import StackError
from dispatch.stack.embedded import Stack

WARM_UP: Final = 100  # calls before the time runs: plans are made, connections opened
WARM_UP_LIMIT: Final = 60.0  # seconds
SPARE: Final = 30.0  # seconds
SLOWEST: Final = 10.0  # calls a second below which a run is given up

Log = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took."""

    calls: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds

    @property
    def cpu_per_call(self) -> float:
        """Microseconds of the side's own processor time for each call."""
        return 1e6 * self.cpu_seconds / self.calls


async def measure(stack: Stack, side: Side, calls: int, batch_size: int, workers: int = 1) -> Run:
    """Run one side once.

    Raises StackError when it doesn't do the whole job.
    """
    async with open_bed(stack, units=calls + WARM_UP) as bed:
        return await measure_on(bed, side, calls, batch_size, workers=workers)


async def measure_on(
    bed: Bed, side: Side, calls: int, batch_size: int, *, first: int = 0, workers: int = 1
) -> Run:
    """Do the same on a bed that has seen the calls before number `first`, and units enough."""
    warm_up = range(first, first + WARM_UP)
    timed = range(warm_up.stop, warm_up.stop + calls)
    async with running(side, bed, batch_size, workers) as worker:
        await bed.publish(warm_up)
        await bed.settled(warm_up.stop, WARM_UP_LIMIT, worker.processes)
        worker.pause()
        try:
            await bed.publish(timed)
            used = worker.cpu_seconds()
        finally:
            worker.resume()
        began = time.perf_counter()
        await bed.settled(timed.stop, SPARE + calls / SLOWEST, worker.processes)
        seconds = time.perf_counter() - began
        used = worker.cpu_seconds() - used
        await bed.committed(timed.stop)
        ordered = await bed.ordered(timed)
        if ordered != calls:
            raise StackError(f"{side.name} has ordered units to {ordered} of {calls} calls")
        return Run(calls, seconds, used)


async def _sweep(stack: Stack, side: Side, calls: int, log: Log) -> dict[int, float]:
    """Return the calls a second of a side at each of its batch sizes."""
    tried = {}
    for size in side.batch_sizes:
        run = await measure(stack, side, calls, size)
        tried[size] = run.rate
        log(f"sweep: {side.name} in batches of {size}: {run.rate:.0f} calls/s")
    return tried


async def compare(
    stack: Stack,
    sides: Sequence[Side],
    *,
    calls: int,
    rounds: int,
    batch_sizes: Mapping[str, int],
    log: Log,
) -> dict[str, Any]:
    """Let the sides take turns, each at its best batch size; return the figures.

    `batch_sizes` are those known to be best from before; the sweep finds the others.
    """
    swept: dict[str, dict[str, float]] = {}
    best: dict[str, int] = {}
    for side in sides:
        if len(side.batch_sizes) == 1:
            best[side.name] = side.batch_sizes[0]
        elif side.name in batch_sizes:
            best[side.name] = batch_sizes[side.name]
        else:
            tried = await _sweep(stack, side, calls, log)
            best[side.name] = max(tried, key=tried.__getitem__)
            swept[side.name] = {str(size): rate for size, rate in tried.items()}
    runs: dict[str, list[Run]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides:
            run = await measure(stack, side, side.share_of(calls), best[side.name])
            runs[side.name].append(run)
            log(
                f"round {number + 1}: {side.name}: {run.rate:.0f} calls/s, "
                f"{run.cpu_per_call:.0f} us of processor a call"
            )
    first = sides[0].name
    return {
        "calls": calls,
        "rounds": rounds,
        "sweep": swept,
        "sides": {
            name: {
                "batch_size": best[name],
                "calls_per_second": series([run.rate for run in found]),
                "cpu_us_per_call": series([run.cpu_per_call for run in found]),
                # Of each round by itself: what slowed the machine then, slowed both.
                f"ratio_to_{first}": series(
                    [run.rate / other.rate for run, other in zip(found, runs[first], strict=True)]
                ),
            }
            for name, found in runs.items()
        },
    }
