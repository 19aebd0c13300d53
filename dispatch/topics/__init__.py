"""The topics and the events on them: the contract with consoles, crews and hospitals."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dispatch.topics import (
    beds,
    calls,
    city,
    clocks,
    commission,
    dead_letters,
    disinfections,
    fleet,
    handovers,
    hospitals,
    incidents,
    orders,
    placements,
    reports,
    screenings,
    transfers,
    units,
)
from dispatch.topics.announcement import Announcement
from dispatch.topics.fields import Content

Event = Content | Announcement

__all__ = [
    "EVENTS",
    "INPUT_TOPICS",
    "OUTPUT_TOPICS",
    "TOPICS",
    "TOPIC_OF",
    "Event",
    "Topic",
    "key_of",
    "own_topic",
    "topic_names",
]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its name (without the prefix of an installation), its key and its events.

    `key` says what keys it: of an input topic the field of each event, or fields parted by "or".
    """

    name: str
    direction: Literal["input", "output"]
    key: str
    summary: str
    events: tuple[type[Event], ...]

    @property
    def key_fields(self) -> tuple[str, ...]:
        """The fields of which each event has the one that keys it."""
        return tuple(self.key.split(" or "))

    @property
    def per_hospital(self) -> bool:
        """Whether each hospital has a topic of its own beside this one, with its events alone.

        Kafka's access lists know topics and no keys: so a hospital sees no other one's patients.
        """
        return self.direction == "output" and self.key == "hospital_id"


TOPICS = (
    Topic(
        "calls",
        "input",
        "call_id",
        "consoles publish calls, answers and orders of the dispatcher",
        calls.INPUTS,
    ),
    Topic(
        "units",
        "input",
        "unit_id",
        "crews publish status, position, findings, signatures, certificates",
        units.INPUTS,
    ),
    Topic(
        "hospitals",
        "input",
        "hospital_id",
        "hospitals publish capacity, answers and signatures",
        hospitals.INPUTS,
    ),
    Topic(
        "transfers",
        "input",
        "transfer_id or batch_id",
        "institutions publish requests for transfers, single or in batches",
        transfers.INPUTS,
    ),
    Topic(
        "commission",
        "input",
        "incident_id",
        "the health commission publishes acknowledgements, surveys, infections of crews",
        commission.INPUTS,
    ),
    Topic("city", "input", "city", "the centre publishes its mode", city.INPUTS),
    Topic(
        "incidents",
        "output",
        "call_id",
        "consoles read decisions, orders, progress and escalations",
        incidents.OUTPUTS,
    ),
    Topic(
        "screenings",
        "output",
        "call_id",
        "consoles read which questions are still to be asked",
        screenings.OUTPUTS,
    ),
    Topic("orders", "output", "unit_id", "crews read orders and amendments", orders.OUTPUTS),
    Topic(
        "handovers",
        "output",
        "hospital_id",
        "hospitals read who comes, when and what to prepare",
        handovers.OUTPUTS,
    ),
    Topic(
        "placements",
        "output",
        "transfer_id or batch_id",
        "institutions read where their patients go, when, and why not",
        placements.OUTPUTS,
    ),
    Topic(
        "beds",
        "output",
        "hospital_id",
        "hospitals and the commission read reservations, tiers and supplies",
        beds.OUTPUTS,
    ),
    Topic(
        "disinfections",
        "output",
        "unit_id",
        "decontamination centres and crews read jobs and verdicts",
        disinfections.OUTPUTS,
    ),
    Topic(
        "fleet",
        "output",
        "unit_id",
        "consoles, management and operators read the status of every unit",
        fleet.OUTPUTS,
    ),
    Topic(
        "reports",
        "output",
        "incident_id",
        "the health commission reads cases and duties",
        reports.OUTPUTS,
    ),
    Topic(
        "clocks",
        "output",
        "owner",
        "operators and the commission read limits: started, warned, met, breached",
        clocks.OUTPUTS,
    ),
    Topic(
        "dead-letters",
        "output",
        "as the original's",
        "operators read every refused input with its reason",
        dead_letters.OUTPUTS,
    ),
)

INPUT_TOPICS = tuple(topic for topic in TOPICS if topic.direction == "input")
OUTPUT_TOPICS = tuple(topic for topic in TOPICS if topic.direction == "output")

TOPIC_OF: dict[str, Topic] = {event.event_type: topic for topic in TOPICS for event in topic.events}
EVENTS: dict[str, type[Event]] = {
    event.event_type: event for topic in TOPICS for event in topic.events
}

_PER_HOSPITAL = frozenset(topic.name for topic in TOPICS if topic.per_hospital)


def own_topic(topic: str, key: str | None) -> str | None:
    """Return the topic of a hospital's own that each event of a topic and key goes to as well.

    Most topics have none: None.
    """
    return f"{topic}.{key}" if topic in _PER_HOSPITAL else None


def topic_names(hospital_ids: Iterable[str]) -> dict[str, Topic]:
    """Return every topic of a city with these hospitals by its name (without the prefix).

    A hospital's own has the properties of the one that it is beside.
    """
    hospitals = tuple(hospital_ids)
    return {topic.name: topic for topic in TOPICS} | {
        f"{topic.name}.{hospital_id}": topic
        for topic in TOPICS
        if topic.per_hospital
        for hospital_id in hospitals
    }


def key_of(event: Content) -> str:
    """Return the key under which an input is published."""
    fields = TOPIC_OF[event.event_type].key_fields
    found = (getattr(event, field, None) for field in fields)
    # The city's own events are keyed by its word.
    return next((key for key in found if key is not None), fields[0])
