"""`dispatch indicators`: the zero indicators, time standards and fleet duties, from the log."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dispatch.cli import localised
from dispatch.cli.city_plan import know_names, of_district
from dispatch.cli.console import PlainConsole, cell
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.cli.phrases import line
from dispatch.client import Event
from dispatch.errors import DispatchError
from dispatch.indicators.computation import Computation, registry
from dispatch.indicators.figures import Figure, Indicator
from dispatch.indicators.scope import Scope
from dispatch.indicators.standards import PERCENTILES
from dispatch.language import LANGUAGES, catalogue, text
from dispatch.policy.pack import Pack, load_pack
from dispatch.shown import json_of, shown
from dispatch.store.event_log import open_log
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.envelope import Logged
from dispatch.topics.fields import parse_time
from dispatch.wording import ABSENT, TIME_FORMAT, in_words, minutes, named, percent, said

_TAKEN = (*(f"p{percent}" for percent in PERCENTILES), "max")
_SIGN = {"at_most": "≤", "at_least": "≥"}


@dataclass(frozen=True, slots=True)
class _Looked:
    """What came of a look at the log; `behind` are the events behind the figure drilled down to."""

    figures: Sequence[Figure]
    behind: Mapping[int, Logged]


def _time(_ctx: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_time(value)
    except ValueError as error:
        raise click.BadParameter(text("decide.bad_time", value=value)) from error


@localised.command("indicators")
@localised.option("--from", "begins", metavar="TIME", callback=_time, help="indicators.from")
@localised.option("--to", "ends", metavar="TIME", callback=_time, help="indicators.to")
@localised.option(
    "--district", metavar="NAME|CODE", callback=of_district, help="indicators.district"
)
@localised.option("--drill", "name", metavar="NAME", help="indicators.drill")
@localised.option("--json", "as_json", is_flag=True, help="indicators.json")
@pass_invocation
def command(
    invocation: Invocation,
    /,
    *,
    begins: datetime | None,
    ends: datetime | None,
    district: str | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Show every figure of a range and a district, or the events behind one."""
    if begins is not None and ends is not None and begins > ends:
        raise click.UsageError(text("indicators.reversed"))
    settings = invocation.settings()
    know_names(settings)
    pack = load_pack(settings.policy)
    if name is not None and name not in registry(pack):
        known = ", ".join(registry(pack))
        raise click.UsageError(text("indicators.no_such", name=name, known=known))
    scope = Scope(begins, ends, district)
    looked = asyncio.run(_look(settings.database.connect_options(), pack, scope, name))
    if as_json:
        _write(looked, scope, name)
    elif name is None:
        PlainConsole().print(render(looked.figures))
    else:
        _drill(looked)


async def _look(
    connect_options: Mapping[str, Any], pack: Pack, scope: Scope, name: str | None
) -> _Looked:
    async with open_log(connect_options) as log:
        computation = Computation(pack, scope, await log.first_mode())
        async for event in log.events(computation.types):
            computation.take(event)
        if not scope.known:
            raise DispatchError(
                text("indicators.unknown_district", district=named(str(scope.district)))
            )
        figures = [
            figure for figure in computation.figures() if name in (None, figure.indicator.name)
        ]
        if name is None:
            return _Looked(figures, {})
        positions = [each.position for figure in figures for each in figure.events]
        return _Looked(figures, {each.position: each for each in await log.at(positions)})


def render(figures: Iterable[Figure]) -> RenderableType:
    """Return the figures as tables, one a family."""
    return Group(
        *(
            _table(family, list(members))
            for family, members in groupby(
                sorted(figures, key=_family_order), key=lambda figure: figure.indicator.family
            )
        )
    )


def _family_order(figure: Figure) -> int:
    return ("zero", "apart", "six_none", "time", "fleet").index(figure.indicator.family)


