"""`dispatch policy`: the packs that decide."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from dispatch.cli import localised
from dispatch.cli.console import PlainConsole, cell
from dispatch.domain.lifecycle import RUN_END
from dispatch.errors import PackError
from dispatch.language import text
from dispatch.policy.pack import Pack, built_in, load_pack
from dispatch.policy.vocabulary import is_pattern
from dispatch.shown import json_of, shown
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.fields import SYMPTOMS_UNKNOWN
from dispatch.wording import ABSENT, in_words, word


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
        table.add_row(text(f"policy.{name}"), cell(_said_of(name, value)))
    PlainConsole().print(table)
    return 0


def _said_of(name: str, value: Any) -> str:
    """Return what a summary says: names, versions and sources as they stand, the rest in words."""
    if name == "sources":
        return ", ".join(value)
    if name == "ends":
        return value or ABSENT
    return value if name in {"pack", "version", "starts"} else in_words(value, name)


_listing = click.argument("pack", metavar="[FILE|PACK]", default="covid-19")
_as_json = localised.option("--json", "as_json", is_flag=True, help="policy.json_lines")


@command.command("export", help="policy.export")
@click.argument("name", metavar="PACK")
@localised.option(
    "--to", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="policy.to"
)
def export(name: str, to: Path | None) -> int:
    """Write a built-in pack as its file has it; raises PackError where there is none of the name.

    A file that is there already is left as it is, and PackError says so.
    """
    content = built_in(name)
    if to is None:
        click.echo(content, nl=False)
        return 0
    try:
        with to.open("x", encoding="utf-8", newline="") as file:
            file.write(content)
    except OSError as error:
        raise PackError(f"{to}: {error.strerror}") from error
    return 0


@command.command("symptoms", help="policy.symptoms")
@_listing
@_as_json
def symptoms(pack: str, as_json: bool) -> int:
    """Show every symptom's code with its words; a broken pack raises PackError."""
    return _list(symptoms_of(load_pack(pack)), _symptom_line, as_json=as_json)


@command.command("needs", help="policy.needs")
@_listing
@_as_json
def needs(pack: str, as_json: bool) -> int:
    """Show every need and what it asks for; a broken pack raises PackError."""
    return _list(needs_of(load_pack(pack)), _need_line, as_json=as_json)


@command.command("kinds", help="policy.kinds")
@_listing
@_as_json
def kinds(pack: str, as_json: bool) -> int:
    """Show every kind of transfer; a broken pack raises PackError."""
    return _list(kinds_of(load_pack(pack)), _line_for("policy.code"), as_json=as_json)


@command.command("agents", help="policy.agent_codes")
@_listing
@_as_json
def agents(pack: str, as_json: bool) -> int:
    """Show every disinfectant; a broken pack raises PackError."""
    return _list(agents_of(load_pack(pack)), _agent_line, as_json=as_json)


@command.command("reasons", help="policy.reasons")
@_as_json
def reasons(as_json: bool) -> int:
    """Show why runs may end without a handover."""
    return _list(reasons_of(), _reason_line, as_json=as_json)


def _list(
    entries: Iterable[dict[str, Any]], line: Callable[[dict[str, Any]], str], *, as_json: bool
) -> int:
    for entry in entries:
        click.echo(json_of(entry) if as_json else shown(line(entry)))
    return 0


def _symptom_line(entry: dict[str, Any]) -> str:
    key = "policy.trigger" if entry["trigger"] else "policy.symptom"
    return text(key, code=entry["code"], zh="、".join(entry["zh"]), en=", ".join(entry["en"]))


def _need_line(entry: dict[str, Any]) -> str:
    capability, vehicles = entry["capability"], entry["vehicles"]
    asks = [
        *(
            [text("policy.capability", capability=in_words(capability, "capability"))]
            if capability
            else []
        ),
        *([text("policy.vehicles", kinds=in_words(vehicles, "vehicles"))] if vehicles else []),
        *([text("policy.never_delayed")] if entry["never_delayed"] else []),
        *([text("policy.below", years=f"{y:g}")] if (y := entry["below_years"]) else []),
    ]
    named = text("policy.code", **entry)
    return text("mark.code", code=named, word=text("mark.semicolon").join(asks)) if asks else named


def _agent_line(entry: dict[str, Any]) -> str:
    unit = "%" if entry["unit"] == "percent" else f" {entry['unit']}"
    figures = {name: f"{entry[name]:g}" for name in ("min_concentration", "min_minutes")}
    return text("policy.agent", **entry | figures | {"unit": unit})


def _reason_line(entry: dict[str, Any]) -> str:
    return text("policy.reason", **entry | {"outcome": in_words(entry["outcome"])})


def _line_for(key: str) -> Callable[[dict[str, Any]], str]:
    return lambda entry: text(key, **entry)


def symptoms_of(pack: Pack) -> Iterator[dict[str, Any]]:
    """Yield every symptom: its code, whether it asks for screening, its words and its patterns.

    The triggers come first, in the pack's order; last what says that nobody knows.
    """
    words = pack.vocabulary.symptoms
    first = dict.fromkeys((*pack.screening.trigger_symptoms, *pack.screening.early_symptoms))
    for code in dict.fromkeys((*first, *words)):
        yield {
            "code": code,
            "trigger": code in pack.triggers,
            "zh": [word for word in words[code].zh if not is_pattern(word)],
            "en": [word for word in words[code].en if not is_pattern(word)],
            "patterns": [word for word in words[code].both() if is_pattern(word)],
        }
    not_known = pack.vocabulary.unknown
    yield {
        "code": SYMPTOMS_UNKNOWN,
        "trigger": False,
        "zh": [word for word in not_known if not word.isascii()],
        "en": [word for word in not_known if word.isascii() and word != SYMPTOMS_UNKNOWN],
        "patterns": [],
    }


def needs_of(pack: Pack) -> Iterator[dict[str, Any]]:
    """Yield every need: its code and names, and what it asks for of hospital and vehicle.

    `symptoms` and `words` ask for it, and so does an age below `below_years`.
    """
    for code, need in pack.needs.codes.items():
        words = pack.vocabulary.needs.get(code)
        yield {
            "code": code,
            "zh": need.zh,
            "en": need.en,
            "capability": need.capability,
            "vehicles": list(need.vehicles),
            "never_delayed": need.capability in pack.never_delayed,
            "below_years": pack.needs.child_below_years if code == pack.needs.child_need else None,
            "symptoms": [] if words is None else list(words.symptoms),
            "words": [] if words is None else [w for w in words.both() if not is_pattern(w)],
        }


def kinds_of(pack: Pack) -> Iterator[dict[str, Any]]:
    """Yield every kind of patients who are moved, with the pack's own words."""
    for code, kind in pack.transfers.kinds.items():
        yield {"code": code, "zh": kind.title.zh, "en": kind.title.en}


def agents_of(pack: Pack) -> Iterator[dict[str, Any]]:
    """Yield every disinfectant: its words, its least concentration and contact time in minutes."""
    for code, least in pack.disinfection.minimums.items():
        yield {
            "code": code,
            **_words_of(code),
            "min_concentration": least.min_concentration,
            "unit": least.unit,
            "min_minutes": least.min_minutes,
        }


def reasons_of() -> Iterator[dict[str, Any]]:
    """Yield every reason why a run ends without a handover, by how it ends."""
    for outcome, codes in RUN_END.items():
        for code in codes:
            yield {"outcome": outcome, "code": code, **_words_of(code)}


def _words_of(code: str) -> dict[str, str]:
    return {language: word(code, language=language) or code for language in ("zh", "en")}


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
