"""One pass over the event log: every family reads the events that it is about."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from dispatch.domain.model import CITY
from dispatch.indicators.deaths import Deaths
from dispatch.indicators.departures import Departures
from dispatch.indicators.duties import Duties
from dispatch.indicators.exposure import Exposure
from dispatch.indicators.figures import Figure, Indicator
from dispatch.indicators.known import Known
from dispatch.indicators.ordering import Ordering
from dispatch.indicators.scope import Scope
from dispatch.indicators.screening import Screening
from dispatch.indicators.six_none import SixNone
from dispatch.indicators.spill_over import SpillOver
from dispatch.indicators.standards import Standards
from dispatch.policy.pack import Pack
from dispatch.topics.city import CityMode
from dispatch.topics.envelope import Logged, Read, time_said

# Events that name the district of the incident that they are about.
_OPENING: Final = frozenset({"call.decided", "case.reported", "clock.started"})
# Events of one time but of several topics, in the order in which the service writes them.
_FIRST, _THEN, _ORDERS, _LAST = range(4)
_RANK: Final[Mapping[str, int]] = {
    "disinfection.accepted": _FIRST,
    "bed.occupied": _FIRST,
    "order.issued": _ORDERS,
    "order.amended": _ORDERS,
    "incident.closed": _LAST,
}


class _Family(Protocol):
    """The indicators of one kind."""

    readers: Mapping[str, Callable[[Logged], None]]

    def figures(self) -> Iterator[Figure]:
        """Yield what came of them."""
        ...


class Computation:
    """Takes the events in the order of the log; state is kept for what is open, not for the past.

    `mode` is the city's before the first event.
    """

    def __init__(self, pack: Pack, scope: Scope, mode: CityMode) -> None:
        self.scope = scope
        self._known = Known(pack)
        self._families: tuple[_Family, ...] = (
            Screening(self._known, scope),
            Ordering(self._known, scope, mode),
            Exposure(self._known, scope),
            SpillOver(self._known, scope),
            Departures(self._known, scope),
            Deaths(self._known, scope),
            SixNone(self._known, scope),
            Standards(self._known, scope),
            Duties(self._known, scope),
        )
        readers: defaultdict[str, list[Callable[[Logged], None]]] = defaultdict(list)
        for family in self._families:
            for event_type, reader in family.readers.items():
                readers[event_type].append(reader)
        self._readers = dict(readers)

    @property
    def types(self) -> frozenset[str]:
        """The types of the events that matter; others need not be read."""
        return frozenset(self._readers) | _OPENING

    def take(self, event: Logged) -> None:
        """Take the next event of the log; one after the range changes nothing."""
        if self.scope.is_over(event.at):
            return
        if event.type in _OPENING:
            owner = event.data.get("incident_id") or event.data["owner"]
            if owner != CITY:
                self.scope.learn(owner, event.data.get("district"))
        self._known.learn(event)
        for reader in self._readers.get(event.type, ()):
            reader(event)
        self._known.forget(event)

    def figures(self) -> list[Figure]:
        """Return what came of every indicator, family by family."""
        return [figure for family in self._families for figure in family.figures()]


def registry(pack: Pack) -> dict[str, Indicator]:
    """Return every indicator by its name, in the order in which they are shown."""
    nothing = Computation(pack, Scope(), "epidemic").figures()
    return {figure.indicator.name: figure.indicator for figure in nothing}


def compute(
    events: Iterable[Logged],
    pack: Pack,
    *,
    mode: CityMode = "epidemic",
    begins: datetime | None = None,
    ends: datetime | None = None,
    district: str | None = None,
) -> list[Figure]:
    """Return every figure for a range, half-open (aware times), and a district or the whole city.

    `events` are in the order of the log, from its beginning: what began before the range still
    counts for what happens in it. Raises ValueError for a range that makes no sense.
    """
    computation = Computation(pack, Scope(begins, ends, district), mode)
    for event in events:
        computation.take(event)
    return computation.figures()


def as_logged(history: Iterable[Read]) -> list[Logged]:
    """Return what a reader of the topics consumed as a log, numbered from 1.

    Topics come side by side in no order: events are set in that of their times, those of a topic
    and key in their own. An event that was delivered more than once counts once.
    """
    known: set[str] = set()
    latest: dict[tuple[str, str | None], datetime] = {}
    placed: list[tuple[datetime, int, int, Logged]] = []
    for number, event in enumerate(history):
        data = event.data
        at = time_said(data)
        if event.id in known or at is None:
            continue
        known.add(event.id)
        stream = event.topic, event.key
        # A crew's clock may go behind the service's: it does not turn the order round.
        latest[stream] = max(at, latest.get(stream, at))
        logged = Logged(0, event.id, event.topic, event.key, event.type, at, data)
        placed.append((latest[stream], _RANK.get(event.type, _THEN), number, logged))
    placed.sort(key=lambda entry: entry[:3])
    return [
        replace(logged, position=position)
        for position, (_, _, _, logged) in enumerate(placed, start=1)
    ]
