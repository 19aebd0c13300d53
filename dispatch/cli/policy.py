"""`dispatch policy`: the packs that decide."""

from typing import Any

import click
from rich.table import Table

from dispatch.cli import localised
from dispatch.cli.console import PlainConsole, cell
from dispatch.language import text
from dispatch.policy.pack import Pack, load_pack
from dispatch.shown import json_of
from dispatch.topics.cloudevents import timestamp


@localised.group("policy")
def command() -> None:
    """Hold what can be done with packs."""


@command.command("check", help="policy.check")
@click.argument("pack", metavar="FILE|PACK")
@localised.option("--json", "as_json", is_flag=True, help="policy.json")
def check(pack: str, as_json: bool) -> int:
    """Show what a pack is about; a broken one raises PackError."""
    summary = summarise(load_pack(pack))
    if as_json:
        click.echo(json_of(summary))
        return 0
    table = Table(show_header=False, box=None)
    for name, value in summary.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        table.add_row(text(f"policy.{name}"), cell("–" if shown is None else str(shown)))
    PlainConsole().print(table)
    return 0


def summarise(pack: Pack) -> dict[str, Any]:
    """Return what tells one pack from another."""
    validity = pack.validity
    return {
        "pack": pack.name,
        "version": pack.version,
        "starts": timestamp(validity.starts),
        "ends": timestamp(validity.ends) if validity.ends else None,
        "trigger_symptoms": list(pack.screening.trigger_symptoms),
        "history_window_days": pack.screening.history_window_days,
        "deadline_seconds": pack.screening.deadline_seconds,
        "rules": [rule.id for rule in pack.rules],
        "disinfected_at": pack.disinfection.where,
        "agents": list(pack.disinfection.minimums),
        "sources": list(pack.sources),
    }
