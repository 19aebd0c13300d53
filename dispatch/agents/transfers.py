"""The transfers agent: what medical institutions ask for, singly or in batches."""

import faust
from faust.types import StreamT

from dispatch.agents.batch import Batch, BatchChannel
from dispatch.agents.desk_work import DeskWork

TOPIC = "transfers"


def declare(app: faust.App, channel: BatchChannel, work: DeskWork) -> None:
    """Declare the agent that settles the batches of the `transfers` topic."""

    @app.agent(channel, name=TOPIC)
    async def transfers(batches: StreamT[Batch]) -> None:
        await work.serve(batches)
