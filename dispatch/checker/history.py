"""What the checker looks at: events and inputs, set side by side; and what it says of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from itertools import pairwise
from typing import Any, Final, Protocol

from dispatch.topics.envelope import Read

# What opens an incident.
OPENING: Final = frozenset({"call.received", "transfer.requested"})
# What ends a run.
ENDS_OF_RUNS: Final = (
    "order.withdrawn",
    "handover.closed",
    "handover.released",
    "incident.released",
)


class Invariant(IntEnum):
    """What must hold, whatever happens."""

    ONE_ASSIGNMENT_A_UNIT = 1
    ONE_OUTCOME_A_CALL = 2
    NO_ORDER_BEFORE_DISINFECTION = 3
    NO_ROOM_TWICE = 4
    NO_INPUT_LOST = 5
    CAUSAL_ORDER = 6
    DECISIONS_REPLAY = 7
    OWN_TOPICS = 8
    NO_SWAP_TOO_LATE = 9
    NO_LINK_TO_ONE_THAT_LEFT = 10
    CREWS_TOLD = 11
    NO_NEED_UNMET_SILENTLY = 12


class Event(Read, Protocol):
    """An event as a reader consumed it, with its place in its stream and its cause."""

    @property
    def sequence(self) -> int:
        """The number of the event within its topic and key."""
        ...

    @property
    def cause(self) -> str:
        """The identity of the input, or the timer, behind it."""
        ...


@dataclass(frozen=True, slots=True)
class Input:
    """An input that was published, and what the inbox says of it (None: nothing)."""

    identity: str
    type: str
    topic: str
    key: str | None
    outcome: str | None
    place: tuple[str, int, int] | None = None
    """Where it was read: the topic with its prefix, the partition and the offset."""
    numbers: tuple[str, ...] = ()
    """The telephone numbers that a call or transfer gave, for those who go there to ring up."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold: one sentence, and the fewest events that show it."""

    invariant: Invariant
    sentence: str
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """An event and what it says, read once."""

    event: Event
    data: dict[str, Any]

    @property
    def at(self) -> datetime:
        """When it happened (aware UTC)."""
        return datetime.fromisoformat(self.data["at"])


@dataclass(frozen=True, slots=True)
class Span:
    """From one event to the one that ends it; what nothing ends lasts."""

    name: str
    begins: Told
    ends: Told | None

    def reaches_into(self, later: "Span") -> bool:
        """Return whether it lasts beyond the beginning of a later one."""
        return self.ends is None or self.ends.at > later.begins.at

    @property
    def events(self) -> tuple[Event, ...]:
        """The events that show it."""
        return (self.begins.event,) if self.ends is None else (self.begins.event, self.ends.event)


ByType = Mapping[str, Sequence[Told]]


def overlaps(spans: Sequence[Span]) -> Iterator[tuple[Span, Span]]:
    """Yield neighbours of which the earlier reaches into the later."""
    ordered = sorted(spans, key=lambda span: span.begins.at)
    for earlier, later in pairwise(ordered):
        if earlier.reaches_into(later):
            yield earlier, later


def heard_in_time(told: ByType) -> list[Told]:
    """Return how far crews came, but for what was heard only after their run had ended."""
    ended = {each.data["assignment_id"]: each.event for each in told["incident.released"]}
    return [
        each
        for each in told["incident.progressed"]
        # Both are of the incident's stream.
        if (end := ended.get(each.data["assignment_id"])) is None
        or each.event.sequence < end.sequence
    ]


def first_by(field: str, *groups: Sequence[Told]) -> dict[str, Told]:
    """Return the earliest event for each value of a field."""
    first: dict[str, Told] = {}
    for group in groups:
        for each in group:
            value = each.data[field]
            if value not in first or each.at < first[value].at:
                first[value] = each
    return first
