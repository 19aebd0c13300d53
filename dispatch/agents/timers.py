"""The timers: deadlines and limits whose time has come, on the service's clock."""

import mode

from dispatch.agents.desk import Desk
from dispatch.agents.desk_work import DeskWork
from dispatch.agents.errand import Errand
from dispatch.agents.patience import Patience
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics

LISTEN_AGAIN_SECONDS = 1.0


class Timers(Errand):
    """Fires due timers and publishes what results; any number of workers may do so at once."""

    poll_seconds = 0.25
    work = "timers"

    def __init__(self, desk: Desk, work: DeskWork, patience: Patience, metrics: Metrics) -> None:
        super().__init__(patience, metrics)
        self._desk = desk
        self._work = work

    async def round(self) -> None:
        """Fire all that is due."""
        while not self.should_stop and (outgoing := await self._desk.fire_due()):
            await self._work.publish(outgoing)

    @mode.Service.task
    async def _listen(self) -> None:
        while not self.should_stop:
            try:
                async for _ in self._desk.wakeups():
                    self.wake()
            except (Unavailable, OSError):
                # Only hints are missed; the poll goes on, and is loud when it fails.
                pass
            await self.sleep(LISTEN_AGAIN_SECONDS)
