"""Who may not go and goes all the same: cases not brought, patients who leave before the result."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from dispatch.indicators.figures import Figure, Indicator, Tally
from dispatch.indicators.known import Known
from dispatch.indicators.scope import Scope
from dispatch.topics.envelope import Logged

DEPARTED: Final = Indicator(
    "departures", "zero", "work plans, W (一)3-4: until the result nobody leaves; a case is brought"
)


class Departures:
    """Counts each report of a departure once, by its first attempt."""

    def __init__(self, known: Known, scope: Scope) -> None:  # noqa: ARG002 - as its siblings
        self._departed = Tally(DEPARTED, scope)
        self.readers: Mapping[str, Callable[[Logged], None]] = {
            "departure.reported": self._reported
        }

    def figures(self) -> Iterator[Figure]:
        """Yield the one figure."""
        yield self._departed.figure()

    def _reported(self, event: Logged) -> None:
        data = event.data
        if data["attempt"] == 1:
            about, why = data["handover_id"], "left_hospital"
            if about is None:
                about, why = data["assignment_id"], "transport_declined"
            self._departed.add(why, about, event, incident_id=data["incident_id"])
