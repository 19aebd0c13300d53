import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dispatch.cli.following import CallFollower, UnitFollower
from dispatch.client import Event

NOW = datetime(2022, 12, 23, tzinfo=UTC)


def an_event(event_type: str, **data: Any) -> Event:
    return Event("t", 0, 0, NOW, "k", {"type": event_type}, data)


def dead(**original: Any) -> Event:
    body = base64.b64encode(json.dumps(original).encode()).decode()
    return an_event("input.rejected", value_base64=body)


@pytest.mark.parametrize(
    "event",
    [
        an_event("call.received", call_id="c-1"),
        an_event("incident.queued", incident_id="c-1"),
        an_event("order.issued", incident_id="c-1", assignment_id="c-1/A1"),
        an_event("unit.changed", unit_id="A-1", assignment_id="c-1/A1"),
        an_event("handover.reminded", handover_id="c-1/A1/H1"),
        an_event("disinfection.accepted", job_id="c-1/A1/D"),
        an_event("escalation.raised", incident_id=None, subject="c-1"),
        dead(call_id="c-1"),
        dead(handover_id="c-1/A1/H1"),
    ],
)
def test_a_calls_events(event: Event) -> None:
    assert CallFollower("c-1")(event)
    assert not CallFollower("c-2")(event)


@pytest.mark.parametrize(
    "event",
    [
        an_event("unit.changed", unit_id="A-1", assignment_id=None),
        an_event("city.mode_switched"),
        dead(),
        an_event("input.rejected", value_base64="!"),
        an_event("input.rejected", value_base64=None),
        an_event("call.received", call_id=7),
    ],
)
def test_other_events_are_no_calls(event: Event) -> None:
    assert not CallFollower("c-1")(event)


def test_a_linked_call_has_its_incidents_events_until_it_is_parted() -> None:
    about = CallFollower("c-2")
    order = an_event("order.issued", incident_id="c-1")
    assert not about(order)
    assert about(an_event("call.linked", call_id="c-2", incident_id="c-1"))
    assert about(order)
    assert about(an_event("link.undone", call_id="c-2", incident_id="c-1"))
    assert not about(order)
    assert about(an_event("order.issued", incident_id="c-2"))


def test_a_units_events() -> None:
    about = UnitFollower("A-1")
    assert about(an_event("order.issued", unit_id="A-1"))
    assert about(dead(unit_id="A-1"))
    assert not about(an_event("order.issued", unit_id="A-2"))
    assert not about(an_event("city.mode_switched"))
