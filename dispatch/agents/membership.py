"""Whether this worker takes part in the groups that share the inputs out."""

import asyncio
import time
from collections.abc import Sequence

import structlog

from dispatch.agents.desk import Desk
from dispatch.agents.errand import Errand
from dispatch.agents.intake import Intake
from dispatch.agents.patience import Patience
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics

PROBE_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Membership(Errand):
    """Has the intakes leave their groups while the database takes no writes from this worker.

    Another worker, which may reach it, gets the partitions; where none does, nothing is lost by it.
    They join again when the database takes writes.
    """

    poll_seconds = 1.0
    work = "membership"

    def __init__(
        self, desk: Desk, intakes: Sequence[Intake], patience: Patience, metrics: Metrics
    ) -> None:
        super().__init__(patience, metrics)
        self._desk = desk
        self._intakes = intakes
        self._without_since: float | None = None
        self._probe: asyncio.Task[bool] | None = None

    async def round(self) -> None:
        """Look at the database once, and leave or join accordingly."""
        if await self._writable():
            self._without_since = None
            for intake in self._intakes:
                intake.join()
            return
        now = time.monotonic()
        if self._without_since is None:
            self._without_since = now
        elif now - self._without_since > self._patience.database_limit and not self.should_stop:
            await asyncio.gather(*(intake.leave() for intake in self._intakes))

    async def _writable(self) -> bool:
        """Return whether the database says in time that it takes writes.

        To give the question up can take as long as a silent network likes: the answer is left
        alone, and nothing else is asked before it is there.
        """
        if self._probe is None:
            self._probe = asyncio.create_task(self._desk.writable())
        done, _ = await asyncio.wait({self._probe}, timeout=PROBE_SECONDS)
        if not done:
            return False
        probe, self._probe = self._probe, None
        try:
            return probe.result()
        except (Unavailable, OSError):
            return False

    async def on_stop(self) -> None:
        """Let the round in hand end."""
        await super().on_stop()
        if self._probe is not None:
            self._probe.cancel()
