"""What every agent does with a batch: have the desk decide, publish, mark."""

import time
from collections.abc import AsyncIterable, Sequence
from typing import Final

from dispatch.agents import journal
from dispatch.agents.batch import Batch
from dispatch.agents.desk import Desk
from dispatch.agents.publisher import Publisher
from dispatch.errors import Unavailable
from dispatch.topics.envelope import Outgoing, Record

# What a publishing that was slow still says of the next, after one that was quick.
_FADING: Final = 0.9


class DeskWork:
    """The body that the agents share."""

    def __init__(self, desk: Desk, publisher: Publisher) -> None:
        self._desk = desk
        self._publisher = publisher
        self.publishing_seconds = 0.0
        """How long publishing and marking takes: at most, of late."""

    async def serve(self, batches: AsyncIterable[Batch]) -> None:
        """Settle batch after batch; whatever goes wrong, the intake hears of it."""
        async for batch in batches:
            if batch.superseded:
                continue
            try:
                await self.settle(batch.records)
            except Exception as error:  # noqa: BLE001 - the intake decides, and loses nothing
                batch.fail(error)
            else:
                batch.succeed()

    async def settle(self, records: Sequence[Record]) -> None:
        """Let the records take effect and publish what results; refuse those that can't be.

        Raises Unavailable: some of the records may have taken effect; take them all again.
        """
        try:
            outgoing = await self._desk.take(records)
        except (Unavailable, OSError):
            # An OSError is a lost connection, never a fault of a record.
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one record's
            outgoing = await self._isolate(records, error)
        await self.publish(outgoing)

    async def _isolate(self, records: Sequence[Record], error: Exception) -> Sequence[Outgoing]:
        """Find the culprit by halves, in order, so that the events of a key stay in order."""
        if len(records) > 1:
            middle = len(records) // 2
            await self.settle(records[:middle])
            await self.settle(records[middle:])
            return ()
        [culprit] = records
        return await self._desk.refuse(culprit, error)

    async def publish(self, outgoing: Sequence[Outgoing]) -> None:
        """Publish the events, mark and note them. Raises Unavailable: they stay unpublished."""
        if outgoing:
            began = time.monotonic()
            await self._publisher.publish(outgoing)
            await self._desk.published(outgoing)
            faded = self.publishing_seconds * _FADING
            self.publishing_seconds = max(time.monotonic() - began, faded)
            journal.note(outgoing)
