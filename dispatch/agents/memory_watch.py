"""Tells when a worker's memory fills up: what is open stays in it."""

from typing import Final

import structlog

from dispatch import process_memory
from dispatch.agents.desk import Desk
from dispatch.agents.errand import Errand
from dispatch.agents.patience import Patience
from dispatch.metrics import Metrics

log = structlog.get_logger(__name__)

# Shares of what the process may have: where it is told, and below which it is told anew.
FULL: Final = 0.8
NO_MORE: Final = 0.75


class MemoryWatch(Errand):
    """Warns once each time that too much of the memory is taken."""

    poll_seconds = 10.0
    work = "memory"

    def __init__(self, desk: Desk, patience: Patience, metrics: Metrics) -> None:
        super().__init__(patience, metrics)
        self._desk = desk
        self._told = False

    async def round(self) -> None:
        """Compare what the process has with what it may have."""
        has, may = process_memory.resident(), process_memory.limit()
        if has < NO_MORE * may:
            self._told = False
        elif has > FULL * may and not self._told:
            self._told = True
            log.warning(
                "memory is nearly full: close incidents that are over, or allow more",
                bytes=has,
                limit=may,
                open_incidents=(await self._desk.health()).open_incidents,
            )
