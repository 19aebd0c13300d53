"""The results as tables: for the terminal, and for the documentation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.box import MARKDOWN, SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.figures import as_range


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: its title, the heads of its columns and its rows."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def _durable_orders(found: Mapping[str, Any]) -> list[Sheet]:
    sides = found["sides"]
    first = next(iter(sides))
    return [
        Sheet(
            f"Durable orders: {found['calls']:,} calls a run, {found['rounds']} rounds",
            ("side", "batch", "calls/s", f"of {first}", "processor, us/call"),
            tuple(
                (
                    name,
                    str(side["batch_size"]),
                    as_range(side["calls_per_second"]),
                    as_range(side[f"ratio_to_{first}"], 2),
                    as_range(side["cpu_us_per_call"]),
                )
                for name, side in sides.items()
            ),
        )
    ]


def _latency(found: Sequence[Mapping[str, Any]]) -> list[Sheet]:
    return [
        Sheet(
            f"Latency: call due to {what} consumed, ms",
            ("calls/s", "units", "out, s", "calls", "p50", "p95", "p99", "max", "never"),
            tuple(
                (
                    f"{case['rate']:g}",
                    str(case["units"]),
                    f"{case['run_seconds']:g}",
                    f"{case['calls']:,}",
                    *(_milliseconds(case[name][each]) for each in ("p50", "p95", "p99", "max")),
                    str(case[name]["never"]),
                )
                for case in found
            ),
        )
        for what, name in (("order", "ordered_ms"), ("decision", "decided_ms"))
    ]


def _milliseconds(value: float | None) -> str:
    return "endless" if value is None else f"{value:,.1f}"


SHEETS: Final[Mapping[str, Callable[[Any], list[Sheet]]]] = {
    "durable-orders": _durable_orders,
    "latency": _latency,
}


def show(results: Mapping[str, Any], *, markdown: bool = False) -> None:
    """Print the tables of all results."""
    console = Console()
    for name, sheets in SHEETS.items():
        for sheet in sheets(results[name]) if name in results else ():
            table = Table(
                title=None if markdown else sheet.title,
                box=MARKDOWN if markdown else SIMPLE_HEAD,
            )
            for number, head in enumerate(sheet.heads):
                table.add_column(head, justify="left" if number == 0 else "right")
            for row in sheet.rows:
                table.add_row(*row)
            if markdown:
                console.print(f"{sheet.title}\n", highlight=False)
            console.print(table)
