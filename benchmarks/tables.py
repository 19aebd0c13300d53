"""The results as tables: for the terminal, and for the documentation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.figures import as_range

WIDTH: Final = 120  # of what goes to a file


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


def _outputs(found: Mapping[str, Any]) -> list[Sheet]:
    return [
        Sheet(
            "The same of the same calls",
            ("sides", "calls", "events"),
            ((", ".join(found["sides"]), str(found["calls"]), str(found["events"])),),
        )
    ]


def _latency(found: Sequence[Mapping[str, Any]]) -> list[Sheet]:
    return [
        Sheet(
            f"Latency: call due to {what} consumed, ms",
            (
                "calls/s",
                "units",
                "out, s",
                "calls",
                "p50",
                "p95",
                "p99",
                "max",
                "never",
                "generator",
            ),
            tuple(
                (
                    f"{case['rate']:g}",
                    str(case["units"]),
                    f"{case['run_seconds']:g}",
                    f"{case['calls']:,}",
                    *(_milliseconds(case[name][each]) for each in ("p50", "p95", "p99", "max")),
                    str(case[name]["never"]),
                    f"{case['generator_late_ms']:,.1f}",
                )
                for case in found
            ),
        )
        for what, name in (("order", "ordered_ms"), ("decision", "decided_ms"))
    ]


def _scale_out(found: Mapping[str, Any]) -> list[Sheet]:
    return [
        Sheet(
            f"Scale-out: {found['calls']:,} calls a run, {found['rounds']} rounds",
            ("workers", "calls/s", "of one", "processor, us/call"),
            tuple(
                (
                    count,
                    as_range(figures["calls_per_second"]),
                    as_range(figures["ratio_to_1"], 2),
                    as_range(figures["cpu_us_per_call"]),
                )
                for count, figures in found["workers"].items()
            ),
        )
    ]


def _history(found: Mapping[str, Any]) -> list[Sheet]:
    return [
        Sheet(
            f"History: {found['calls']:,} calls a run, {found['rounds']} rounds",
            ("past calls", "MiB", "calls/s", "of the least", "p50, ms", "p99, ms"),
            tuple(
                (
                    f"{int(past):,}",
                    f"{figures['database_mebibytes']:,.0f}",
                    as_range(figures["calls_per_second"]),
                    as_range(figures["ratio_to_least"], 2),
                    *(
                        _milliseconds(figures["latency"]["ordered_ms"][each])
                        for each in ("p50", "p99")
                    ),
                )
                for past, figures in found["pasts"].items()
            ),
        )
    ]


def _catch_up(found: Mapping[str, Any]) -> list[Sheet]:
    memory = found["rss_mebibytes"]
    return [
        Sheet(
            "Catch-up: calls that were called off while no worker ran",
            ("calls", "inputs/s", "seconds", "MiB at most, first half", "at most", "at the end"),
            (
                (
                    f"{found['calls']:,}",
                    f"{found['inputs_per_second']:,.0f}",
                    f"{found['seconds']:,.0f}",
                    f"{memory['greatest_in_first_half']:,.0f}",
                    f"{memory['greatest']:,.0f}",
                    f"{memory['last']:,.0f}",
                ),
            ),
        )
    ]


def _memory(found: Mapping[str, Any]) -> list[Sheet]:
    parts = found["greatest_of_each_part_mebibytes"]
    return [
        Sheet(
            f"Memory: {found['calls']:,} calls, each called off; MiB at most in each tenth of them",
            tuple(f"{number}." for number in range(1, len(parts) + 1)),
            (tuple(f"{part:,.0f}" for part in parts),),
        )
    ]


def _decision(found: Mapping[str, Any]) -> list[Sheet]:
    return [
        Sheet(
            f"Decisions alone, on one core: {found['decisions']:,} with the pack {found['pack']}",
            ("decisions/s", "with JSON", "MiB a million"),
            (
                (
                    f"{found['per_second']:,.0f}",
                    f"{found['per_second_with_json']:,.0f}",
                    f"{found['bytes_per_million'] / 2**20:,.0f}",
                ),
            ),
        )
    ]


def _allocation(found: Mapping[str, Any]) -> list[Sheet]:
    grown = (None, *found["ratios"])
    return [
        Sheet(
            f"Choice of the nearest suitable unit: grows as n^{found['exponent']:.2f}",
            ("units", "us a choice", "of the size before", "units looked at"),
            tuple(
                (
                    f"{choices['units']:,}",
                    f"{choices['median_ns'] / 1_000:,.1f}",
                    "" if ratio is None else f"{ratio:.2f}",
                    f"{choices['units_looked_at']:,.1f}",
                )
                for choices, ratio in zip(found["choices"], grown, strict=True)
            ),
        )
    ]


def _milliseconds(value: float | None) -> str:
    return "endless" if value is None else f"{value:,.1f}"


SHEETS: Final[Mapping[str, Callable[[Any], list[Sheet]]]] = {
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


def show(results: Mapping[str, Any]) -> None:
    """Print the tables of all results."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    for sheet in _sheets(results):
        table = Table(box=SIMPLE_HEAD)
        for number, head in enumerate(sheet.heads):
            table.add_column(head, justify="left" if number == 0 else "right")
        for row in sheet.rows:
            table.add_row(*row)
        console.print(sheet.title, highlight=False)
        console.print(table)


def as_markdown(results: Mapping[str, Any]) -> str:
    """Return the tables of all results for the documentation."""
    parts = []
    if (machine := results.get("machine")) is not None:
        parts.append(
            f"{machine['cores']} cores, Python {machine['python']}, broker: {machine['broker']}.\n"
        )
    for sheet in _sheets(results):
        ruler = ("---", *("---:" for _ in sheet.heads[1:]))
        lines = ["| " + " | ".join(row) + " |" for row in (sheet.heads, ruler, *sheet.rows)]
        parts.append("\n".join((f"{sheet.title}:", "", *lines, "")))
    return "\n".join(parts)


def _sheets(results: Mapping[str, Any]) -> list[Sheet]:
    return [
        sheet for name, make in SHEETS.items() if name in results for sheet in make(results[name])
    ]
