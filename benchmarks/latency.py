"""Latency: from the moment at which a call should be published until a console has its order.

Calls come as a Poisson stream from a process of their own; another is the console, and plays the
crews, who end their runs at once, so that units are free as long as the service keeps up. A call
that has no order when the time is over counts as endless.
"""

import asyncio
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from signal import SIGKILL
from typing import Any, Final

import orjson

from benchmarks.arrivals import WARM_UP, WARM_UP_RATE, arrivals
from benchmarks.bed import LOOK_AGAIN, Bed, open_bed
from benchmarks.figures import latencies
from benchmarks.sides.side import OURS, running
from dispatch.errors import StackError
from dispatch.stack.embedded import Stack
from dispatch.stack.process import Process

LEAD: Final = 2.0  # seconds for the generator to start
STARTING: Final = 5.0  # seconds that processes may need to start and to end
DRAIN: Final = 10.0  # seconds after the last call until it is given up
BATCH_SIZE: Final = 500
FEWEST: Final = 5  # calls of a case; the slowest stream lasts as long as they take

Log = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Case:
    """A stream of calls: `rate` in calls a second, `run_seconds` how long a unit stays out."""

    rate: float
    units: int
    run_seconds: float = 0.0

    @property
    def contended(self) -> bool:
        """Whether more calls come than the units can serve, however quick the service is."""
        return self.rate * self.run_seconds > self.units


CASES: Final = (
    *(Case(rate, 50) for rate in (1, 10, 100, 1_000)),
    *(Case(rate, units) for units in (5, 500) for rate in (1, 10, 100, 1_000)),
    # Twice the calls that the fleet can take.
    Case(100, 50, run_seconds=1.0),
)


async def measure(stack: Stack, case: Case, *, seconds: float, seed: int) -> dict[str, Any]:
    """Let calls come for so many seconds; return the latencies.

    Raises StackError when the worker or one of the processes beside it fails.
    """
    async with open_bed(stack, units=case.units) as bed:
        return await measure_on(bed, case, seconds=seconds, seed=seed)


async def measure_on(bed: Bed, case: Case, *, seconds: float, seed: int) -> dict[str, Any]:
    """Do the same on a bed on which nobody has called yet."""
    calls = max(FEWEST, round(case.rate * seconds))
    # A contended fleet never serves them all.
    drain = 0.0 if case.contended else DRAIN
    limit = LEAD + WARM_UP / WARM_UP_RATE + calls / case.rate + STARTING + drain
    async with running(OURS, bed, BATCH_SIZE) as worker:
        console, ready, seen = _console(bed, calls + WARM_UP, case.run_seconds, limit)
        try:
            while not ready.exists():
                if not console.running:
                    raise console.failure()
                await asyncio.sleep(LOOK_AGAIN)
            begin, late = await _generate(bed, calls, case.rate, seed)
            if not await console.ended(limit) or not worker.processes[0].running:
                raise StackError(f"the console or the worker has failed; see {bed.folder}")
            found = orjson.loads(seen.read_bytes())
        finally:
            console.kill()
    due = [begin + at for at in arrivals(calls, case.rate, seed)[WARM_UP:]]
    return asdict(case) | {
        "calls": calls,
        "generator_late_ms": 1_000 * late,
        "decided_ms": _latencies(due, found["decided"]),
        "ordered_ms": _latencies(due, found["ordered"]),
    }


def _console(bed: Bed, calls: int, run_seconds: float, limit: float) -> tuple[Process, Path, Path]:
    """Start the console; return it, the file that says it listens, and that of what it saw."""
    ready, seen = bed.folder / "console.ready", bed.folder / "seen.json"
    process = _start(
        bed,
        "console",
        *("--calls", calls, "--run-seconds", run_seconds, "--limit", limit),
        *("--ready", ready, "--seen", seen),
    )
    return process, ready, seen


async def _generate(bed: Bed, calls: int, rate: float, seed: int) -> tuple[float, float]:
    """Let calls come; return when they began, and by how many seconds the latest was late."""
    begin = time.monotonic() + LEAD
    process = _start(
        bed,
        "generator",
        *("--calls", calls, "--rate", rate, "--seed", seed, "--begin", begin),
    )
    await process.succeed(LEAD + WARM_UP / WARM_UP_RATE + STARTING + DRAIN + 2 * calls / rate)
    said = (bed.folder / "generator.log").read_text(encoding="utf-8").split()
    return begin, float(said[-1])


def _start(bed: Bed, module: str, *arguments: object) -> Process:
    return Process(
        [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)],
        log=bed.folder / f"{module}.log",
        orphaned=SIGKILL,
        environment=bed.environment(BATCH_SIZE),
    )


def _latencies(due: Sequence[float], seen: dict[str, float]) -> dict[str, Any]:
    taken = [seen.get(f"c{number}", math.inf) - at for number, at in enumerate(due, start=WARM_UP)]
    never = sum(math.isinf(each) for each in taken)
    return latencies(taken) | {"never": never}


async def measure_all(
    stack: Stack, *, cases: Sequence[Case], seconds: float, log: Log
) -> list[dict[str, Any]]:
    """Measure every case, one after the other."""
    found = []
    for seed, case in enumerate(cases, start=1):
        measured = await measure(stack, case, seconds=seconds, seed=seed)
        ordered = measured["ordered_ms"]
        log(
            f"{case.rate:g} calls/s, {case.units} units, out for {case.run_seconds:g} s: "
            f"order p50 {_whole(ordered['p50'])}, p99 {_whole(ordered['p99'])}, "
            f"never {ordered['never']}"
        )
        found.append(measured)
    return found


def _whole(milliseconds: float | None) -> str:
    return "endless" if milliseconds is None else f"{milliseconds:.0f} ms"
