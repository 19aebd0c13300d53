"""The calls agent: what consoles and institutions send about calls."""

import faust
from faust.types import StreamT

from dispatch.agents.batch import Batch, BatchChannel
from dispatch.agents.desk_work import DeskWork

TOPIC = "calls"


def declare(app: faust.App, channel: BatchChannel, work: DeskWork) -> None:
    """Declare the agent that settles the batches of the `calls` topic."""

    @app.agent(channel, name=TOPIC)
    async def calls(batches: StreamT[Batch]) -> None:
        await work.serve(batches)
