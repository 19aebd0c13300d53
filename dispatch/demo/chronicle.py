"""The event history of a scenario, decoded once and looked up by type."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dispatch.checker import Input
from dispatch.simulation.seen import Seen


@dataclass(frozen=True, slots=True)
class Told:
    """An event of the service and what it says; `place` is its place in the history."""

    place: int
    type: str
    cause: str
    data: dict[str, Any]

    @property
    def at(self) -> datetime:
        """The time (aware) that the event states."""
        return datetime.fromisoformat(self.data["at"])

    def __getitem__(self, name: str) -> Any:
        """Return what the event says under a name."""
        return self.data[name]


class Chronicle:
    """What the service said, in the order it was read, and the inputs that it was given."""

    def __init__(self, history: Iterable[Seen], inputs: Sequence[Input] = ()) -> None:
        self.events = [
            Told(place, seen.type, seen.cause, seen.data) for place, seen in enumerate(history)
        ]
        self.inputs = inputs
        self._by_type: defaultdict[str, list[Told]] = defaultdict(list)
        for told in self.events:
            self._by_type[told.type].append(told)

    def of(self, event_type: str, **wanted: Any) -> Iterator[Told]:
        """Yield the events of a type that say what is wanted, in order."""
        for told in self._by_type[event_type]:
            if all(told.data[name] == value for name, value in wanted.items()):
                yield told

    def has(self, event_type: str, **wanted: Any) -> bool:
        """Return whether there is such an event."""
        return next(self.of(event_type, **wanted), None) is not None
