"""Which events are about one call or one unit."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from dispatch.client import Event

# Fields whose values begin with the incident's id.
_LONG_IDS: Final = ("assignment_id", "handover_id", "job_id")


class CallFollower:
    """Tells the events of a call, its incident, and the incident's orders, handovers and jobs."""

    def __init__(self, call_id: str) -> None:
        """Follow a call; until it is linked, its incident has its own id."""
        self._call_id = call_id
        self._incidents = {call_id}

    def __call__(self, event: Event) -> bool:
        """Tell whether an event is about the call, and learn from it what else is."""
        data = original_of(event)
        incident_id = data.get("incident_id")
        about = not self._incidents.isdisjoint(_incidents(data))
        if data.get("call_id") == self._call_id:
            about = True
            if event.type == "link.undone":
                self._incidents = {self._call_id}
            elif isinstance(incident_id, str):
                self._incidents.add(incident_id)
        return about


class UnitFollower:
    """Tells the events of a unit."""

    def __init__(self, unit_id: str) -> None:
        """Follow a unit."""
        self._unit_id = unit_id

    def __call__(self, event: Event) -> bool:
        """Tell whether an event is about the unit."""
        return bool(original_of(event).get("unit_id") == self._unit_id)


def original_of(event: Event) -> dict[str, Any]:
    """Return an event's data; of a dead letter, those of the input that it holds."""
    if event.type != "input.rejected":
        return event.data
    try:
        original = json.loads(base64.b64decode(event.data.get("value_base64") or ""))
    except (ValueError, TypeError, RecursionError):
        return {}
    return original if isinstance(original, dict) else {}


def _incidents(data: dict[str, Any]) -> Iterator[str]:
    for name in ("call_id", "incident_id", "subject"):
        if isinstance(value := data.get(name), str):
            yield value
    for name in _LONG_IDS:
        if isinstance(value := data.get(name), str):
            yield value.partition("/")[0]
