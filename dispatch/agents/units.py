"""The units agent: what crews send about themselves, their runs, handovers and disinfections."""

import faust
from faust.types import StreamT

from dispatch.agents.batch import Batch, BatchChannel
from dispatch.agents.desk_work import DeskWork

TOPIC = "units"


def declare(app: faust.App, channel: BatchChannel, work: DeskWork) -> None:
    """Declare the agent that settles the batches of the `units` topic."""

    @app.agent(channel, name=TOPIC)
    async def units(batches: StreamT[Batch]) -> None:
        await work.serve(batches)
