"""What the agents ask of the desk, which decides, keeps the truth and remembers what to publish."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from aiokafka import ConsumerRecord

from dispatch.claim import Claim
from dispatch.health import DeskHealth
from dispatch.planning.plan import Plan
from dispatch.planning.task import Task
from dispatch.topics.envelope import Outgoing, Record
from dispatch.topics.unread import Unread


class Desk(Protocol):
    """One desk a worker process; every method may be called by several tasks at once.

    Every method raises Unavailable when the database can't be reached: nothing has happened then,
    and the same call may be made again.
    """

    @property
    def claim(self) -> Claim | None:
        """The database's claim to the topics; None when it makes none."""
        ...

    async def take(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        """Let the records take effect, in one transaction.

        Returns everything unpublished for the keys they touched, in log order for each key, also
        when all the records are replays. Raises anything but Unavailable when one of the records
        can't be processed: nothing has happened then.
        """
        ...

    async def refuse(self, record: Record, error: BaseException) -> Sequence[Outgoing]:
        """Dead-letter the one record whose processing raised `error`, and note its position."""
        ...

    def set_apart(self, read: Sequence[ConsumerRecord[bytes, bytes]]) -> int:
        """Return how many of some records are only written down: their senders are set apart."""
        ...

    @property
    def written_apart(self) -> int:
        """How many records this process has written down as set apart."""
        ...

    async def hear_of_set_apart(self) -> bool:
        """Learn which senders other workers have set apart; return whether any is."""
        ...

    @property
    def refused_apart(self) -> float:
        """What share of that which was last settled apart was refused, 0 to 1."""
        ...

    async def settle_apart(self, *, worthwhile: bool = False) -> Sequence[Outgoing] | None:
        """Deal with some hundreds of inputs of the sender whose turn it is; None: nothing waits.

        With `worthwhile`, of those only of whose last turn enough took effect.
        """
        ...

    async def due(self) -> datetime | None:
        """Return the time on the service's clock when a timer is due, None when none is."""
        ...

    @property
    def anything_parked(self) -> bool:
        """Whether any input waited to become legal when `due` was asked last."""
        ...

    async def fire_due(
        self, by: datetime, unread: Unread | None = None, *, parked: bool = True
    ) -> Sequence[Outgoing]:
        """Fire timers that were due by a time, some hundreds at most; nothing when none was.

        Those that `unread` inputs could still change stay due, and unless `parked` all that is.
        """
        ...

    async def leftovers(self, older_than_seconds: float, limit: int) -> Sequence[Outgoing]:
        """Return up to `limit` unpublished events of at least that age, in log order."""
        ...

    async def still_unpublished(self, positions: Sequence[int]) -> set[int]:
        """Return those of some positions whose events are not known to be published."""
        ...

    async def published(self, events: Sequence[Outgoing]) -> None:
        """Note that the brokers have acknowledged the events."""
        ...

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Take or renew the lease, which expires by itself; false while another holds it."""
        ...

    async def writable(self) -> bool:
        """Return whether the database takes writes."""
        ...

    async def noted(self, incarnation: str) -> Mapping[tuple[str, int], int]:
        """Return the next offset to read by (topic, partition), as it was noted."""
        ...

    async def note(self, incarnation: str, positions: Mapping[tuple[str, int], int]) -> None:
        """Note next offsets to read where there was nothing to take; they are never lowered."""
        ...

    async def clock_offset(self) -> float | None:
        """Set the clock by the database's; return by how many seconds this machine's is ahead.

        None where the time is not the database's.
        """
        ...

    async def health(self) -> DeskHealth:
        """Return how the desk is doing."""
        ...

    async def unplanned(self) -> Sequence[str]:
        """Return the batches that wait for a plan, by their ids."""
        ...

    async def planning_task(self, batch_id: str) -> Task | None:
        """Return what a batch's plan is asked for, now; None when it waits for none any more."""
        ...

    async def adopt(self, batch_id: str, revision: int, plan: Plan) -> Sequence[Outgoing]:
        """Take a plan over, unless its batch has changed since; return what is to be published."""
        ...

    def wakeups(self) -> AsyncIterator[None]:
        """Yield when timers may be due; only a hint, and it may end at any time."""
        ...
