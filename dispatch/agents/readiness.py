"""Whether a worker is ready: assigned, getting on, and able to read, write and publish."""

import asyncio
from collections.abc import Sequence

from dispatch.agents.desk import Desk
from dispatch.agents.intake import Intake
from dispatch.agents.lag import Lag
from dispatch.agents.publisher import Publisher
from dispatch.errors import ReadOnly, Unavailable

PROBE_SECONDS = 2.0
_JOINS = "no partitions assigned yet"
_LEFT = "its partitions are left to others until the database takes writes"


class Readiness:
    """Asks everything that an app works with."""

    def __init__(
        self, desk: Desk, publisher: Publisher, intakes: Sequence[Intake], lag: Lag
    ) -> None:
        self._desk = desk
        self._publisher = publisher
        self._intakes = intakes
        self._lag = lag

    async def reasons(self) -> list[str]:
        """Return why the app is not ready; nothing when it is."""
        reasons = [
            f"{intake.topic}: {_LEFT if intake.has_left else _JOINS}"
            for intake in self._intakes
            if not intake.assigned
        ]
        database, broker = await asyncio.gather(self._database(), self._broker())
        return reasons + self._lag.standing() + database + broker

    async def _database(self) -> list[str]:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                writable = await self._desk.writable()
        except ReadOnly:
            return ["database: takes no writes"]
        except (Unavailable, OSError):
            return ["database: can't be reached"]
        return [] if writable else ["database: takes no writes"]

    async def _broker(self) -> list[str]:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                reachable = await self._publisher.reachable()
        except TimeoutError:
            reachable = False
        return [] if reachable else ["broker: can't be reached"]
