"""How much of a flood an intake reads into one batch, and what becomes of others meanwhile."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from dispatch.agents import intake as module
from dispatch.agents.batch import BatchChannel
from dispatch.agents.intake import MOST_APART, Intake
from dispatch.agents.patience import Patience
from dispatch.metrics import Metrics

SIZE = 10
TP = TopicPartition("calls", 0)


def read(source: str, offset: int, value: bytes = b"{}") -> ConsumerRecord[bytes, bytes]:
    headers = (("ce_source", source.encode()),)
    return ConsumerRecord(
        TP.topic, TP.partition, offset, 0, 0, None, value, None, -1, len(value), headers
    )


class Log:
    """A consumer of records that have all been fetched."""

    def __init__(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        self.left = list(records)
        self.fails_after: int | None = None

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Any:
        assert timeout_ms == 0 or len(self.left) > 0
        if self.fails_after is not None:
            if self.fails_after == 0:
                raise KafkaError
            self.fails_after -= 1
        some, self.left = self.left[:max_records], self.left[max_records:]
        return {TP: some} if some else {}


class Desk:
    """A desk that has set `flood` apart."""

    def set_apart(self, some: Sequence[ConsumerRecord[bytes, bytes]]) -> int:
        return sum(record.headers[0][1] == b"flood" for record in some)


@pytest.fixture
def intake(monkeypatch: pytest.MonkeyPatch) -> Intake:
    monkeypatch.setattr(module, "LOOK_SECONDS", float("inf"))
    desk: Any = Desk()
    channel: Any = BatchChannel
    return Intake(
        "calls", channel, desk, client_options={}, session_timeout_ms=6_000, fetch_max_wait_ms=1,
        batch_size=SIZE, patience=Patience(), metrics=Metrics(),
    )  # fmt: skip


async def polled(intake: Intake, log: Log) -> list[int]:
    """Return the offsets of a batch."""
    intake._consumer = log  # type: ignore[assignment]
    intake._assignments = intake._reconciled = 1
    return [record.offset for record in await intake._poll()]


async def test_a_flood_is_read_many_at_once_up_to_a_number(intake: Intake) -> None:
    log = Log([read("flood", n) for n in range(1_000)])
    assert await polled(intake, log) == list(range(MOST_APART * SIZE))
    assert len(log.left) == 1_000 - MOST_APART * SIZE


async def test_a_flood_that_has_been_read_ends_the_batch(intake: Intake) -> None:
    assert await polled(intake, Log([read("flood", n) for n in range(25)])) == list(range(25))


async def test_without_one_that_is_set_apart_a_batch_has_its_size(intake: Intake) -> None:
    log = Log([read("console", n) for n in range(1_000)])
    assert await polled(intake, log) == list(range(SIZE))


async def test_those_who_wait_for_a_decision_end_a_batch_soon(intake: Intake) -> None:
    """Each fourth of them: the third look makes it more than half of a batch's size."""
    log = Log([read("console" if n % 4 == 0 else "flood", n) for n in range(1_000)])
    assert await polled(intake, log) == list(range(3 * SIZE))


async def test_large_ones_end_a_batch(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENOUGH_BYTES", 1_500)
    log = Log([read("flood", n, b"x" * 100) for n in range(1_000)])
    assert await polled(intake, log) == list(range(2 * SIZE))


async def test_what_was_read_before_a_fault_is_read_again(intake: Intake) -> None:
    log = Log([read("flood", n) for n in range(1_000)])
    log.fails_after = 2
    with pytest.raises(KafkaError):
        await polled(intake, log)
    # Before anything else, the intake starts where the database and Kafka say.
    assert intake._reconciled != intake._assignments
