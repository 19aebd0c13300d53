"""The queue of incidents that no unit can go to yet: graver conditions first, then older calls.

Those that ask for the same, wherever they are, stand in one lane: whether any unit can go is the
same for all of a lane, so that its head answers for the rest. Only of those who wait for a transfer
crew each has an answer of its own: how soon one could be there.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from typing import Final, NamedTuple

from dispatch.domain.model import Incident

Place = tuple[int, datetime, str]

_GRAVITY: Final = {"critical": 0, "unknown": 1, "stable": 2}


class Lane(NamedTuple):
    """What waiting incidents have in common of what they ask of a unit, and wait for.

    Transfers of a lane may still differ in the vehicles that their patients need.
    """

    gravity: int
    crew: str | None
    wanted_crew: str | None
    transfer_kind: str | None
    transfer_wait_over: bool
    waiting_for: str | None


class WaitingQueue:
    """The ids of waiting incidents in the order in which they are served."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, list[Place]] = {}
        self._of: dict[str, tuple[Lane, Place]] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._of)

    def __iter__(self) -> Iterator[str]:
        """Yield the ids of a snapshot of the queue, the head first."""
        snapshot = merge(*[list(places) for places in self._lanes.values()])
        return (incident_id for _, _, incident_id in snapshot)

    def __contains__(self, incident_id: object) -> bool:
        """Return whether an incident waits."""
        return incident_id in self._of

    def add(self, incident: Incident) -> None:
        """Let an incident wait, or move it to where it now belongs."""
        lane, place = lane_of(incident), _place(incident)
        known = self._of.get(incident.incident_id)
        if known == (lane, place):
            return
        if known is not None:
            self.discard(incident.incident_id)
        insort(self._lanes.setdefault(lane, []), place)
        self._of[incident.incident_id] = lane, place

    def discard(self, incident_id: str) -> None:
        """Take an incident out of the queue, if it is there."""
        known = self._of.pop(incident_id, None)
        if known is None:
            return
        lane, place = known
        places = self._lanes[lane]
        del places[bisect_left(places, place)]
        if not places:
            del self._lanes[lane]

    def ahead_of(self, incident: Incident) -> int:
        """Return how many others are served before this one."""
        place = _place(incident)
        return sum(bisect_left(places, place) for places in self._lanes.values())

    def heads(self) -> list[tuple[Place, Lane]]:
        """Return the first of each lane."""
        return [(places[0], lane) for lane, places in self._lanes.items()]

    def after(self, lane: Lane, place: Place) -> Place | None:
        """Return the next in a lane, None at its end."""
        places = self._lanes.get(lane, [])
        index = bisect_right(places, place)
        return places[index] if index < len(places) else None


def lane_of(incident: Incident) -> Lane:
    """Return the lane that a waiting incident stands in."""
    decision = incident.decision
    return Lane(
        gravity=_GRAVITY[incident.condition],
        crew=None if decision is None else decision["crew"],
        wanted_crew=incident.wanted_crew,
        transfer_kind=incident.transfer_kind,
        transfer_wait_over=incident.transfer_wait_over,
        waiting_for=incident.waiting_for,
    )


def _place(incident: Incident) -> Place:
    return (_GRAVITY[incident.condition], incident.received_at, incident.incident_id)
