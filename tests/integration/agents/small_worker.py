"""A worker process for the small desk: `python -m tests.integration.agents.small_worker`."""

import asyncio
import os
import sys
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path

import structlog
import uvloop

from dispatch.agents.batch import Batch
from dispatch.agents.desk_work import DeskWork
from dispatch.agents.patience import Patience
from dispatch.agents.worker import work
from dispatch.settings import load_settings
from tests.integration.agents.bench import INPUTS, OUTPUTS
from tests.integration.agents.small_desk import Gate, SmallDesk

serve = DeskWork.serve


async def serve_acknowledging_early(self: DeskWork, batches: AsyncIterable[Batch]) -> None:
    """What the agents must not do: acknowledge, then work."""

    async def acknowledged() -> AsyncIterator[Batch]:
        async for batch in batches:
            batch.succeed()
            yield Batch(batch.records, asyncio.get_running_loop().create_future())

    await serve(self, acknowledged())


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    settings = load_settings()
    gate = Gate(Path(os.environ["SMALL_DESK_GATE"]))
    if "acknowledge-early" in sys.argv:
        DeskWork.serve = serve_acknowledging_early  # type: ignore[method-assign]

    dsn = str(settings.database.connect_options()["dsn"])
    desk = SmallDesk(dsn, settings.topic_prefix, gate)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        topics = [settings.topic_prefix + name for name in INPUTS + OUTPUTS]
        patience = Patience(longest_pause=1.0)
        runner.run(work(settings, desk, topics=topics, patience=patience))


if __name__ == "__main__":
    main()
