"""Sets the worker's clock by the database's, again and again, and tells how wrong this one is."""

from dispatch.agents.desk import Desk
from dispatch.agents.errand import Errand
from dispatch.agents.patience import Patience
from dispatch.metrics import Metrics


class ClockWatch(Errand):
    """Measures how far this machine's clock is from the database's."""

    poll_seconds = 5.0
    work = "clock"

    def __init__(self, desk: Desk, patience: Patience, metrics: Metrics) -> None:
        super().__init__(patience, metrics)
        self._desk = desk

    async def round(self) -> None:
        """Measure once."""
        offset = await self._desk.clock_offset()
        if offset is not None:
            self._metrics.clock_offset.set(offset)
