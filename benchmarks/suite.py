"""Every bench by its name, and which of them `make bench` runs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from benchmarks import (
    allocation,
    catch_up,
    decision,
    durable_orders,
    history,
    latency,
    memory,
    outputs,
    scale_out,
)
from benchmarks.sides.side import OURS, Side
from dispatch.stack.embedded import Stack

Log = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of the benches; where a bench has its own usual size, None asks for that."""

    sides: tuple[Side, ...]
    calls: int | None
    rounds: int
    seconds: float
    batch_sizes: Mapping[str, int]
    pasts: tuple[int, ...]

    @property
    def batch_size(self) -> int:
        """The batch size of the service."""
        return self.batch_sizes.get(OURS.name, OURS.usual_batch_size)


async def _outputs(stack: Stack, wanted: Wanted, log: Log) -> dict[str, Any]:
    calls = wanted.calls or 30
    return await outputs.compare(stack, wanted.sides, calls=calls, log=log)


async def _durable_orders(stack: Stack, wanted: Wanted, log: Log) -> dict[str, Any]:
    return await durable_orders.compare(
        stack,
        wanted.sides,
        calls=wanted.calls or 2_000,
        rounds=wanted.rounds,
        batch_sizes=wanted.batch_sizes,
        log=log,
    )


async def _latency(stack: Stack, wanted: Wanted, log: Log) -> list[dict[str, Any]]:
    return await latency.measure_all(stack, cases=latency.CASES, seconds=wanted.seconds, log=log)


async def _scale_out(stack: Stack, wanted: Wanted, log: Log) -> dict[str, Any]:
    return await scale_out.compare(
        stack,
        workers=scale_out.WORKERS,
        calls=wanted.calls or 1_000,
        rounds=wanted.rounds,
        batch_size=wanted.batch_size,
        log=log,
    )


async def _history(stack: Stack, wanted: Wanted, log: Log) -> dict[str, Any]:
    return await history.compare(
        stack,
        pasts=wanted.pasts or history.PASTS,
        calls=wanted.calls or 1_000,
        rounds=wanted.rounds,
        seconds=wanted.seconds,
        batch_size=wanted.batch_size,
        log=log,
    )


async def _decision(_: Stack, __: Wanted, log: Log) -> dict[str, Any]:
    found = await asyncio.to_thread(decision.measure)
    log(f"{found.per_second:,.0f} decisions/s")
    return asdict(found)


async def _allocation(_: Stack, __: Wanted, log: Log) -> dict[str, Any]:
    found = await asyncio.to_thread(allocation.measure)
    for choices in found.choices:
        log(f"{choices.units:,} units: {choices.median_ns / 1_000:,.1f} us a choice")
    return asdict(found)


async def _catch_up(stack: Stack, wanted: Wanted, log: Log) -> dict[str, Any]:
    return await catch_up.measure(stack, calls=wanted.calls or 100_000, log=log)


async def _memory(stack: Stack, wanted: Wanted, log: Log) -> dict[str, Any]:
    return await memory.measure(stack, calls=wanted.calls or 1_000_000, log=log)


BENCHES: Final[Mapping[str, Callable[[Stack, Wanted, Log], Awaitable[Any]]]] = {
    "outputs": _outputs,
    "durable-orders": _durable_orders,
    "latency": _latency,
    "scale-out": _scale_out,
    "decision": _decision,
    "allocation": _allocation,
    "history": _history,
    "catch-up": _catch_up,
    "memory": _memory,
}
# Those that together take less than ten minutes.
DEFAULT: Final = ("outputs", "durable-orders", "latency", "scale-out", "decision", "allocation")
