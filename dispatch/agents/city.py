"""The city agent: what the city command sends, which concerns every unit and call."""

import faust
from faust.types import StreamT

from dispatch.agents.batch import Batch, BatchChannel
from dispatch.agents.desk_work import DeskWork

TOPIC = "city"


def declare(app: faust.App, channel: BatchChannel, work: DeskWork) -> None:
    """Declare the agent that settles the batches of the `city` topic."""

    @app.agent(channel, name=TOPIC)
    async def city(batches: StreamT[Batch]) -> None:
        await work.serve(batches)