def _table(family: str, figures: Sequence[Figure]) -> Table:
    table = Table(title=text(f"indicators.family.{family}"), title_justify="left", box=SIMPLE_HEAD)
    table.add_column(text("indicators.indicator"), overflow="fold")
    table.add_column(text("indicators.name"), no_wrap=True)
    for heading in ("value", "target"):
        table.add_column(text(f"indicators.{heading}"), justify="right")
    table.add_column(text("indicators.verdict"))
    if family == "time":
        table.add_column(text("indicators.counted"), justify="right")
        table.add_column(text("indicators.taken"), justify="right")
    for figure in figures:
        row: list[str | Text] = [
            cell(_title(figure.indicator)),
            cell(figure.indicator.name),
            _number(figure.indicator, figure.value),
            _target(figure.indicator),
            _verdict(figure),
        ]
        if family == "time":
            row += [str(figure.details["met"] + figure.details["breached"]), _taken(figure)]
        table.add_row(*row)
    return table


def _title(indicator: Indicator) -> str:
    return text(_title_key(indicator))


def _title_key(indicator: Indicator) -> str:
    """Return the key of an indicator's title; a time standard is called as its clock is."""
    return f"{'word' if indicator.family == 'time' else 'indicators.title'}.{indicator.name}"


def _number(indicator: Indicator, value: float | None) -> str:
    if value is None:
        return ABSENT
    return percent(value) if indicator.unit == "share" else f"{value:.0f}"


def _target(indicator: Indicator) -> str:
    if indicator.aim is None or indicator.target is None:
        return ABSENT
    if indicator.unit == "count":
        return f"{indicator.target:.0f}"
    if indicator.target == 1:
        return percent(1, 0)
    return f"{_SIGN[indicator.aim]} {percent(indicator.target, 0)}"


def _verdict(figure: Figure) -> Text:
    if figure.met is None:
        return Text(ABSENT)
    if figure.met:
        return Text(text("indicators.met"), "green")
    return Text(text("indicators.not_met"), "bold red")


def _taken(figure: Figure) -> str:
    """Return percentiles and the longest, in minutes."""
    taken = [figure.details[name] for name in _TAKEN]
    return ABSENT if taken[0] is None else " / ".join(map(minutes, taken))


def _drill(looked: _Looked) -> None:
    """Show each finding and the events behind it: times local, personal data masked."""
    for figure in looked.figures:
        click.echo(
            shown(
                text(
                    "indicators.drilled",
                    title=_title(figure.indicator),
                    value=_number(figure.indicator, figure.value),
                    source=said(figure.indicator.source),
                )
            )
        )
        for finding in figure.findings:
            when = finding.at.astimezone().strftime(TIME_FORMAT)
            why = text(f"indicators.why.{finding.why}")
            found = text("mark.pair", name=in_words(finding.about), value=why)
            click.echo(f"\n{when}  {shown(found)}")
            for each in finding.events:
                click.echo(f"  {line(_as_event(looked.behind[each.position]))}")


def _write(looked: _Looked, scope: Scope, name: str | None) -> None:
    content: dict[str, Any] = {
        "from": None if scope.begins is None else timestamp(scope.begins),
        "to": None if scope.ends is None else timestamp(scope.ends),
        "district": scope.district,
        "indicators": [
            {
                **figure.as_dict(),
                "title": {
                    language: catalogue(language)[_title_key(figure.indicator)]
                    for language in LANGUAGES
                },
            }
            for figure in looked.figures
        ],
    }
    if name is not None:
        content["events"] = [_as_event(event).as_json() for event in looked.behind.values()]
    click.echo(json_of(content))


def _as_event(event: Logged) -> Event:
    """Return an event of the log as a reader of its topic would have it; it has no partition."""
    return Event(
        topic=event.topic,
        partition=0,
        offset=event.position,
        timestamp=event.at,
        key=event.key,
        attributes={"id": event.id, "type": event.type, "time": timestamp(event.at)},
        data=event.data,
    )
