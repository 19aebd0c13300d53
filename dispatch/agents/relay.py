"""The relay: publishes what a crash left behind, one relay at a time."""

from dispatch.agents.desk import Desk
from dispatch.agents.desk_work import DeskWork
from dispatch.agents.errand import Errand
from dispatch.agents.patience import Patience
from dispatch.metrics import Metrics

LEASE = "relay"
LEASE_SECONDS = 10.0  # a relay that stops is replaced after this
# Younger events are being published by whoever produced them: as slowly as this worker publishes,
# or half as fast. Too short a time has events published twice, no more.
SETTLED_SECONDS = 1.0
LONGEST_SETTLED_SECONDS = 5.0  # a dead worker's events wait no longer
LEFTOVERS = 1_000  # events in one go


class Relay(Errand):
    """Publishes unpublished events in log order while it holds the lease."""

    poll_seconds = 0.5
    work = "relay"

    def __init__(
        self, desk: Desk, work: DeskWork, holder: str, patience: Patience, metrics: Metrics
    ) -> None:
        super().__init__(patience, metrics)
        self._desk = desk
        self._work = work
        self._holder = holder

    @property
    def _settled_seconds(self) -> float:
        slow = 2 * self._work.publishing_seconds
        return min(max(slow, SETTLED_SECONDS), LONGEST_SETTLED_SECONDS)

    async def round(self) -> None:
        """Publish everything that was left behind."""
        while not self.should_stop and await self._desk.lease(LEASE, self._holder, LEASE_SECONDS):
            outgoing = await self._desk.leftovers(self._settled_seconds, LEFTOVERS)
            if not outgoing:
                return
            await self._work.publish(outgoing)
