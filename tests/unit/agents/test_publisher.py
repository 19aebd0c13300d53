"""The publisher without a broker: where events go, and what a lost patience leaves behind."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError, UnknownTopicOrPartitionError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from dispatch import cluster
from dispatch.agents import publisher as module
from dispatch.agents.publisher import Publisher
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics
from dispatch.topics.envelope import Outgoing


class Producer:
    """Stands in for aiokafka's."""

    def __init__(self) -> None:
        self.client = self._sender = self
        self.closed = asyncio.Event()
        self.starting = asyncio.Event()
        self.stopped = False

    async def start(self) -> None:
        self.starting.set()
        await asyncio.Event().wait()

    async def stop(self) -> None:
        self.stopped = True

    async def close(self) -> None:
        self.closed.set()

    async def partitions_for(self, _topic: str) -> set[int]:
        return set(range(8))


def publisher() -> Publisher:
    return Publisher({}, enable_idempotence=False, metrics=Metrics())


async def test_events_without_a_key_stay_in_order_on_one_partition() -> None:
    producer: Any = Producer()
    events = [Outgoing(n, "dead-letters", None, (), b"{}") for n in range(40)]
    waiting = await publisher()._by_partition(producer, events)
    ((_, found),) = waiting.items()
    assert [event.position for event, _ in found] == list(range(40))


async def test_an_event_goes_to_its_units_own_topic_too_whole_and_in_the_same_order() -> None:
    producer: Any = Producer()
    events = [
        Outgoing(
            n, "orders", f"U{n % 2}", (), b"less", copy_to=f"orders.U{n % 2}", copy_value=b"all"
        )
        for n in range(40)
    ]
    waiting = await publisher()._by_partition(producer, events)
    found: dict[str, list[tuple[Outgoing, bytes]]] = {}
    for tp, of_partition in waiting.items():
        found.setdefault(tp.topic, []).extend(of_partition)
    assert found["orders.U0"] == [(event, b"all") for event in events[::2]]
    assert found["orders.U1"] == [(event, b"all") for event in events[1::2]]
    assert sorted(event.position for event, _ in found["orders"]) == list(range(40))
    assert {body for _, body in found["orders"]} == {b"less"}


def test_a_copy_says_the_same_where_nothing_is_withheld() -> None:
    event = Outgoing(1, "handovers", "H1", (), b"{}", copy_to="handovers.H1")
    assert event.bodies == (("handovers", b"{}"), ("handovers.H1", b"{}"))


async def test_a_topic_that_is_missing_is_named() -> None:
    class Without(Producer):
        async def partitions_for(self, topic: str) -> set[int]:
            if topic == "handovers.H1":
                raise UnknownTopicOrPartitionError
            return await super().partitions_for(topic)

    producer: Any = Without()
    lost = Outgoing(1, "handovers", "H1", (), b"{}", copy_to="handovers.H1")
    with pytest.raises(Unavailable, match=r"no topic handovers\.H1"):
        await publisher()._by_partition(producer, [lost])


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


class Unanswered(Producer):
    """An idempotent producer whose brokers have fallen silent: it flushes, and waits, for ever."""

    async def start(self) -> None:
        self.starting.set()

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(
            1_000, 0, is_transactional=False, key_serializer=None, value_serializer=None
        )

    async def send_batch(
        self, _batch: BatchBuilder, _topic: str, *, partition: int
    ) -> asyncio.Future[None]:
        assert partition in range(8)
        return asyncio.get_running_loop().create_future()

    async def stop(self) -> None:
        await asyncio.Event().wait()


async def test_brokers_that_never_answer_are_unavailable_and_their_producer_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    producer = Unanswered()
    monkeypatch.setattr(module, "AIOKafkaProducer", lambda **_options: producer)
    monkeypatch.setattr(module, "ACKNOWLEDGED_LIMIT", 0.01)
    monkeypatch.setattr(cluster, "CLOSE_LIMIT", 0.01)
    silent = publisher()
    with pytest.raises(Unavailable):
        await silent.publish([Outgoing(1, "incidents", "c-1", (), b"{}")])
    assert silent._producer is None
    async with asyncio.timeout(5):
        await producer.closed.wait()


class Strict(Unanswered):
    """Its brokers take no batch of more than 500 bytes, and say so."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[bytes | None] = []

    async def send_batch(
        self, batch: BatchBuilder, topic: str, *, partition: int
    ) -> asyncio.Future[None]:
        answer = await super().send_batch(batch, topic, partition=partition)
        if batch.size() > 500:
            answer.set_exception(MessageSizeTooLargeError())
        else:
            records = DefaultRecordBatch(bytes(batch._build()))
            self.taken += [record.value for record in records]
            answer.set_result(None)
        return answer

    async def stop(self) -> None:
        pass


async def test_an_event_that_its_topic_does_not_take_is_told_and_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    producer = Strict()
    monkeypatch.setattr(module, "AIOKafkaProducer", lambda **_options: producer)
    metrics = Metrics()
    strict = Publisher({}, enable_idempotence=False, metrics=metrics)
    values = [b"1", b"2", b"3" * 600, b"4" * 300, b"5" * 300]
    events = [Outgoing(n, "incidents", "c-1", (), value) for n, value in enumerate(values)]
    await strict.publish(events)
    assert list(dict.fromkeys(producer.taken)) == [b"1", b"2", b"4" * 300, b"5" * 300]
    counted = metrics.registry.get_sample_value(
        "dispatch_withheld_events_total", {"topic": "incidents"}
    )
    assert counted == 1
    assert "larger than its topic takes" in capsys.readouterr().out
