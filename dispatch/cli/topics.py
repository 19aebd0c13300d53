"""`dispatch topics`: the topics on a Kafka cluster, created or checked."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from dispatch.cli import localised
from dispatch.cli.city_plan import plan_of
from dispatch.cli.console import PlainConsole, cell
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.language import text
from dispatch.shown import json_of
from dispatch.topic_admin.cluster import Changes, open_admin
from dispatch.topic_admin.promise import REPLICATION, Fault, Wanted, wanted_topics
from dispatch.wording import ABSENT

_COLUMNS = ("topic", "what", "found", "wanted", "why")


@localised.command("topics")
@localised.option("--create/--check", "create", default=False, help="topics.create")
@localised.option(
    "--replication",
    type=click.IntRange(1, 9),
    default=REPLICATION,
    show_default=True,
    metavar="N",
    help="topics.replication",
)
@localised.option("--file", type=click.Path(path_type=Path), metavar="FILE", help="topics.file")
@localised.option("--json", "as_json", is_flag=True, help="topics.json")
@pass_invocation
def command(
    invocation: Invocation, /, *, create: bool, replication: int, file: Path | None, as_json: bool
) -> int:
    """Create or check the topics; return 1 when something breaks the promise."""
    settings = invocation.settings()
    options = settings.kafka.client_options()
    topics = plan_of(settings).topics
    wanted = wanted_topics(settings.topic_prefix, topics, replication, file)
    changes = asyncio.run((_bring_about if create else _look)(options, wanted))
    for topic in changes.created:
        click.echo(text("topics.created", topic=topic), err=True)
    for fault in changes.cured:
        click.echo(text("topics.cured", **_row(fault)), err=True)
    rows = [_row(fault) for fault in changes.left]
    if as_json:
        for row in rows:
            click.echo(json_of(row))
    elif rows:
        PlainConsole().print(tabulate(rows))
    if rows:
        click.echo(text("topics.bad", count=len(rows)), err=True)
        return 1
    key = "topics.good" if replication >= REPLICATION else "topics.unpromised"
    where = settings.kafka.bootstrap_servers
    click.echo(text(key, count=len(wanted), where=where, promised=REPLICATION), err=as_json)
    return 0


def tabulate(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return the table of what is wrong."""
    table = Table(box=SIMPLE_HEAD)
    for name in _COLUMNS:
        table.add_column(text(f"topics.column.{name}"), overflow="fold")
    for row in rows:
        table.add_row(*(cell(row[name] or ABSENT) for name in _COLUMNS))
    return table


async def _bring_about(options: Mapping[str, Any], wanted: Mapping[str, Wanted]) -> Changes:
    async with open_admin(options) as admin:
        return await admin.bring_about(wanted)


async def _look(options: Mapping[str, Any], wanted: Mapping[str, Wanted]) -> Changes:
    async with open_admin(options) as admin:
        return Changes((), (), tuple(await admin.faults(wanted)))


def _row(fault: Fault) -> dict[str, Any]:
    return {
        "topic": fault.topic,
        "what": fault.what,
        "found": fault.found,
        "wanted": fault.wanted,
        "reason": fault.reason,
        "why": text(f"topics.why.{fault.reason}"),
    }
