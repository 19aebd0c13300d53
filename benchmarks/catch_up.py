"""Catch-up: a backlog that came while no worker ran, and the memory of the worker that takes it.

Each call was called off by its console, which has sent somebody by other means; so units stay
free, and nothing but a leak makes the worker grow.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from benchmarks.bed import Bed, open_bed
from benchmarks.caller import publish_event
from benchmarks.city import called_off, ordinary_call
from benchmarks.sides.side import OURS, Running, running
from dispatch.stack.embedded import Stack

UNITS: Final = 500
BATCH_SIZE: Final = 500
PORTION: Final = 2_000  # calls published at once
SLOWEST: Final = 20.0  # inputs a second below which it is given up
SPARE: Final = 60.0  # seconds
SAMPLE: Final = 0.5  # seconds between two looks at the memory

Log = Callable[[str], object]


async def measure(stack: Stack, *, calls: int, log: Log) -> dict[str, Any]:
    """Let a worker deal with so many calls that are called off; return time and memory.

    Raises StackError when it ends, or never gets through.
    """
    inputs = 2 * calls
    async with open_bed(stack, units=UNITS) as bed:
        await _publish(bed, calls)
        log(f"{calls} calls and as many cancellations wait")
        memory: list[float] = []
        began = time.perf_counter()
        async with running(OURS, bed, BATCH_SIZE) as worker:
            sampling = asyncio.create_task(_sample(worker, memory, log))
            try:
                await bed.settled(inputs, SPARE + inputs / SLOWEST, worker.processes)
            finally:
                sampling.cancel()
            seconds = time.perf_counter() - began
            await bed.committed(inputs)
        await bed.all_over(calls)
    half = len(memory) // 2
    return {
        "calls": calls,
        "seconds": seconds,
        "calls_per_second": calls / seconds,
        "inputs_per_second": inputs / seconds,
        "rss_mebibytes": {
            "first": memory[0],
            "greatest_in_first_half": max(memory[: half + 1]),
            "greatest": max(memory),
            "last": memory[-1],
        },
    }


async def _publish(bed: Bed, calls: int) -> None:
    for first in range(0, calls, PORTION):
        now = datetime.now(UTC)
        sent = [
            await publish_event(bed.producer, bed.prefix, event, now)
            for number in range(first, min(first + PORTION, calls))
            for event in (ordinary_call(number, now), called_off(number, now))
        ]
        await asyncio.gather(*sent)


async def _sample(worker: Running, memory: list[float], log: Log) -> None:
    said = time.monotonic()
    while True:
        memory.append(worker.rss_mebibytes())
        if time.monotonic() - said > 20:  # noqa: PLR2004 - seconds between two lines
            said = time.monotonic()
            log(f"the worker holds {memory[-1]:.0f} MiB")
        await asyncio.sleep(SAMPLE)
