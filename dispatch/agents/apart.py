"""Those who were refused too often: what they sent is dealt with in its turn, behind all others."""

import time

from dispatch.agents.desk import Desk
from dispatch.agents.desk_work import DeskWork
from dispatch.agents.errand import Errand
from dispatch.agents.patience import Patience
from dispatch.metrics import Metrics

LEASE = "set apart"
LEASE_SECONDS = 10.0  # whoever stops is replaced after this
# Of the desk's time, at most, for what is refused: the rest is everybody else's.
SHARE = 0.2
# As long as so many records more are being written down it waits, so that those behind a flood are
# reached sooner.
FLOOD = 1_000
MOST_HELD_SECONDS = 5.0
# How often it looks, while a flood pauses, for those of whom most takes effect.
LOOK_SECONDS = 0.25


class Apart(Errand):
    """Deals with what waits apart, sender after sender, one worker at a time under a lease.

    Only what is refused is paid for with a pause. A source may be all crews of a city, of whom one
    outage made a hundred reports come too late: it goes on while floods pause.
    """

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
        """Deal with all that waits; what is refused of it takes no more than its share."""
        while (owed := await self._turn()) is not None:
            await self._make_room(owed)

    async def _turn(self, *, worthwhile: bool = False) -> float | None:
        """Deal with some of one sender; return how many seconds' pause it owes, None: nothing."""
        if (
            self.should_stop
            or not await self._desk.hear_of_set_apart()
            or not await self._desk.lease(LEASE, self._holder, LEASE_SECONDS)
        ):
            return None
        began = time.monotonic()
        outgoing = await self._desk.settle_apart(worthwhile=worthwhile)
        if outgoing is None:
            return None
        took = time.monotonic() - began
        await self._work.publish(outgoing)
        return took * self._desk.refused_apart * (1 / SHARE - 1)

    async def _make_room(self, seconds: float) -> None:
        """Leave the desk to others: longer, to a limit, while they write down what is set apart."""
        ends = time.monotonic() + MOST_HELD_SECONDS
        while True:
            written = self._desk.written_apart
            await self._pause(seconds)
            more = self._desk.written_apart - written
            if more < FLOOD or time.monotonic() > ends or self.should_stop:
                return

    async def _pause(self, seconds: float) -> None:
        """Let so long a time pass, and those go on of whom most takes effect."""
        over = time.monotonic() + seconds
        while (left := over - time.monotonic()) > 0 and not self.should_stop:
            owed = await self._turn(worthwhile=True)
            await self.sleep(min(left, LOOK_SECONDS) if owed is None else owed)
