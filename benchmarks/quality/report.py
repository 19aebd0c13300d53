"""What the study found, as tables for the terminal and as JSON."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.quality.responses import DAYS
from benchmarks.quality.study import NEAREST, RECORDED, SETTINGS, Study
from benchmarks.quality.travel import TravelModel


def as_dict(study: Study) -> dict[str, Any]:
    """Return what was found, without the single waits, as what its JSON holds."""
    return {
        "days": study.days,
        "seed": study.seed,
        "calls": study.calls,
        "compared": study.compared,
        "left_out": study.left_out,
        "crews": study.crews,
        "travel": {
            name: {"urgent": asdict(model.urgent), "ordinary": asdict(model.ordinary)}
            for name, model in study.lines.items()
        },
        "slope_ranges": study.slopes,
        "travel_errors": {name: asdict(errors) for name, errors in study.errors.items()},
        "responses": {
            name: {days: asdict(figures) for days, figures in by_days.items()}
            for name, by_days in study.figures.items()
        },
        "counts": study.counts,
        "bound_even": study.bound,
        "tried_odd": {name: asdict(tried) for name, tried in study.tried.items()},
        "chosen": study.chosen,
        "tested_even": [asdict(tested) for tested in study.tested],
    }


def show(study: Study, console: Console) -> None:
    """Print the tables."""
    console.print(_travel(study))
    console.print(_responses(study))
    console.print(_counts(study))
    console.print(_tried(study))
    console.print(_tested(study))


def _table(title: str, heads: Iterable[str]) -> Table:
    table = Table(title=title)
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left")
    return table


def _travel(study: Study) -> Table:
    legs = next(iter(study.errors.values())).legs
    table = _table(
        f"Travel, fitted on the odd days, tested on {legs} ways of the even days",
        ("model", "urgent, s", "ordinary, s", "MAE, s", "bias, s", "R2"),
    )
    for name, errors in study.errors.items():
        model = study.lines.get(name)
        table.add_row(
            name,
            "" if model is None else _line(model, urgent=True),
            "" if model is None else _line(model, urgent=False),
            f"{errors.mae:.0f}",
            f"{errors.bias:+.0f}",
            f"{errors.r2:.2f}",
        )
    return table


def _line(model: TravelModel, *, urgent: bool) -> str:
    line = model.urgent if urgent else model.ordinary
    return f"{line.intercept:.0f} + {line.slope:.0f}/km"


def _responses(study: Study) -> Table:
    table = _table(
        f"Responses in seconds, mean / p90: {study.calls} calls, {study.days} days, "
        f"seed {study.seed}",
        ("", *(f"{days}: call to scene" for days in DAYS), "even: order to scene", "even: grave"),
    )
    for name in (RECORDED, *SETTINGS, NEAREST):
        by_days = study.figures[name]
        even = by_days["even"]
        table.add_row(
            name,
            *(_spread(by_days[days].from_call) for days in DAYS),
            _spread(even.from_order),
            _spread(even.grave),
        )
    table.add_row("bound, clairvoyant", "", f"{study.bound:.0f} / -", "", "")
    return table


def _spread(spread: Any) -> str:
    return f"{spread.mean:.0f} / {spread.p90:.0f}"


def _counts(study: Study) -> Table:
    first = next(iter(study.counts.values()))
    table = _table("What the service did", ("", *first))
    for name, counts in study.counts.items():
        table.add_row(name, *(str(number) for number in counts.values()))
    return table


def _tried(study: Study) -> Table:
    table = _table(
        "Rules beside nobody taking over, odd days",
        ("rule", "mean", "p90", "grave, mean", "turned round"),
    )
    for name, tried in study.tried.items():
        table.add_row(
            f"{name} (chosen)" if name == study.chosen else name,
            f"{tried.mean:+.1%}",
            f"{tried.p90:+.1%}",
            f"{tried.grave:+.1%}",
            f"{tried.turned:.0f}",
        )
    return table


def _tested(study: Study) -> Table:
    table = _table(
        "Rules beside nobody taking over, even days",
        ("rule", "travel", "mean", "5 to 95 %", "p90", "5 to 95 %", "grave, mean"),
    )
    for tested in study.tested:
        table.add_row(
            tested.rule,
            tested.model,
            f"{tested.found.mean:+.1%}",
            _range(tested.mean_range),
            f"{tested.found.p90:+.1%}",
            _range(tested.p90_range),
            f"{tested.found.grave:+.1%}",
        )
    return table


def _range(between: tuple[float, float]) -> str:
    return f"{between[0]:+.1%} to {between[1]:+.1%}"
