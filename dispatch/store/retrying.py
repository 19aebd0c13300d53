"""What waits is tried again: after each effect on its subject, and before it is refused.

A defect that shows only when a transaction is written is that of one whose effect it has: often of
one that waits, not of what has released it. It is found by letting fewer of them try.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

import structlog

from dispatch.domain import subjects
from dispatch.domain.city import City
from dispatch.errors import Unavailable
from dispatch.store.database import Transaction
from dispatch.store.dead_letters import defect, reject
from dispatch.store.parking import Parked, Parking
from dispatch.topics.announcement import Reason

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Tries:
    """Which of those that wait a transaction may try, by what they are called; which it has let go.

    Those `refused` have a defect: they are refused for it. Of all no more than `most` end to wait.
    """

    refused: Mapping[str, Reason] = field(default_factory=dict)
    most: int | None = None
    gone: list[str] = field(default_factory=list)

    @property
    def are_over(self) -> bool:
        """Whether as many wait no more as may."""
        return self.most is not None and len(self.gone) >= self.most


async def defective(attempt: Callable[[Tries], Awaitable[None]], failed: Tries) -> str | None:
    """Return which of those that wait has made a transaction fail; None: none of them.

    `attempt` makes it again without a trace, and raises what it fails with. Where it doesn't any
    more with all of them, the fault has passed, and was nobody's.

    Raises:
        Unavailable: the database can't be reached.
    """
    if not failed.gone:
        return None
    tries = Tries(failed.refused)
    if await _goes(attempt, tries):
        return None
    # With so many of them it goes, as far as is known, and with so many it doesn't.
    good, bad, gone = -1, len(tries.gone), list(tries.gone)
    while bad - good > 1:
        tries = Tries(failed.refused, (good + bad) // 2)
        if await _goes(attempt, tries):
            good = (good + bad) // 2
        else:
            bad, gone = len(tries.gone), list(tries.gone)
    return gone[bad - 1] if bad else None


async def _goes(attempt: Callable[[Tries], Awaitable[None]], tries: Tries) -> bool:
    try:
        await attempt(tries)
    except (Unavailable, OSError):
        raise
    except Exception:  # noqa: BLE001 - whatever it is, it fails
        return False
    return True


@dataclass(frozen=True, slots=True)
class Retrying:
    """The tries of one transaction; `handle` lets an input that waits take effect, or not."""

    tx: Transaction
    city: City
    parking: Parking
    handle: Callable[[Parked], str]
    tries: Tries

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
        if self.tries.are_over:
            return []
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
        if self.tries.are_over:
            return False
        inbound, identity = waiting.inbound, waiting.identity
        mark = self.city.mark()
        try:
            if (reason := self.tries.refused.get(identity)) is not None:
                self.city.begin(now=self.tx.now, cause=inbound.identity, seed=identity)
                reject(self.city, inbound, [reason])
                outcome = "rejected"
            else:
                outcome = self.handle(waiting)
        except Exception as error:
            log.exception("a parked input could not be processed", identity=identity)
            self.city.roll_back(mark)
            reject(self.city, inbound, [defect(error)])
            outcome = "rejected"
        if outcome != "parked":
            self.parking.leave(identity, outcome)
            self.tries.gone.append(identity)
        return outcome == "accepted"
