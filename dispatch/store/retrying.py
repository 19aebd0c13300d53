"""What waits is tried again: after each effect on its subject, and before it is refused."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import structlog

from dispatch.domain import subjects
from dispatch.domain.city import City
from dispatch.store.database import Transaction
from dispatch.store.dead_letters import defect, reject
from dispatch.store.parking import Parked, Parking

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Retrying:
    """The tries of one transaction; `handle` lets an input that waits take effect, or not."""

    tx: Transaction
    city: City
    parking: Parking
    handle: Callable[[Parked], str]

    async def follow(self) -> None:
        """Try what waits for what has just changed; each effect may make more of it legal."""
        about = self.parking.waiting_for(subjects.touched(self.city))
        while about:
            await self.parking.read(about)
            for waiting in self.parking.under(about):
                await self.tx.breathe()
                if self._takes_effect(waiting):
                    about |= self.parking.waiting_for(subjects.touched(self.city))
                    break
            else:
                return

    async def end(self, identities: Collection[str]) -> list[Parked]:
        """Refuse what nothing can make legal any more; return it. All of it is tried first."""
        again = True
        while again:
            again = False
            for waiting in self.parking.named(identities):
                await self.tx.breathe()
                if self.parking.waits(waiting.identity) and self._takes_effect(waiting):
                    await self.follow()
                    again = True
        refused = self.parking.named(identities)
        for waiting in refused:
            inbound, identity = waiting.inbound, waiting.identity
            # As if it had been refused when it came: the dead letter is its own.
            self.city.begin(now=self.tx.now, cause=inbound.identity, seed=identity)
            reject(self.city, inbound, self.parking.reasons(identity))
            self.parking.leave(identity, "rejected")
        return refused

    def _takes_effect(self, waiting: Parked) -> bool:
        """Try an input; a defect in it is not one of what it has waited for."""
        mark = self.city.mark()
        try:
            outcome = self.handle(waiting)
        except Exception as error:
            log.exception("a parked input could not be processed", identity=waiting.identity)
            self.city.roll_back(mark)
            reject(self.city, waiting.inbound, [defect(error)])
            outcome = "rejected"
        if outcome != "parked":
            self.parking.leave(waiting.identity, outcome)
        return outcome == "accepted"
