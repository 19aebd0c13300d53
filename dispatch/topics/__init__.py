"""The topics and the events on them: the contract with consoles, crews and hospitals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

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
    "WITHHOLDING",
    "Event",
    "Own",
    "Parties",
    "Party",
    "Topic",
    "for_everybody",
    "has_own",
    "key_of",
    "own_topic",
    "own_topic_of",
    "topic_names",
]


# Who has topics of their own.
Party = Literal["hospital", "unit", "institution"]


@dataclass(frozen=True, slots=True)
class Own:
    """Who has topics of their own beside a topic, and the field of its events that names them.

    `stays` says that one which has left the city's plan is written to as before.
    """

    party: Party
    field: str
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Parties:
    """Those of a city who have topics of their own, by their ids.

    A hospital may ask for transfers as any institution does.
    """

    hospitals: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    institutions: frozenset[str] = frozenset()

    def of(self, party: Party) -> frozenset[str]:
        """Return the ids of one kind of them."""
        match party:
            case "hospital":
                return self.hospitals
            case "unit":
                return self.units
            case "institution":
                return self.hospitals | self.institutions


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its name (without the prefix of an installation), its key and its events.

    `key` says what keys it: of an input topic the field of each event, or fields parted by "or".
    `own` says who has topics of their own beside it, with their events alone: Kafka's access lists
    know topics and no keys, so nobody needs to see another's patients.
    """

    name: str
    direction: Literal["input", "output"]
    key: str
    summary: str
    events: tuple[type[Event], ...]
    own: Own | None = None

    @property
    def key_fields(self) -> tuple[str, ...]:
        """The fields of which each event has the one that keys it."""
        return tuple(self.key.split(" or "))


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
        "crews publish status, position, findings, measurements, signatures, certificates",
        units.INPUTS,
    ),
    Topic(
        "hospitals",
        "input",
        "hospital_id",
        "hospitals publish capacity, answers, signatures, results and certificates",
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
    Topic(
        "orders",
        "output",
        "unit_id",
        "crews read orders and amendments",
        orders.OUTPUTS,
        Own("unit", "unit_id"),
    ),
    Topic(
        "handovers",
        "output",
        "hospital_id",
        "hospitals read who comes, when and what to prepare",
        handovers.OUTPUTS,
        Own("hospital", "hospital_id", stays=True),
    ),
    Topic(
        "placements",
        "output",
        "transfer_id or batch_id",
        "institutions read where their patients go, when, and why not",
        placements.OUTPUTS,
        Own("institution", "institution_id"),
    ),
    Topic(
        "beds",
        "output",
        "hospital_id",
        "hospitals and the commission read reservations, tiers and supplies",
        beds.OUTPUTS,
        Own("hospital", "hospital_id", stays=True),
    ),
    Topic(
        "disinfections",
        "output",
        "unit_id",
        "decontamination centres and crews read jobs and verdicts",
        disinfections.OUTPUTS,
        Own("hospital", "centre_id"),
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
        "the health commission reads cases, departures and duties",
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

# The topics beside which somebody has topics of their own.
_OWN: Final[Mapping[str, Own]] = {topic.name: topic.own for topic in TOPICS if topic.own}
_BY_FIELD: Final = frozenset(
    topic.name for topic in TOPICS if topic.own and topic.own.field != topic.key
)
# The events of which the shared topic says less than the own one.
WITHHOLDING: Final[Mapping[str, type[Announcement]]] = {
    event.event_type: event
    for topic in OUTPUT_TOPICS
    for event in topic.events
    if issubclass(event, Announcement) and event.withheld
}


def has_own(topic: str) -> bool:
    """Return whether somebody has topics of their own beside a topic."""
    return topic in _OWN


def own_topic(topic: str, owner: str) -> str:
    """Return the name of somebody's own topic beside another (both without the prefix)."""
    return f"{topic}.{owner}"


def own_topic_of(
    topic: str, key: str | None, data: Mapping[str, Any], parties: Parties
) -> str | None:
    """Return the own topic that an event goes to as well; None where nobody has one.

    Only `parties` of the city's plan have: a name that somebody makes up holds up nobody.
    """
    own = _OWN.get(topic)
    if own is None:
        return None
    owner = data.get(own.field) if topic in _BY_FIELD else key
    if owner is None or not (own.stays or owner in parties.of(own.party)):
        return None
    return own_topic(topic, owner)


def for_everybody(event_type: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the shared topic says of an event, where its own topic may say more."""
    model = WITHHOLDING.get(event_type)
    return data if model is None else model.for_everybody(data)


def topic_names(parties: Parties) -> dict[str, Topic]:
    """Return every topic of a city with these parties by its name (without the prefix).

    Somebody's own has the properties of the one that it is beside.
    """
    return {topic.name: topic for topic in TOPICS} | {
        own_topic(topic.name, owner): topic
        for topic in TOPICS
        if topic.own is not None
        for owner in sorted(parties.of(topic.own.party))
    }


def key_of(event: Content) -> str:
    """Return the key under which an input is published."""
    fields = TOPIC_OF[event.event_type].key_fields
    found = (getattr(event, field, None) for field in fields)
    # The city's own events are keyed by its word.
    return next((key for key in found if key is not None), fields[0])
