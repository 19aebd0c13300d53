"""Incidents on hold (挂起): for a time, reminded of, and taken up when the patient gets worse.

Source: domain, the decision (the dispatcher may hold a call) and choosing the unit (nothing waits
silently); how long, and when somebody is reminded, comes from the pack.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from dispatch.domain import clocks
from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.domain.model import Incident
from dispatch.domain.repeats import GRAVITY
from dispatch.topics.incidents import IncidentResumed

OVER: Final = "hold"
REMINDER: Final = "hold_reminder"
TIMERS: Final = (OVER, REMINDER)


def begin(city: City, incident: Incident, until: datetime) -> None:
    """Put an incident aside until a time (aware UTC); nobody waits for its order meanwhile."""
    clocks.stop(city, "accepted_to_order", incident.incident_id, None, "the call is held")
    held = replace(incident, status="held", held_until=until, waiting_for=None, waiting_since=None)
    city.put(held)
    city.set_timer(OVER, incident.incident_id, until)
    _remind_later(city, held)


def remind(city: City, incident_id: str) -> None:
    """An incident is still on hold: say so, and again after as long."""
    incident = city.incidents.get(incident_id)
    if incident is None or incident.status != "held":
        return
    escalate(
        city,
        "still_held",
        incident_id,
        incident_id,
        f"a patient ({incident.condition}) is on hold until {incident.held_until}",
    )
    _remind_later(city, incident)


def end(city: City, incident: Incident, *, by: str, reason: str) -> Incident:
    """Take an incident off hold; the limit of its order starts anew. What follows is decided next.

    A limit that an order has met already does not start again.
    """
    for kind in TIMERS:
        city.cancel_timer(kind, incident.incident_id)
    incident = replace(incident, status="screening", held_until=None)
    city.put(incident)
    city.emit(
        IncidentResumed(incident_id=incident.incident_id, at=city.now, by=by, reason=reason),
        key=incident.incident_id,
    )
    if not incident.assignments:
        clocks.start(
            city,
            "accepted_to_order",
            owner=incident.incident_id,
            district=incident.place.district,
        )
    return incident


def got_worse(incident: Incident, before: str) -> bool:
    """Return whether the patient is in a graver condition than at the decision before."""
    return GRAVITY[incident.condition] > GRAVITY[before]


def _remind_later(city: City, incident: Incident) -> None:
    again = city.in_seconds(city.pack.allocation.hold_reminder_seconds)
    if incident.held_until is not None and again < incident.held_until:
        city.set_timer(REMINDER, incident.incident_id, again)
