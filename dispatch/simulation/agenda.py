"""What a scenario still has to do, by time."""

import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

Action = Callable[[], Awaitable[None]]


@dataclass(order=True, slots=True)
class _Entry:
    when: datetime
    number: int
    action: Action = field(compare=False)


class Agenda:
    """Actions by time (aware UTC), those of one instant in the order they were put down in."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._numbers = count()

    def put(self, when: datetime, action: Action) -> None:
        """Put down an action."""
        heapq.heappush(self._entries, _Entry(when, next(self._numbers), action))

    @property
    def next(self) -> datetime | None:
        """When the next action is due; None when there is none."""
        return self._entries[0].when if self._entries else None

    def take_due(self, now: datetime) -> list[Action]:
        """Remove and return the actions that are due."""
        due = []
        while self._entries and self._entries[0].when <= now:
            due.append(heapq.heappop(self._entries).action)
        return due
