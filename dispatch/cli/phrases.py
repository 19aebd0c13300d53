"""One readable line for an event: local time, type, key and a short phrase, nobody's data in it."""

from collections.abc import Mapping
from string import Formatter
from typing import Any, Final

import click

from dispatch.client import Event
from dispatch.language import catalogue, spoken, text
from dispatch.masking import Masker, mask_said
from dispatch.shown import json_of, shown
from dispatch.wording import ABSENT, TIME_FORMAT, in_words, said, symptom

TYPE_WIDTH: Final = 27
KEY_WIDTH: Final = 18

_mask = Masker()


class _Phrases(Formatter):
    """Puts values into a phrase: `{decision.rule}` is a path, and what is not there a dash."""

    def get_field(
        self,
        field_name: str,
        args: Any,  # noqa: ARG002 - the base class's signature
        kwargs: Mapping[str, Any],
    ) -> tuple[Any, str]:
        """Find the value at a path and return it in words."""
        value: Any = kwargs
        for step in field_name.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        return in_words(value, step), field_name


_phrases = _Phrases()


def phrase(event: Event) -> str:
    """Say in a few words what an event tells, with personal data masked."""
    if event.unreadable is not None:
        place = f"{event.topic}/{event.partition}/{event.offset}"
        return text("tail.unreadable", place=place, why=said(event.unreadable))
    masked = _mask(None, "", dict(event.data))
    decision = masked.get("decision")
    asking = isinstance(decision, dict) and decision.get("action") == "ask"
    template = catalogue(spoken()).get("event.call.asking" if asking else f"event.{event.type}")
    if template is None:
        return ""
    for name in ("reasons", "warnings"):
        if isinstance(reasons := masked.get(name), list):
            masked[name] = text("mark.semicolon").join(
                said(mask_said(f"{each.get('field')}: {each.get('reason')}"))
                for each in reasons
                if isinstance(each, dict)
            )
    if masked.get("kind") == "call_unreadable":
        # What follows was found in the call: whom it is about.
        masked["explanation"] = str(masked.get("explanation")).partition("; ")[0]
    if isinstance(explanation := masked.get("explanation"), str):
        # It may repeat what a sender calls itself.
        masked["explanation"] = mask_said(explanation)
    if isinstance(why := masked.get("why"), dict):
        masked["why"] = why.get(spoken())
    if isinstance(questions := masked.get("questions"), list):
        masked["questions"] = " ".join(
            str(each.get(spoken(), "")) for each in questions if isinstance(each, dict)
        )
    assumed = text("unit_changed.assumed") if masked.get("assumed") is True else ""
    return _phrases.format(template, **masked) + _known_symptoms(decision) + assumed


def _known_symptoms(decision: Any) -> str:
    """Say which symptoms of a decision were read from which words, and what nobody knows."""
    inputs = decision.get("inputs") if isinstance(decision, dict) else None
    if not isinstance(inputs, dict):
        return ""
    parts = []
    if inputs.get("evidence") in ("unplaced", "unknown"):
        parts.append(text(f"decided.{inputs['evidence']}"))
    read = [each for each in inputs.get("read") or () if isinstance(each, dict)]
    for source in dict.fromkeys(each.get("from") for each in read):
        listed = text("mark.enumeration").join(
            # The vocabulary's own words, so nobody's name.
            text("decided.word", code=_symptom(each.get("code")), words=each.get("words"))
            for each in read
            if each.get("from") == source
        )
        key = "decided.complaint" if source == "chief_complaint" else "decided.list"
        parts.append(text(key, read=listed))
    return "".join(parts)


def _symptom(code: Any) -> str:
    return symptom(str(code)) or str(code)


def line(event: Event) -> str:
    """Return the readable line of an event; the time is local to the terminal."""
    when = event.time.astimezone().strftime(TIME_FORMAT)
    kind = shown(_name(event.type)).ljust(TYPE_WIDTH)
    if event.type.endswith(".rejected"):
        kind = click.style(kind, fg="red")
    elif event.type == "escalation.raised":
        kind = click.style(kind, fg="yellow")
    key = shown(_name(event.key)).ljust(KEY_WIDTH)
    return f"{when}  {kind} {key}  {shown(phrase(event))}".rstrip()


def _name(name: str | None) -> str:
    """Return a type or a key, masked: a sender may put anything into them."""
    return mask_said(name) if name else ABSENT


def json_line(content: Any) -> str:
    """Return one line of JSON, also of text that is no Unicode."""
    return json_of(content).decode()


def show(event: Event, *, as_json: bool) -> None:
    """Write one event to standard output."""
    # JSON is UTF-8, whatever a terminal speaks.
    click.echo(json_line(event.as_json()).encode() if as_json else line(event))
