"""What becomes of every batch: the desk decides it, its events are published and marked.

Deciding and publishing go on side by side, each one at a time: while the events of some batches
are on their way to the brokers, the desk decides those that came meanwhile, as one. Every set of
events is complete by itself (it holds what is unpublished before them in their streams), so one
that can't be published never lets a later one overtake it.

What was decided before is as a rule on its way, from another worker or from this one's timers:
what follows it waits for that, for a moment, instead of taking it along once more.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import mode

from dispatch.agents import journal
from dispatch.agents.batch import Batch
from dispatch.agents.desk import Desk
from dispatch.agents.publisher import Publisher
from dispatch.errors import Unavailable
from dispatch.topics.envelope import Outgoing, Record

# What a publishing that was slow still says of the next, after one that was quick.
_FADING: Final = 0.9
# How long an event is waited for that is on its way from elsewhere: some times as long as
# publishing takes. Then it was left behind, and goes out before what follows it.
ELSEWHERE_SECONDS: Final = 0.5
_LOOKS: Final = 50


@dataclass(frozen=True, slots=True)
class _Decided:
    """Batches that have taken effect, and when; the events that they have to publish."""

    batches: Sequence[Batch]
    outgoing: Sequence[Outgoing]
    at: float


class DeskWork(mode.Service):
    """The body that the agents share."""

    def __init__(self, desk: Desk, publisher: Publisher, *, batch_size: int) -> None:
        super().__init__()
        self._desk = desk
        self._publisher = publisher
        self._batch_size = batch_size
        self._waiting: deque[Batch] = deque()
        self._came = asyncio.Event()
        self._decided: asyncio.Queue[_Decided] = asyncio.Queue()
        # By their positions.
        self._just_published: Mapping[int, Outgoing] = {}
        self.publishing_seconds = 0.0
        """How long publishing and marking takes: at most, of late."""

    async def serve(self, batches: AsyncIterable[Batch]) -> None:
        """Let batch after batch be settled; whatever goes wrong, the intake hears of it."""
        async for batch in batches:
            self._waiting.append(batch)
            self._came.set()

    @mode.Service.task
    async def _decide_all(self) -> None:
        async def decide_what_waits() -> None:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                await self._decide(self._next_together())

        await self._for_good(decide_what_waits)

    @mode.Service.task
    async def _publish_all(self) -> None:
        async def publish_what_is_decided() -> None:
            decided = [await self._decided.get()]
            while not self._decided.empty():
                decided.append(self._decided.get_nowait())
            await self._publish_decided(decided)

        await self._for_good(publish_what_is_decided)

    async def _for_good(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it again and again; to end before the service is stopped is a crash, never silent."""
        try:
            while True:
                await work()
        except asyncio.CancelledError as error:
            if self.should_stop:
                raise
            raise RuntimeError("cancelled, though nobody stops") from error

    def _next_together(self) -> list[Batch]:
        """Return the batches to decide as one: as they came, as many records as one may have."""
        together = [self._waiting.popleft()]
        size = len(together[0].records)
        while self._waiting and not (together[-1].alone or self._waiting[0].alone):
            size += len(self._waiting[0].records)
            if size > self._batch_size:
                break
            together.append(self._waiting.popleft())
        return together

    async def _decide(self, together: Sequence[Batch]) -> None:
        """Let batches take effect together, or none of them."""
        batches: list[Batch] = []
        for batch in together:
            before = batch.before
            if batch.superseded:
                continue
            if before is None or before.in_effect or before in batches:
                batches.append(batch)
            else:
                batch.fail(Unavailable("the records before these have not taken effect yet"))
        if not batches:
            return
        try:
            outgoing = await self._take([record for batch in batches for record in batch.records])
        except Exception as error:  # noqa: BLE001 - the intakes decide, and lose nothing
            for batch in batches:
                batch.fail(error)
            return
        for batch in batches:
            batch.take_effect()
        decided = _Decided(batches, outgoing, time.monotonic())
        if batches[0].alone:
            # A partition that takes nothing must not keep back, again and again, what it isn't in.
            self.add_future(self._publish_decided([decided]))
        else:
            self._decided.put_nowait(decided)

    async def _take(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        """Let the records take effect; what can't be processed is found by halves, and refused.

        In order, so that the events of a key stay in order. Raises Unavailable: some of the
        records may have taken effect; take them all again.
        """
        try:
            return await self._desk.take(records)
        except (Unavailable, OSError):
            # An OSError is a lost connection, never a fault of a record.
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one record's
            if len(records) == 1:
                return await self._desk.refuse(records[0], error)
        middle = len(records) // 2
        return [*await self._take(records[:middle]), *await self._take(records[middle:])]

    async def _publish_decided(self, decided: Sequence[_Decided]) -> None:
        """Publish what some batches have to, but for what was published just before.

        What was decided before that was marked has it once more. A position says nothing alone: a
        database that has lost commits gives it to another event.
        """
        events: dict[int, Outgoing] = {}
        for event in chain.from_iterable(each.outgoing for each in decided):
            position = event.position
            # Of one that is there twice the first is that which decided it.
            known = events.get(position) or self._just_published.get(position)
            if known is None or known != event:
                events[position] = event
        batches = [batch for each in decided for batch in each.batches]
        try:
            await self._publish([events[position] for position in sorted(events)], decided[0].at)
        except Exception as error:  # noqa: BLE001 - the intakes put the batches again
            for batch in batches:
                batch.fail(error)
            return
        self._just_published = events
        for batch in batches:
            batch.succeed()

    async def publish(self, outgoing: Sequence[Outgoing]) -> None:
        """Publish the events, mark and note them. Raises Unavailable: they stay unpublished."""
        await self._publish(outgoing, time.monotonic())

    async def _publish(self, outgoing: Sequence[Outgoing], since: float) -> None:
        """Publish the events, each when what was decided before it in its stream is published.

        Each worker waits for lower places in the log only, so none waits for the other in vain.
        """
        left = {event.position for event in outgoing if event.earlier}
        looked = 0
        while True:
            ready, outgoing = _parted(outgoing, left)
            await self._send(ready, since)
            if not outgoing:
                return
            looked = 0 if ready else looked + 1
            if looked > _LOOKS:
                break
            if looked:
                await asyncio.sleep(ELSEWHERE_SECONDS / _LOOKS)
            left = await self._desk.still_unpublished(sorted(left))
            since = time.monotonic()
        # Somebody has left them behind.
        await self._send(outgoing, since)

    async def _send(self, outgoing: Sequence[Outgoing], since: float) -> None:
        if outgoing:
            await self._publisher.publish(outgoing)
            await self._desk.published(outgoing)
            faded = self.publishing_seconds * _FADING
            self.publishing_seconds = max(time.monotonic() - since, faded)
            journal.note(outgoing)


def _parted(
    outgoing: Sequence[Outgoing], left: Collection[int]
) -> tuple[Sequence[Outgoing], Sequence[Outgoing]]:
    """Return the events before which none is `left` to others, and those that wait, with these.

    Earlier ones that are not left any more are in neither.
    """
    if not left:
        return [event for event in outgoing if not event.earlier], ()
    behind: set[tuple[str, str | None]] = set()
    ready: list[Outgoing] = []
    waiting: list[Outgoing] = []
    for event in outgoing:
        stream = event.topic, event.key
        if event.position in left:
            behind.add(stream)
        if stream in behind:
            if not event.earlier or event.position in left:
                waiting.append(event)
        elif not event.earlier:
            ready.append(event)
    return ready, waiting
