"""A worker tells how far its machine's clock is from the database's."""

from typing import Any

from dispatch.agents.clock_watch import ClockWatch
from dispatch.agents.patience import Patience
from dispatch.metrics import Metrics

NAME = "dispatch_clock_offset_seconds"


class Desk:
    def __init__(self) -> None:
        self.offset: float | None = 90.0

    async def clock_offset(self) -> float | None:
        return self.offset


async def test_it_tells_the_offset_and_nothing_in_a_scenario() -> None:
    fake = Desk()
    desk: Any = fake
    metrics = Metrics()
    watch = ClockWatch(desk, Patience(), metrics)
    await watch.round()
    assert metrics.registry.get_sample_value(NAME) == 90
    fake.offset = None
    await watch.round()
    assert metrics.registry.get_sample_value(NAME) == 90
