"""Those who were refused too often: what they sent is dealt with in its turn, behind all others."""

import time

from dispatch.agents.desk import Desk
from dispatch.agents.desk_work import DeskWork
from dispatch.agents.errand import Errand
from dispatch.agents.patience import Patience
from dispatch.metrics import Metrics

LEASE = "set apart"
LEASE_SECONDS = 10.0  # whoever stops is replaced after this
# Of the desk's time, at most: the rest is everybody else's.
SHARE = 0.2
# As long as so many records more are being written down it waits, so that those behind a flood are
# reached sooner.
FLOOD = 1_000
MOST_HELD_SECONDS = 5.0


class Apart(Errand):
    """Deals with what waits apart, sender after sender, one worker at a time under a lease."""

    poll_seconds = 1.0
    work = "set apart"

    def __init__(
        self, desk: Desk, work: DeskWork, holder: str, patience: Patience, metrics: Metrics
    ) -> None:
        super().__init__(patience, metrics)
        self._desk = desk
        self._work = work
        self._holder = holder

    async def round(self) -> None:
        """Deal with all that waits, with pauses, so that it takes no more than its share."""
        while (
            not self.should_stop
            and await self._desk.hear_of_set_apart()
            and await self._desk.lease(LEASE, self._holder, LEASE_SECONDS)
        ):
            began = time.monotonic()
            outgoing = await self._desk.settle_apart()
            if outgoing is None:
                return
            took = time.monotonic() - began
            await self._work.publish(outgoing)
            await self._rest(took * (1 / SHARE - 1))

    async def _rest(self, seconds: float) -> None:
        """Leave the desk to others: longer, to a limit, while they write down what is set apart."""
        ends = time.monotonic() + MOST_HELD_SECONDS
        while True:
            written = self._desk.written_apart
            await self.sleep(seconds)
            more = self._desk.written_apart - written
            if more < FLOOD or time.monotonic() > ends or self.should_stop:
                return
