"""The queue of incidents that no unit can go to yet: graver conditions first, then older calls."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from dispatch.domain.model import Incident

Place = tuple[int, datetime, str]

_GRAVITY: Final = {"critical": 0, "unknown": 1, "stable": 2}


class WaitingQueue:
    """The ids of waiting incidents in the order in which they are served."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._of: dict[str, Place] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        """Yield the ids of a snapshot of the queue, the head first."""
        return iter([incident_id for _, _, incident_id in self._places])

    def __contains__(self, incident_id: object) -> bool:
        """Return whether an incident waits."""
        return incident_id in self._of

    def add(self, incident: Incident) -> None:
        """Let an incident wait, or move it to where its condition now belongs."""
        self.discard(incident.incident_id)
        place = _place(incident)
        insort(self._places, place)
        self._of[incident.incident_id] = place

    def discard(self, incident_id: str) -> None:
        """Take an incident out of the queue, if it is there."""
        place = self._of.pop(incident_id, None)
        if place is not None:
            del self._places[bisect_left(self._places, place)]

    def ahead_of(self, incident: Incident) -> int:
        """Return how many others are served before this one."""
        return bisect_left(self._places, _place(incident))


def _place(incident: Incident) -> Place:
    return (_GRAVITY[incident.condition], incident.received_at, incident.incident_id)
