"""`dispatch transfers plan`: a batch planned from a file, without any service."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import click
import orjson
from rich.table import Table

from dispatch.cli import localised
from dispatch.cli.city_plan import know_names
from dispatch.cli.console import PlainConsole
from dispatch.errors import DispatchError
from dispatch.language import text
from dispatch.planning.following import following
from dispatch.planning.plan import Plan, Trip
from dispatch.planning.problem import Problem
from dispatch.planning.scenario import NAMES, read_scenario
from dispatch.shown import json_of
from dispatch.wording import duration, in_words, named, percent

# Of more trips than these only the first few are shown.
MANY: Final = 40
FEW: Final = 10
# Plans are made in minutes; the terminal's clock.
TIME_FORMAT: Final = "%m-%d %H:%M"

_Planned = Sequence[tuple[Problem, Plan]]


def _picture(_ctx: click.Context, _option: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value.suffix not in {".svg", ".png"}:
        raise click.BadParameter(text("transfers.bad_picture"))
    return value


@localised.command("plan", help="transfers.plan")
@click.argument("source", metavar=f"FILE|{'|'.join(NAMES)}")
@localised.option(
    "--seconds",
    type=click.FloatRange(0, 3600),
    default=60.0,
    show_default=True,
    metavar="S",
    help="transfers.seconds",
)
@localised.option("--together", is_flag=True, help="transfers.together")
@localised.option("--seed", type=int, default=0, show_default=True, help="transfers.seed")
@localised.option(
    "--draw",
    "picture",
    type=click.Path(path_type=Path),
    callback=_picture,
    metavar="FILE.svg|.png",
    help="transfers.draw",
)
@localised.option("--json", "as_json", is_flag=True, help="transfers.json")
def plan(
    source: str,
    *,
    seconds: float,
    together: bool,
    seed: int,
    picture: Path | None,
    as_json: bool,
) -> int:
    """Plan each batch of a file after those before it; raise ConfigurationError for a bad one."""
    scenario = read_scenario(source)
    problems = (scenario.together(),) if together else scenario.problems()
    planned = _solve(problems, seconds, seed)
    if picture is not None:
        _draw(planned, picture)
    if as_json:
        for problem, made in planned:
            click.echo(json_of(_content(problem, made), option=orjson.OPT_UTC_Z))
        return 0
    know_names(None)
    console = PlainConsole()
    if len(planned) == 1:
        _show_trips(console, *planned[0])
    else:
        console.print(_batches(planned))
    _show_unplaced(console, planned)
    return 0


def _solve(problems: Sequence[Problem], seconds: float, seed: int) -> _Planned:
    # Imported late: the solver takes longer to load than most commands to run.
    from dispatch.planning.solve import solve  # noqa: PLC0415

    planned: list[tuple[Problem, Plan]] = []
    for problem in problems:
        trips = [trip for _, before in planned for trip in before.trips]
        left = following(problem, trips)
        planned.append((left, solve(left, seconds=seconds, seed=seed)))
    return planned


def _draw(planned: _Planned, picture: Path) -> None:
    from dispatch.planning.drawing import draw  # noqa: PLC0415

    try:
        draw([made for _, made in planned], picture)
    except OSError as error:
        raise DispatchError(f"{picture}: {error.strerror}") from error


def _content(problem: Problem, made: Plan) -> dict[str, Any]:
    """Return a plan as JSON has it."""
    in_time = None if problem.deadline is None else _in_time(problem, made)
    more = {"gap": made.gap, "deadline": problem.deadline, "in_time": in_time}
    return asdict(made) | more


def _in_time(problem: Problem, made: Plan) -> bool:
    """Tell whether everybody is handed over by the deadline."""
    deadline = problem.deadline
    return not made.unplaced and (
        deadline is None or all(trip.handed_over_at <= deadline for trip in made.trips)
    )


def _show_trips(console: PlainConsole, problem: Problem, made: Plan) -> None:
    if len(made.trips) > MANY:
        console.print(_by_hospital(made))
        console.print(_by_unit(made))
        console.print(_trips(made.trips[:FEW]))
        console.print(text("transfers.more", count=len(made.trips) - FEW))
    else:
        console.print(_trips(made.trips))
    console.print(
        text(
            "transfers.result",
            patients=sum(len(trip.patients) for trip in made.trips),
            trips=len(made.trips),
            makespan=_hours(made.makespan_seconds),
            bound=_hours(made.bound_seconds),
            gap=percent(made.gap),
            seconds=duration(made.solve_seconds),
        )
    )
    if problem.deadline is not None:
        held = "transfers.in_time" if _in_time(problem, made) else "transfers.late"
        console.print(text(held, deadline=_time(problem.deadline)))


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold")
    for column in columns:
        wraps = column == "patients"
        name = text(f"transfers.column.{column}")
        table.add_column(name, no_wrap=not wraps, min_width=8 if wraps else None)
    return table


def _trips(trips: Sequence[Trip]) -> Table:
    """Return a row for each trip, by wave."""
    table = _table("wave", "unit", "patients", "hospital", "bed", "depart", "load", "handed_over")
    by_wave = sorted(trips, key=lambda each: (each.wave, each.number))
    for wave, of_wave in groupby(by_wave, key=lambda each: each.wave):
        for place, trip in enumerate(of_wave):
            table.add_row(
                "" if place else str(wave),
                trip.unit_id,
                " ".join(trip.patients),
                named(trip.hospital_id),
                " ".join(in_words(bed, "room") for bed in trip.beds.values()),
                _time(trip.depart_at),
                _time(trip.load_at),
                _time(trip.handed_over_at),
            )
    return table


def _by_hospital(made: Plan) -> Table:
    table = _table("hospital", "trips", "patients", "handed_over")
    for hospital_id in sorted({trip.hospital_id for trip in made.trips}):
        trips = [trip for trip in made.trips if trip.hospital_id == hospital_id]
        table.add_row(named(hospital_id), *_summary(trips))
    return table


def _by_unit(made: Plan) -> Table:
    table = _table("unit", "trips", "patients", "handed_over")
    for unit_id in sorted({trip.unit_id for trip in made.trips}):
        table.add_row(unit_id, *_summary([t for t in made.trips if t.unit_id == unit_id]))
    return table


def _summary(trips: Sequence[Trip]) -> tuple[str, str, str]:
    patients = sum(len(trip.patients) for trip in trips)
    return str(len(trips)), str(patients), _time(max(trip.handed_over_at for trip in trips))


def _batches(planned: _Planned) -> Table:
    """Return a row for each batch."""
    table = _table("batch", "start", "patients", "trips", "makespan", "bound", "gap", "unplaced")
    for problem, made in planned:
        table.add_row(
            made.batch_id,
            _time(problem.start),
            str(len(problem.patients)),
            str(len(made.trips)),
            _hours(made.makespan_seconds),
            _hours(made.bound_seconds),
            percent(made.gap),
            str(len(made.unplaced)),
        )
    return table


def _show_unplaced(console: PlainConsole, planned: _Planned) -> None:
    for _, made in planned:
        for each in made.unplaced:
            why = text(f"transfers.why.{each.why}")
            console.print(text("transfers.unplaced", patient=each.patient_id, why=why))


def _hours(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return f"{minutes // 60}:{minutes % 60:02}"


def _time(moment: datetime) -> str:
    return moment.astimezone().strftime(TIME_FORMAT)
