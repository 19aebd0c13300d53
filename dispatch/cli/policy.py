"""`dispatch policy`: the packs that decide."""

from collections.abc import Iterator
from typing import Any

import click
from rich.table import Table

from dispatch.cli import localised
from dispatch.cli.console import PlainConsole, cell
from dispatch.language import text
from dispatch.policy.pack import Pack, load_pack
from dispatch.policy.vocabulary import is_pattern
from dispatch.shown import json_of, shown
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.fields import SYMPTOMS_UNKNOWN


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


@command.command("symptoms", help="policy.symptoms")
@click.argument("pack", metavar="[FILE|PACK]", default="covid-19")
@localised.option("--json", "as_json", is_flag=True, help="policy.json_lines")
def symptoms(pack: str, as_json: bool) -> int:
    """Show every symptom's code with its words; a broken pack raises PackError."""
    entries = list(symptoms_of(load_pack(pack)))
    if as_json:
        for entry in entries:
            click.echo(json_of(entry))
        return 0
    for entry in entries:
        key = "policy.trigger" if entry["trigger"] else "policy.symptom"
        words = {"zh": "、".join(entry["zh"]), "en": ", ".join(entry["en"])}
        click.echo(shown(text(key, code=entry["code"], **words)))
    return 0


@command.command("needs", help="policy.needs")
@click.argument("pack", metavar="[FILE|PACK]", default="covid-19")
@localised.option("--json", "as_json", is_flag=True, help="policy.json_lines")
def needs(pack: str, as_json: bool) -> int:
    """Show every need and what it asks for; a broken pack raises PackError."""
    for entry in needs_of(load_pack(pack)):
        if as_json:
            click.echo(json_of(entry))
            continue
        asks = [
            *([text("policy.capability", capability=c)] if (c := entry["capability"]) else []),
            *([text("policy.vehicles", kinds=", ".join(v))] if (v := entry["vehicles"]) else []),
            *([text("policy.never_delayed")] if entry["never_delayed"] else []),
            *([text("policy.below", years=f"{y:g}")] if (y := entry["below_years"]) else []),
        ]
        names = f"{entry['code']}: {entry['zh']}; {entry['en']}"
        click.echo(shown(f"{names} ({', '.join(asks)})" if asks else names))
    return 0


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
