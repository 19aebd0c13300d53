"""Deaths in a crew's care: on board, which must not be, and on scene, counted apart."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from dispatch.indicators.figures import Figure, Indicator, Tally
from dispatch.indicators.known import Known
from dispatch.indicators.scope import Scope
from dispatch.topics.envelope import Logged

IN_TRANSFER: Final = Indicator(
    "deaths_in_transfer", "zero", "Jinzhou 2022: 零死亡 (no death); 120 plan §4"
)
ON_SCENE: Final = Indicator("deaths_on_scene", "apart", "120 plan §4", aim=None, target=None)
_ON_BOARD: Final = frozenset({"transporting", "at_hospital"})


class Deaths:
    """Parts deaths by the status of the unit at the time."""

    def __init__(self, known: Known, scope: Scope) -> None:  # noqa: ARG002 - as its siblings
        self._in_transfer = Tally(IN_TRANSFER, scope)
        self._on_scene = Tally(ON_SCENE, scope)
        self.readers: Mapping[str, Callable[[Logged], None]] = {"death.recorded": self._died}

    def figures(self) -> Iterator[Figure]:
        """Yield the deaths in transfer and those on scene."""
        yield self._in_transfer.figure()
        yield self._on_scene.figure()

    def _died(self, event: Logged) -> None:
        data = event.data
        on_board = data["status"] in _ON_BOARD
        tally = self._in_transfer if on_board else self._on_scene
        why = "died_on_board" if on_board else "died_on_scene"
        tally.add(why, data["assignment_id"], event, incident_id=data["incident_id"])
