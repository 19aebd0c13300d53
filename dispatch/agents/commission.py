"""The commission agent: what the health commission says about cases and reports."""

import faust
from faust.types import StreamT

from dispatch.agents.batch import Batch, BatchChannel
from dispatch.agents.desk_work import DeskWork

TOPIC = "commission"


def declare(app: faust.App, channel: BatchChannel, work: DeskWork) -> None:
    """Declare the agent that settles the batches of the `commission` topic."""

    @app.agent(channel, name=TOPIC)
    async def commission(batches: StreamT[Batch]) -> None:
        await work.serve(batches)
