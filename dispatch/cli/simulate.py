"""`dispatch simulate`: days that were not, under the real rules."""

import sys
from dataclasses import asdict

import click
import orjson
from rich.box import SIMPLE_HEAD
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dispatch.cli import localised
from dispatch.cli.console import PlainConsole
from dispatch.language import text
from dispatch.shown import json_of, shown
from dispatch.simulation.istanbul import REGIMES, Demand, Figures2020, Regime, read_inputs
from dispatch.simulation.regimes import Outcome, compare
from dispatch.wording import ABSENT, percent, said

_COLUMNS = ("turnaround", "dispatchable", "queued", "response", "cases")


@localised.group("simulate")
def command() -> None:
    """Hold what can be simulated."""


@command.command("regimes", help="simulate.regimes")
@localised.option(
    "--days",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="N",
    help="simulate.days",
)
@localised.option(
    "--seed", type=int, default=1, show_default=True, metavar="N", help="simulate.seed"
)
@localised.option("--json", "as_json", is_flag=True, help="simulate.json")
def regimes(*, days: int, seed: int, as_json: bool) -> int:
    """Compare Istanbul's two ways of disinfecting; return 1 when an invariant was violated."""
    inputs = read_inputs()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=PlainConsole(stderr=True)) as progress:
        total = len(REGIMES) * len(REGIMES) * days
        task = progress.add_task(text("simulate.progress"), total=total)
        outcomes = compare(inputs, seed=seed, days=days, progress=lambda: progress.advance(task))
    observed = {regime: inputs.regimes[regime].observed for regime in REGIMES}
    if as_json:
        content = {
            "seed": seed,
            "outcomes": [outcome.as_dict() for outcome in outcomes],
            "observed": {name: figures.model_dump() for name, figures in observed.items()},
        }
        sys.stdout.buffer.write(json_of(content, option=orjson.OPT_APPEND_NEWLINE))
    else:
        _show(outcomes, observed, seed)
    return 1 if any(outcome.violations for outcome in outcomes) else 0


def _show(outcomes: list[Outcome], observed: dict[Regime, Figures2020], seed: int) -> None:
    console = PlainConsole()
    console.print(text("simulate.title", days=outcomes[0].days, seed=seed))
    for whose in REGIMES:
        demand = Demand(observed[whose].cases, observed[whose].covid_cases)
        table = Table(title=text("simulate.demand", **asdict(demand)), box=SIMPLE_HEAD)
        table.add_column(text("simulate.regime"))
        for name in _COLUMNS:
            table.add_column(text(f"simulate.{name}"), justify="right", no_wrap=True)
        for outcome in outcomes:
            if outcome.demand == demand:
                table.add_row(text(f"simulate.{outcome.regime}"), *_simulated(outcome))
        table.add_row(text("simulate.observed"), *_observed(observed[whose]), style="dim")
        console.print(table)
    violations = [sentence for outcome in outcomes for sentence in outcome.violations]
    if violations:
        console.print(text("replay.violated", number=len(violations)))
        for sentence in violations:
            console.print(f"  {shown(said(sentence))}")
    else:
        console.print(text("replay.holds"))
    console.print(text("simulate.caveat"))


def _simulated(outcome: Outcome) -> tuple[str, ...]:
    least, most = outcome.turnaround_least, outcome.turnaround_most
    return (
        _turnaround(outcome.turnaround, least, most),
        percent(outcome.dispatchable),
        percent(outcome.queued),
        f"{outcome.response_p50:.1f} / {outcome.response_p90:.1f}",
        f"{outcome.cases:.1f} ({outcome.covid_cases:.1f})",
    )


def _observed(figures: Figures2020) -> tuple[str, ...]:
    turnaround = _turnaround(*figures.turnaround)
    return turnaround, *(ABSENT,) * 3, f"{figures.cases:.1f} ({figures.covid_cases:.1f})"


def _turnaround(mean: float, least: float, most: float) -> str:
    return f"{mean:.1f} ({least:.1f}{ABSENT}{most:.1f})"
