"""Scale-out: what two and four workers do, compared with one; they take turns."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks.durable_orders import Run, measure
from benchmarks.figures import series
from benchmarks.sides.side import OURS
from dispatch.stack.embedded import Stack

WORKERS: Final = (1, 2, 4)

Log = Callable[[str], object]


async def compare(
    stack: Stack, *, workers: Sequence[int], calls: int, rounds: int, batch_size: int, log: Log
) -> dict[str, Any]:
    """Let so many workers take turns at the same backlog; return the figures."""
    runs: dict[int, list[Run]] = {number: [] for number in workers}
    for number in range(rounds):
        for count in workers:
            run = await measure(stack, OURS, calls, batch_size, workers=count)
            runs[count].append(run)
            log(f"round {number + 1}: {count} workers: {run.rate:.0f} calls/s")
    return {
        "calls": calls,
        "rounds": rounds,
        "workers": {
            str(count): {
                "calls_per_second": series([run.rate for run in found]),
                "cpu_us_per_call": series([run.cpu_per_call for run in found]),
                "ratio_to_1": series(
                    [run.rate / one.rate for run, one in zip(found, runs[1], strict=True)]
                ),
            }
            for count, found in runs.items()
        },
    }
