"""The hospitals agent: what hospitals send about their beds and the patients brought to them."""

import faust
from faust.types import StreamT

from dispatch.agents.batch import Batch, BatchChannel
from dispatch.agents.desk_work import DeskWork

TOPIC = "hospitals"


def declare(app: faust.App, channel: BatchChannel, work: DeskWork) -> None:
    """Declare the agent that settles the batches of the `hospitals` topic."""

    @app.agent(channel, name=TOPIC)
    async def hospitals(batches: StreamT[Batch]) -> None:
        await work.serve(batches)
