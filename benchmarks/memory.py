"""Memory: what a process holds while a million calls go through its desk.

Without a broker, whose embedded kind would have to keep all their events in memory. Each call is
called off by its console, so that nothing but a leak makes the process grow.
"""

import gc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from benchmarks.bed import open_bed
from benchmarks.caller import headers_of
from benchmarks.city import called_off, ordinary_call
from benchmarks.sides.side import own_rss_mebibytes
from dispatch.agents.worker import GC_THRESHOLDS
from dispatch.stack.embedded import Stack
from dispatch.topics.envelope import Record

if TYPE_CHECKING:
    from dispatch.topics.calls import Call, CallCancelled

UNITS: Final = 500
PORTION: Final = 250  # calls of a batch, each with its cancellation
PARTS: Final = 10  # of the whole, of each of which the greatest is told

Log = Callable[[str], object]


async def measure(stack: Stack, *, calls: int, log: Log) -> dict[str, Any]:
    """Let so many calls go through a desk in this process; return what it held.

    Raises StackError when not all of them are over then.
    """
    greatest = [0.0] * PARTS
    async with open_bed(stack, units=UNITS) as bed:
        async with bed.desk() as desk:
            # As a worker does.
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLDS)
            for first in range(0, calls, PORTION):
                numbers = range(first, min(first + PORTION, calls))
                await desk.published(await desk.take(list(_records(numbers, bed.prefix))))
                part = first * PARTS // calls
                greatest[part] = max(greatest[part], own_rss_mebibytes())
                if numbers.stop * PARTS // calls > part:
                    log(f"after {numbers.stop:,} calls: {greatest[part]:.0f} MiB at most")
        await bed.all_over(calls)
    return {"calls": calls, "greatest_of_each_part_mebibytes": greatest}


def _records(numbers: range, prefix: str) -> Iterator[Record]:
    now = datetime.now(UTC)
    for number in numbers:
        said: tuple[Call | CallCancelled, ...] = ordinary_call(number, now), called_off(number, now)
        for offset, event in enumerate(said):
            yield Record(
                topic=f"{prefix}calls",
                partition=0,
                offset=2 * number + offset,
                timestamp_ms=round(now.timestamp() * 1_000),
                key=event.call_id.encode(),
                value=event.model_dump_json().encode(),
                headers=tuple(headers_of(event, now)),
            )
