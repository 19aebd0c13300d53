"""`dispatch replay`: a recorded day through the real service."""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import click
import orjson
import uvloop
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dispatch import wording
from dispatch.cli import localised
from dispatch.cli.city_plan import names_of
from dispatch.cli.console import PlainConsole, cell
from dispatch.errors import ConfigurationError
from dispatch.language import text
from dispatch.policy.pack import load_pack
from dispatch.shown import json_of, shown
from dispatch.simulation.recorded import read_jsonl
from dispatch.simulation.replay import replay
from dispatch.simulation.report import Compared, Report, Spread
from dispatch.simulation.sfgov import plan_of, read_calls, read_rows, recorded_calls
from dispatch.store.plan import read_plan
from dispatch.wording import duration, in_words, minutes, said

HOSPITALS_FILE = "sf_hospitals.csv"

_PATH = click.Path(dir_okay=False, path_type=Path)


@localised.command("replay")
@click.argument("file", metavar="FILE", type=_PATH)
@localised.option(
    "--format",
    "file_format",
    type=click.Choice(["jsonl", "sfgov"]),
    default="jsonl",
    show_default=True,
    help="replay.format",
)
@localised.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="replay.speed",
)
@localised.option("--fleet", type=_PATH, metavar="FILE", help="replay.fleet")
@localised.option("--hospitals", type=_PATH, metavar="FILE", help="replay.hospitals")
@localised.option("--seed", type=int, default=1, show_default=True, metavar="N", help="replay.seed")
@localised.option(
    "--policy", default="covid-19", show_default=True, metavar="PACK", help="decide.policy"
)
@localised.option("--json", "as_json", is_flag=True, help="replay.json")
def command(
    *,
    file: Path,
    file_format: str,
    speed: float,
    fleet: Path | None,
    hospitals: Path | None,
    seed: int,
    policy: str,
    as_json: bool,
) -> int:
    """Replay a recorded day and print what happened; return 1 when an invariant was violated."""
    if file_format == "jsonl":
        if fleet is None:
            raise click.UsageError(text("replay.no_fleet"))
        calls, plan = read_jsonl(file), read_plan(fleet)
    else:
        rows = read_calls(file)
        calls = recorded_calls(file, rows, seed=seed)
        if fleet is not None:
            plan = read_plan(fleet)
        else:
            beside = hospitals or file.with_name(HOSPITALS_FILE)
            found = read_rows(beside, ("name", "latitude", "longitude"))
            plan = plan_of(rows, found, load_pack(policy))
    wording.know(names_of(plan))
    if not calls:
        raise ConfigurationError(text("replay.no_calls", file=file))
    with tempfile.TemporaryDirectory(prefix="dispatch-replay-") as directory:
        # As root, PostgreSQL runs as an account of its own, which must pass through.
        Path(directory).chmod(0o711)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            work = partial(
                replay,
                calls,
                plan,
                data_dir=Path(directory),
                seed=seed,
                speed=speed,
                policy=policy,
            )
            report = runner.run(_shown(work, len(calls)))
    if as_json:
        sys.stdout.buffer.write(json_of(report.as_dict(), option=orjson.OPT_APPEND_NEWLINE))
    else:
        _show(report, seed)
    return 1 if report.violations else 0


async def _shown(work: Callable[..., Awaitable[Report]], calls: int) -> Report:
    """Replay with a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=PlainConsole(stderr=True)) as progress:
        task = progress.add_task(text("replay.progress"), total=calls)
        return await work(progress=lambda done: progress.update(task, completed=done))


def _show(report: Report, seed: int) -> None:
    console = PlainConsole()
    figures = Table(title=text("replay.title", seed=seed), show_header=False)
    for name in (
        *("calls", "linked", "cancelled", "asked", "timed_out", "orders", "swaps"),
        *("handovers_announced", "handovers_closed", "disinfections", "rejected_inputs"),
        *("inputs", "events", "open_incidents", "double_booked", "lost"),
    ):
        figures.add_row(text(f"replay.{name}"), str(getattr(report, name)))
    for name, milliseconds in report.call_to_order.items():
        figures.add_row(text("replay.call_to_order", name=name), f"{milliseconds:.1f}")
    took = f"{duration(report.scenario_seconds)} / {duration(report.wall_seconds)}"
    figures.add_row(text("replay.took"), took)
    console.print(figures)
    for title, counted in (
        ("replay.by_rule", report.by_rule),
        ("replay.releases", report.releases),
        ("replay.escalations", report.escalations),
    ):
        table = Table(title=text(title), show_header=False)
        for name, number in counted.items():
            table.add_row(cell(in_words(name)), str(number))
        console.print(table)
    console.print(_waits(report.waits))
    if report.violations:
        console.print(text("replay.violated", number=len(report.violations)))
        for sentence in report.violations:
            console.print(f"  {shown(said(sentence))}")
    else:
        console.print(text("replay.holds"))


def _waits(waits: dict[str, Compared]) -> Table:
    table = Table(title=text("replay.waits"))
    for heading in ("wait", "calls_compared", "replayed", "recorded"):
        table.add_column(
            text(f"replay.{heading}"), justify="left" if heading == "wait" else "right"
        )
    for name, compared in waits.items():
        count = compared.replayed.count if compared.replayed else 0
        table.add_row(
            text(f"replay.{name}"),
            str(count),
            _spread(compared.replayed),
            _spread(compared.recorded),
        )
    return table


def _spread(spread: Spread | None) -> str:
    return "-" if spread is None else f"{minutes(spread.median)} / {minutes(spread.p90)}"
