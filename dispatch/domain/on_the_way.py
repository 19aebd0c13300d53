"""Who is on the way to a patient, and how long each has still to go."""

import math
from collections.abc import Callable, Iterator

from dispatch.domain.model import Assignment, Position
from dispatch.domain.proximity import Proximity
from dispatch.domain.travel import Travel


class OnTheWay:
    """The runs whose crew has not met its patient, found from where another unit is.

    How long each has to go is estimated when somebody asks, and anew when its unit has moved.
    """

    def __init__(self) -> None:
        self._unknown: set[str] = set()
        self._seconds: dict[str, float] = {}
        self._scenes: dict[str, Position] = {}
        # By the power of two that is longer than what there is still to go.
        self._places: dict[int, Proximity] = {}

    def note(self, assignment_id: str, run: Assignment | None) -> None:
        """Take over a change of a run; None stands for one that is not there."""
        self._take_away(assignment_id)
        if run is None or run.ended_at is not None or run.met_patient:
            self._unknown.discard(assignment_id)
        else:
            self._unknown.add(assignment_id)

    def moved(self, assignment_id: str) -> None:
        """Note that the unit of a run may have come nearer."""
        if assignment_id in self._seconds:
            self._take_away(assignment_id)
            self._unknown.add(assignment_id)

    def farther(
        self,
        here: Position,
        by: float,
        travel: Travel,
        estimate: Callable[[str], tuple[Position, float]],
    ) -> Iterator[tuple[float, str]]:
        """Yield each run whose patient is nearer to `here` by so many seconds, and how many.

        `estimate` returns where the patient of a run is, and the seconds that its unit has to go.
        """
        for assignment_id in self._unknown:
            self._put_down(assignment_id, *estimate(assignment_id))
        self._unknown.clear()
        for power, places in self._places.items():
            at_most = math.ldexp(1.0, power) - by
            if at_most <= 0.0 or not len(places):
                continue
            for metres, spot in places.outward(here):
                if travel.at_least(metres) > at_most:
                    break
                seconds = travel.seconds(here, spot.position)
                for assignment_id in spot.ids:
                    sooner = self._seconds[assignment_id] - seconds
                    if sooner >= by:
                        yield sooner, assignment_id

    def _put_down(self, assignment_id: str, scene: Position, seconds: float) -> None:
        self._seconds[assignment_id], self._scenes[assignment_id] = seconds, scene
        self._places.setdefault(_power(seconds), Proximity()).add(assignment_id, scene)

    def _take_away(self, assignment_id: str) -> None:
        seconds = self._seconds.pop(assignment_id, None)
        if seconds is not None:
            scene = self._scenes.pop(assignment_id)
            self._places[_power(seconds)].discard(assignment_id, scene)


def _power(seconds: float) -> int:
    return math.frexp(seconds)[1]
