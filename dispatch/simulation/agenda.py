"""What a scenario still has to do, by time."""

import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

Action = Callable[[], Awaitable[None]]


@dataclass(order=True, slots=True)
class Entry:
    """An action and its time; one that is `exact` is not done in one go with earlier ones."""

    when: datetime
    number: int
    action: Action = field(compare=False)
    exact: bool = field(compare=False)


class Agenda:
    """Actions by time (aware UTC), those of one instant in the order they were put down in."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._numbers = count()

    def put(self, when: datetime, action: Action, *, exact: bool) -> None:
        """Put down an action."""
        heapq.heappush(self._entries, Entry(when, next(self._numbers), action, exact))

    @property
    def next(self) -> datetime | None:
        """When the next action is due; None when there is none."""
        return self._entries[0].when if self._entries else None

    def take(self, until: datetime) -> list[Entry]:
        """Remove and return what is due until a time, up to an exact one or at its instant."""
        due: list[Entry] = []
        while self._entries and self._entries[0].when <= until:
            following = self._entries[0]
            if due and following.exact and following.when > due[0].when:
                break
            due.append(heapq.heappop(self._entries))
            if due[-1].exact:
                until = due[-1].when
        return due
