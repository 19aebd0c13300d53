"""A dispatch centre in this process: the real rules on a scenario clock, nothing written anywhere.

Inputs take effect and timers fire as at the desk, in the order of their times. Nothing is
forgotten: a day fits into memory.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, TypeVar

from dispatch.checker import Input, numbers_in
from dispatch.domain import handling
from dispatch.domain.city import City
from dispatch.domain.model import Incident, Job, Timer
from dispatch.topics import TOPIC_OF
from dispatch.topics.announcement import Announcement
from dispatch.topics.fields import Content

E = TypeVar("E", bound=Announcement)

Action = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Told:
    """An event that the centre published, as the checker reads it."""

    topic: str
    key: str | None
    sequence: int
    id: str
    cause: str
    event: Announcement

    @property
    def type(self) -> str:
        """The type of the event."""
        return self.event.event_type

    @property
    def data(self) -> dict[str, Any]:
        """What the event says, as its JSON has it."""
        return self.event.model_dump(mode="json")


class Centre:
    """A city, its clock, its timers, and everything that it was told and has told.

    An input that is refused raises: crews and consoles of a simulation say nothing wrong.
    """

    def __init__(self, city: City, *, start: datetime) -> None:
        self.city = city
        self.now = start
        self.history: list[Told] = []
        self.inputs: list[Input] = []
        self._agenda: list[tuple[datetime, int, Action]] = []
        self._numbers = count()
        self._timers: dict[str, Timer] = {}
        # Incidents that are not closed, disinfections without an accepted certificate.
        self._open: set[str] = set()
        self._sequences: defaultdict[tuple[str, str | None], int] = defaultdict(int)
        self._listeners: defaultdict[type[Announcement], list[Callable[[Any], None]]] = defaultdict(
            list
        )

    def on(self, kind: type[E], listener: Callable[[E], None]) -> None:
        """Tell a listener every event of a kind; it says nothing itself, but puts things down."""
        self._listeners[kind].append(listener)

    def at(self, when: datetime, action: Action) -> None:
        """Put down an action for a time (aware UTC)."""
        heapq.heappush(self._agenda, (when, next(self._numbers), action))

    def after(self, seconds: float, action: Action) -> None:
        """Put down an action for so many seconds from now."""
        self.at(self.now + timedelta(seconds=seconds), action)

    def run(self, until: datetime) -> None:
        """Do what is put down for times up to `until`, and on until nothing is left open."""
        while self._agenda and (self._agenda[0][0] <= until or self._open):
            self.now, _, action = heapq.heappop(self._agenda)
            action()

    def say(self, event: Content, key: str) -> None:
        """Let an input take effect.

        Raises:
            Rejected: it must not; the simulation is wrong.
        """
        identity = f"input-{len(self.inputs) + 1}"
        self.city.begin(now=self.now, cause=identity)
        handling.handle(self.city, event, identity)
        topic = TOPIC_OF[event.event_type].name
        numbers = numbers_in(event)
        self.inputs.append(
            Input(identity, event.event_type, topic, key, "accepted", numbers=numbers)
        )
        self._settle()

    def _fire(self, timer: Timer) -> None:
        if self._timers.get(timer.timer_id) is not timer:
            return
        self.city.begin(now=self.now, cause=f"{timer.timer_id}@{timer.due_at.isoformat()}")
        self.city.cancel_timer(timer.kind, timer.subject)
        handling.fire(self.city, timer)
        self._settle()

    def _settle(self) -> None:
        city = self.city
        changes = city.changes
        for timer_id, timer in changes.timers:
            if timer is None:
                self._timers.pop(timer_id, None)
            else:
                self._timers[timer_id] = timer
                self.at(timer.due_at, partial(self._fire, timer))
        for entity in changes.entities.values():
            if isinstance(entity, Incident):
                self._note(entity.incident_id, entity.status != "closed")
            elif isinstance(entity, Job):
                self._note(entity.job_id, entity.ended_at is None)
        city.settle()
        for emission in changes.emissions:
            stream = (TOPIC_OF[emission.event.event_type].name, emission.key)
            self._sequences[stream] += 1
            self.history.append(
                Told(
                    *stream,
                    self._sequences[stream],
                    emission.event_id,
                    emission.cause,
                    emission.event,
                )
            )
            for listener in self._listeners[type(emission.event)]:
                listener(emission.event)

    def _note(self, what: str, is_open: bool) -> None:
        if is_open:
            self._open.add(what)
        else:
            self._open.discard(what)
