"""Events as lines that a person reads, in the language in use."""

from collections.abc import Mapping
from string import Formatter
from typing import Any, Final

from dispatch.language import catalogue, spoken, text
from dispatch.wording import in_words

# Which events are shown, and in which colour; the texts are `demo.event.<type, dots as _>`.
_STYLES: Final[Mapping[str, str]] = {
    "call.linked": "cyan",
    "link.undone": "cyan",
    "screening.expired": "yellow",
    "incident.assigned": "green",
    "incident.queued": "bold yellow",
    "incident.released": "yellow",
    "incident.overridden": "magenta",
    "incident.held": "magenta",
    "incident.resumed": "magenta",
    "incident.cancelled": "magenta",
    "incident.amended": "cyan",
    "escalation.raised": "bold red",
    "hospital.chosen": "cyan",
    "handover.withdrawn": "yellow",
    "handover.reminded": "yellow",
    "handover.closed": "blue",
    "disinfection.ordered": "dim",
    "disinfection.accepted": "dim",
    "disinfection.rejected": "red",
    "case.reported": "bold red",
    "duties.reported": "yellow",
    "batch.planned": "cyan",
    "transfer.offered": "dim",
    "offer.withdrawn": "yellow",
    "tier.stepped": "bold yellow",
    "service.changed": "yellow",
    "clock.breached": "red",
    "input.rejected": "red",
}


def readable(event_type: str, data: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the style and the text of an event's line; None for one that is not shown."""
    style = _STYLES.get(event_type)
    if style is None:
        return None
    values = dict(data)
    if event_type == "input.rejected":
        (first, *_) = data["reasons"]
        values |= {"field": first["field"], "reason": first["reason"]}
    elif event_type == "hospital.chosen":
        values["why"] = data["why"][spoken()]
    elif event_type == "disinfection.rejected":
        values["reason"] = data["reasons"][0]["reason"]
    elif event_type == "duties.reported":
        districts = [short["district"] for short in data["shortfalls"] if short["district"]]
        if not districts:
            return None  # what else falls short is said elsewhere
        values["districts"] = districts
    elif event_type == "batch.planned":
        values["trips"] = len(data["trips"])
    elif event_type == "transfer.offered":
        values["patients"] = len(data["patients"])
    elif event_type == "incident.amended" and not data["changed"]:
        return None  # the rule alone: nothing that the crew does otherwise
    key = f"demo.event.{event_type.replace('.', '_')}"
    wanted = {name for _, name, _, _ in Formatter().parse(catalogue(spoken())[key]) if name}
    return style, text(key, **{name: in_words(values[name], name) for name in wanted})
