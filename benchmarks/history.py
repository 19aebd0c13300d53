"""History: what a past of a million calls costs, compared with one of ten thousand.

Two databases differ in nothing but their past; the service takes turns on them. A ratio near 1 says
that the present does not pay for the past: indexes grow by the logarithm, so ten times more rows
cost what the step between the two sizes cost, divided by the number of tenfolds in it.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from benchmarks.arrivals import WARM_UP as LATENCY_WARM_UP
from benchmarks.bed import Bed, open_bed
from benchmarks.durable_orders import WARM_UP, Run, measure_on
from benchmarks.figures import series
from benchmarks.latency import Case
from benchmarks.latency import measure_on as measure_latency
from benchmarks.past import live_through
from benchmarks.sides.side import OURS
from dispatch.stack.embedded import Stack

PASTS: Final = (10_000, 1_000_000)
RATE: Final = 50.0  # calls a second while latency is measured

Log = Callable[[str], object]


async def compare(
    stack: Stack,
    *,
    pasts: Sequence[int],
    calls: int,
    rounds: int,
    seconds: float,
    batch_size: int,
    log: Log,
) -> dict[str, Any]:
    """Measure latency and durable orders after each past; return the figures."""
    latency_calls = round(RATE * seconds)
    units = LATENCY_WARM_UP + latency_calls + rounds * (WARM_UP + calls)
    async with AsyncExitStack() as exits:
        beds: dict[int, Bed] = {}
        rows: dict[int, dict[str, int]] = {}
        for past in pasts:
            beds[past] = await exits.enter_async_context(open_bed(stack, units=units))
            rows[past] = await live_through(beds[past], past)
            log(f"{past} past calls: {sum(rows[past].values())} rows each")
        # On beds that have seen no call yet, as the crews of this bench read from the beginning.
        case = Case(RATE, units)
        latencies = {
            past: await measure_latency(bed, case, seconds=seconds, seed=1)
            for past, bed in beds.items()
        }
        runs: dict[int, list[Run]] = {past: [] for past in pasts}
        for number in range(rounds):
            first = LATENCY_WARM_UP + latency_calls + number * (WARM_UP + calls)
            for past, bed in beds.items():
                run = await measure_on(bed, OURS, calls, batch_size, first=first)
                runs[past].append(run)
                log(f"round {number + 1}: after {past} past calls: {run.rate:.0f} calls/s")
        sizes = {past: await _size(bed) for past, bed in beds.items()}
    least = min(pasts)
    return {
        "calls": calls,
        "rounds": rounds,
        "pasts": {
            str(past): {
                "rows_a_call": rows[past],
                "database_mebibytes": sizes[past],
                "calls_per_second": series([run.rate for run in found]),
                "ratio_to_least": series(
                    [run.rate / one.rate for run, one in zip(found, runs[least], strict=True)]
                ),
                "latency": latencies[past],
            }
            for past, found in runs.items()
        },
    }


async def _size(bed: Bed) -> float:
    size: int = await bed.database.fetchval("SELECT pg_database_size(current_database())")
    return size / 2**20
