"""`dispatch access`: what a user may do on a Kafka cluster, given or checked."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from dispatch.cli import localised
from dispatch.cli.city_plan import plan_of
from dispatch.cli.console import PlainConsole, cell
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.errors import ConfigurationError
from dispatch.language import text
from dispatch.settings import Settings
from dispatch.shown import json_of
from dispatch.topic_admin.access import open_access
from dispatch.topic_admin.roles import Entry, entries, roles
from dispatch.topics import Party

_COLUMNS = ("kind", "name", "pattern", "operation", "what")


@localised.command("access")
@click.argument("role", type=click.Choice(list(roles())))
@click.argument("user")
@localised.option("--hospital", metavar="ID", help="access.hospital")
@localised.option("--unit", "units", multiple=True, metavar="ID", help="access.unit")
@localised.option("--institution", metavar="ID", help="access.institution")
@localised.option("--transactions", is_flag=True, help="access.transactions")
@localised.option("--create/--check", "create", default=False, help="access.create")
@localised.option("--json", "as_json", is_flag=True, help="access.json")
@pass_invocation
def command(
    invocation: Invocation,
    /,
    *,
    role: str,
    user: str,
    hospital: str | None,
    units: tuple[str, ...],
    institution: str | None,
    transactions: bool,
    create: bool,
    as_json: bool,
) -> int:
    """Give or check the rights of a role; return 1 when a user has others."""
    settings = invocation.settings()
    named: dict[Party, tuple[str, ...]] = {
        "hospital": () if hospital is None else (hospital,),
        "unit": units,
        "institution": () if institution is None else (institution,),
    }
    _check_parties(settings, roles()[role].party, named)
    wanted = entries(
        role,
        user=user,
        prefix=settings.topic_prefix,
        parties=[each for of_one in named.values() for each in of_one],
        transactions=transactions,
    )
    options = settings.kafka.client_options()
    found, added = asyncio.run(_bring_about(options, user, wanted, create=create))
    rows = [
        *(_row(entry, "missing") for entry in sorted(wanted - found - added)),
        *(_row(entry, "excess") for entry in sorted(found - wanted)),
    ]
    if as_json:
        for row in rows:
            click.echo(json_of(row))
    elif rows:
        PlainConsole().print(tabulate(rows))
    if added:
        click.echo(text("access.added", user=user, count=len(added)), err=True)
    if create and (quota := roles()[role].quota) is not None:
        click.echo(text("access.quota", user=user, quota=str(quota)), err=True)
    if rows:
        click.echo(text("access.bad", user=user, role=role, count=len(rows)), err=True)
        return 1
    click.echo(text("access.good", user=user, role=role, count=len(wanted)), err=as_json)
    return 0


def tabulate(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return the table of what is missing or too much."""
    table = Table(box=SIMPLE_HEAD)
    for name in _COLUMNS:
        table.add_column(text(f"access.column.{name}"), overflow="fold")
    for row in rows:
        table.add_row(
            *(cell(row[name]) for name in _COLUMNS[:-1]), text(f"access.what.{row['what']}")
        )
    return table


def _check_parties(
    settings: Settings, party: Party | None, named: Mapping[Party, Collection[str]]
) -> None:
    """Refuse whom the city's plan does not have, and those of a kind that the role is not for."""
    for kind, ids in named.items():
        if not ids:
            continue
        if kind != party:
            raise ConfigurationError(text("access.not_for", option=f"--{kind}"))
        unknown = sorted(set(ids) - plan_of(settings).parties.of(kind))
        if unknown:
            key = f"access.no_{kind}"
            raise ConfigurationError(text(key, **{kind: unknown[0]}, plan=settings.city))


async def _bring_about(
    options: Mapping[str, Any], user: str, wanted: Collection[Entry], *, create: bool
) -> tuple[set[Entry], set[Entry]]:
    """Return what the user had, and what it got."""
    async with open_access(options) as access:
        found = await access.of(user)
        missing = set(wanted) - found if create else set()
        await access.allow(user, sorted(missing))
        return found, missing


def _row(entry: Entry, what: str) -> dict[str, Any]:
    return {**asdict(entry), "what": what}
