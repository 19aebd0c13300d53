"""`dispatch clocks`: which limits run, until when, and who is told when they run out."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any, get_args

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from dispatch.cli import localised
from dispatch.cli.city_plan import know_names
from dispatch.cli.console import PlainConsole, cell
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.clock import open_clock
from dispatch.domain.model import Clock
from dispatch.language import text
from dispatch.policy.pack import Pack, load_pack
from dispatch.shown import json_of
from dispatch.store.clocks import read_clocks
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.codes import ClockKind
from dispatch.wording import ABSENT, duration, in_words, named

_STYLES = {"running": "", "warned": "yellow", "breached": "bold red", "ended": "dim"}
_COLUMNS = ("kind", "owner", "subject", "started", "due", "left", "escalate_to")


@localised.command("clocks")
@localised.option("--all", "ended_too", is_flag=True, help="clocks.all")
@localised.option(
    "--kind", type=click.Choice(get_args(ClockKind)), metavar="KIND", help="clocks.kind"
)
@localised.option("--json", "as_json", is_flag=True, help="clocks.json")
@pass_invocation
def command(
    invocation: Invocation, /, *, ended_too: bool, kind: ClockKind | None, as_json: bool
) -> None:
    """Show the clocks of the database, those that run out first in front."""
    settings = invocation.settings()
    know_names(settings)
    pack = load_pack(settings.policy)
    found = asyncio.run(
        read_clocks(settings.database.connect_options(), kind=kind, ended_too=ended_too)
    )
    now = open_clock(settings.scenario_clock).now()
    rows = [summarise(clock, pack, now) for clock in found]
    if as_json:
        for row in rows:
            click.echo(json_of(row))
    elif rows:
        PlainConsole().print(tabulate(rows))
    else:
        click.echo(text("clocks.none"))


def summarise(clock: Clock, pack: Pack, now: datetime) -> dict[str, Any]:
    """Return what a clock says at a time (aware UTC); the seconds left are below 0 after a breach.

    An ended clock has none.
    """
    left = None if clock.ended_at is not None else (clock.due_at - now).total_seconds()
    return {
        "clock_id": clock.clock_id,
        "kind": clock.kind,
        "owner": clock.owner,
        "subject": clock.subject,
        "district": clock.district,
        "state": _state(clock),
        "breached": clock.breached,
        "started_at": timestamp(clock.started_at),
        "due_at": timestamp(clock.due_at),
        "ended_at": None if clock.ended_at is None else timestamp(clock.ended_at),
        "left_seconds": left,
        "escalate_to": pack.clocks[clock.kind].escalate_to,
    }


def tabulate(rows: Iterable[dict[str, Any]]) -> Table:
    """Return the table of clocks as `summarise` made them; times are local to the terminal."""
    table = Table(box=SIMPLE_HEAD)
    for name in _COLUMNS:
        table.add_column(text(f"clocks.column.{name}"), overflow="fold")
    for row in rows:
        table.add_row(
            cell(in_words(row["kind"])),
            cell(named(row["owner"])),
            cell(named(row["subject"]) if row["subject"] != row["owner"] else ABSENT),
            in_words(row["started_at"]),
            in_words(row["due_at"]),
            _left(row),
            cell(in_words(row["escalate_to"])),
            style=_STYLES[row["state"]],
        )
    return table


def _state(clock: Clock) -> str:
    if clock.ended_at is not None:
        return "ended"
    if clock.breached:
        return "breached"
    return "warned" if clock.warned else "running"


def _left(row: dict[str, Any]) -> str:
    seconds = row["left_seconds"]
    if seconds is None:
        return text("clocks.ended_late" if row["breached"] else "clocks.ended")
    left = duration(abs(seconds))
    return left if seconds >= 0 else text("clocks.over", time=left)
