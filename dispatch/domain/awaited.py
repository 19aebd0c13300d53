"""Which inputs could still change what a due timer does: those it waits for while they are unread.

A limit that has run out may have its answer in Kafka already, unread (decision 12). Only an answer
counts: what would end the limit, put it off, or leave nothing to be done when it is over.
"""

from collections.abc import Collection, Mapping
from typing import Final

from dispatch.domain import (
    batch_progress,
    clocks,
    holds,
    known_cases,
    offers,
    placements,
    radio,
    reports,
    setting_out,
    wearing,
)
from dispatch.domain.city import City
from dispatch.domain.model import CITY, Timer
from dispatch.topics.unread import Unread

# Whose answers to a timer a topic brings: of those that its subject is about, or of anybody.
OWN: Final = "own"
ANYBODY: Final = "anybody"

PARKED: Final = "parked"
_CALLERS: Final = {"calls": OWN, "transfers": OWN}
_HOSPITAL: Final = {**_CALLERS, "hospitals": OWN, "units": OWN}

# By kind of timer: the input topics that bring its answers.
TOPICS: Final[Mapping[str, Mapping[str, str]]] = {
    "screening": _CALLERS,
    # Any unit that becomes free serves the queue.
    "transfer_wait": {**_CALLERS, "units": ANYBODY},
    "queue": {**_CALLERS, "units": ANYBODY},
    holds.OVER: _CALLERS,
    holds.REMINDER: _CALLERS,
    radio.TIMER: {**_CALLERS, "units": OWN},
    reports.TIMER: {"commission": OWN},
    known_cases.TIMER: {},
    "hospital_search": {**_CALLERS, "units": OWN, "hospitals": ANYBODY},
    "handover_remind": _HOSPITAL,
    "handover_next": _HOSPITAL,
    "handover_unanswered": _HOSPITAL,
    "handover_signatures": _HOSPITAL,
    wearing.TIMER: {**_CALLERS, "units": OWN},
    setting_out.TIMER: {"units": OWN},
    "disinfection": {"units": OWN},
    "reservation": _HOSPITAL,
    offers.TIMER: {**_CALLERS, "hospitals": OWN},
    placements.SEARCH: {**_CALLERS, "hospitals": ANYBODY},
    batch_progress.TIMER: {"transfers": OWN, "units": ANYBODY, "hospitals": ANYBODY},
    batch_progress.SEARCH: {"transfers": OWN, "hospitals": ANYBODY},
    batch_progress.DUE: {"transfers": OWN, "units": ANYBODY, "hospitals": ANYBODY},
    # Whatever an input waits for that is not legal yet.
    PARKED: dict.fromkeys(("calls", "transfers", "units", "hospitals"), ANYBODY),
}

# The same of clocks, by their kind. Each waits for all that a timer waits for which may meet it.
CLOCK_TOPICS: Final[Mapping[str, Mapping[str, str]]] = {
    "call_answered": _CALLERS,
    "accepted_to_order": {**_CALLERS, "units": ANYBODY},
    "order_to_rolling": {**_CALLERS, "units": OWN},
    "case_reported": {"commission": OWN},
    "crossing_reported": {"commission": OWN},
    # A patient who is taken elsewhere from the door is not waited for.
    "result_fever_clinic": {**_CALLERS, "hospitals": OWN},
    "result_other": {**_CALLERS, "hospitals": OWN},
    "survey": {"commission": OWN},
    "reserve_emptied": {"hospitals": OWN},
    "reserve_in_service": {"hospitals": OWN},
    "temporary_in_service": {"hospitals": OWN},
    "transfer_answered": {**_CALLERS, "hospitals": OWN},
    "follow_up": {"hospitals": OWN},
}

# Of a clock that this program does not know any more.
_ANYTHING: Final = dict.fromkeys(("calls", "units", "hospitals", "transfers"), ANYBODY)


def kinds_that_wait(unread: Unread) -> list[str]:
    """Return the kinds of timers of which each waits, whatever it is about; clocks never."""
    return [
        kind
        for kind, topics in TOPICS.items()
        if any(
            unread.everywhere(topic) or (whose == ANYBODY and unread.somewhere(topic))
            for topic, whose in topics.items()
        )
    ]


def parked_wait_on(unread: Unread) -> bool:
    """Return whether what is parked waits on, as long as the pack says, though no limit does."""
    return any(unread.at_all(topic) for topic in TOPICS[PARKED])


def waits(city: City, timer: Timer, unread: Unread) -> bool:
    """Return whether something unread could still change what a due timer does.

    What is not known is taken to be possible.
    """
    if timer.kind == clocks.TIMER:
        owner, kind, *rest = timer.subject.split("/", 2)
        topics, subject = CLOCK_TOPICS.get(kind, _ANYTHING), rest[0] if rest else owner
    else:
        owner, subject = timer.subject.partition("/")[0], timer.subject
        topics = TOPICS.get(timer.kind, _ANYTHING)
    for topic, whose in topics.items():
        if not unread.somewhere(topic):
            continue
        keys = None if whose == ANYBODY else _keys(city, topic, owner, subject)
        if keys is None or any(unread.of(topic, key) for key in keys):
            return True
    return False


def _keys(city: City, topic: str, owner: str, subject: str) -> Collection[str] | None:
    """Return the keys of those on a topic whom a subject is about; None when that is not known."""
    match topic:
        case "calls":
            incident = city.incidents.get(owner)
            return None if incident is None else incident.calls
        case "units":
            return _units(city, owner, subject)
        case "hospitals":
            return _hospitals(city, owner, subject)
        case "transfers":
            transfer = city.transfers.get(owner)
            batch_id = batch_progress.batch_of(owner) if transfer is None else transfer.batch_id
            return (owner,) if batch_id is None else (owner, batch_id)
        case _:
            return (owner,)


def _units(city: City, owner: str, subject: str) -> Collection[str] | None:
    about = city.assignments.get(subject) or city.handovers.get(subject) or city.jobs.get(subject)
    if about is not None:
        return (about.unit_id,)
    if subject in city.units:
        return (subject,)
    incident = city.incidents.get(owner)
    if incident is None:
        return None
    return [city.assignments[key].unit_id for key in incident.assignments]


def _hospitals(city: City, owner: str, subject: str) -> Collection[str] | None:
    if owner == CITY:
        return (subject,)
    about = (
        city.handovers.get(subject) or city.offers.get(subject) or city.reservations.get(subject)
    )
    return None if about is None else (about.hospital_id,)
