"""The publisher without a broker: where events go, and what a lost patience leaves behind."""

import asyncio
from typing import Any

import pytest

from dispatch.agents import publisher as module
from dispatch.agents.publisher import Publisher
from dispatch.metrics import Metrics
from dispatch.topics.envelope import Outgoing


class Producer:
    """Stands in for aiokafka's."""

    def __init__(self) -> None:
        self.starting = asyncio.Event()
        self.stopped = False

    async def start(self) -> None:
        self.starting.set()
        await asyncio.Event().wait()

    async def stop(self) -> None:
        self.stopped = True

    async def partitions_for(self, _topic: str) -> set[int]:
        return set(range(8))


def publisher() -> Publisher:
    return Publisher({}, enable_idempotence=False, metrics=Metrics())


async def test_events_without_a_key_stay_in_order_on_one_partition() -> None:
    producer: Any = Producer()
    events = [Outgoing(n, "dead-letters", None, (), b"{}") for n in range(40)]
    waiting = await publisher()._by_partition(producer, events)
    ((_, found),) = waiting.items()
    assert [event.position for event in found] == list(range(40))


async def test_a_start_that_nobody_waits_for_any_more_leaves_no_producer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    producer = Producer()
    monkeypatch.setattr(module, "AIOKafkaProducer", lambda **_options: producer)
    asking = asyncio.ensure_future(publisher().reachable())
    await producer.starting.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert producer.stopped
