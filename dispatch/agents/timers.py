"""The timers: deadlines and limits whose time has come, on the service's clock."""

import time

import mode
import structlog

from dispatch.agents.desk import Desk
from dispatch.agents.desk_work import DeskWork
from dispatch.agents.errand import Errand
from dispatch.agents.patience import Patience
from dispatch.agents.unread import Unread
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics

LISTEN_AGAIN_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 0.05

log = structlog.get_logger(__name__)


class Timers(Errand):
    """Fires due timers and publishes what results; any number of workers may do so at once.

    What came in time counts, however late it is read: after a standstill or under more load than
    can be dealt with, a limit runs out only when the inputs that came before its end were read.
    """

    poll_seconds = 0.25
    work = "timers"

    def __init__(
        self, desk: Desk, work: DeskWork, unread: Unread, patience: Patience, metrics: Metrics
    ) -> None:
        super().__init__(patience, metrics)
        self._desk = desk
        self._work = work
        self._unread = unread

    async def on_stop(self) -> None:
        """Let the round in hand end, and let go of the brokers."""
        await super().on_stop()
        await self._unread.close()

    async def round(self) -> None:
        """Fire all that is due."""
        while not self.should_stop and (due := await self._desk.due()) is not None:
            await self._until_read()
            if not self.should_stop:
                await self._work.publish(await self._desk.fire_due(due))

    async def _until_read(self) -> None:
        """Wait until all inputs that Kafka has by now were dealt with, by whichever worker."""
        left = await self._unread.left(ends := await self._unread.ends())
        moved = time.monotonic()
        while left and not self.should_stop:
            await self.sleep(LOOK_AGAIN_SECONDS)
            before, left = left, await self._unread.left(ends)
            if left != before:
                moved = time.monotonic()
            elif left and time.monotonic() - moved > self._patience.standstill_limit:
                # Raises while the brokers are away: whoever has something to say can't, either.
                await self._unread.ends()
                log.error(
                    "limits run out before inputs that nobody reads",
                    unread={f"{tp.topic}-{tp.partition}": count for tp, count in left.items()},
                )
                return

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
