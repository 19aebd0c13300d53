"""A batch on its way from an intake to its agent, and the channel it travels on."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import faust
from mode.utils.queues import FlowControlEvent, ThrowableQueue

from dispatch.topics.envelope import Record


@dataclass(slots=True, eq=False)
class Batch:
    """Records of one topic; `done` is resolved when they have taken effect and are published.

    `done` is cancelled when the intake has put the same records again in another batch.
    """

    records: Sequence[Record]
    done: asyncio.Future[None]
    before: "Batch | None" = None
    """The one that must have taken effect before this one may, as its records come first."""
    alone: bool = False
    """Whether it was put before: it may be what was wrong with those that it was decided with."""
    in_effect: bool = False

    @property
    def superseded(self) -> bool:
        """Whether nobody waits for this batch any more."""
        return self.done.done()

    def take_effect(self) -> None:
        """Note that its records have taken effect; whatever came before it has as well."""
        self.in_effect, self.before = True, None

    def succeed(self) -> None:
        """Tell the intake that it may commit."""
        if not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        """Tell the intake to commit nothing and to put the records again."""
        if not self.done.done():
            self.done.set_exception(error)


class BatchChannel(faust.Channel[Batch]):
    """A channel whose queue is never suspended nor cleared.

    The usual queue is cleared when Faust's own consumer group resumes, which loses batches.
    """

    async def give(self, batch: Batch) -> None:
        """Put the batch before the agent that reads this channel."""
        await self.put(batch)  # type: ignore[arg-type]  # a channel takes any value

    @property
    def queue(self) -> ThrowableQueue[Batch]:
        """Return the queue behind this channel."""
        if self._queue is None:
            self._queue = ThrowableQueue(
                flow_control=FlowControlEvent(initially_suspended=False), clear_on_resume=False
            )
        return self._queue
