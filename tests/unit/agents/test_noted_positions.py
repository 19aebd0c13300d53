"""Positions behind which nothing is left to take are noted; a fault of that harms nobody."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from dispatch.agents import intake as module
from dispatch.agents.batch import BatchChannel
from dispatch.agents.intake import Intake
from dispatch.agents.patience import Patience
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics

EMPTY, CALLED = TopicPartition("calls", 0), TopicPartition("calls", 1)


class Log:
    """A consumer: of one partition everything was aborted, of the other a call has been fetched."""

    def __init__(self) -> None:
        self.left: list[ConsumerRecord[bytes, bytes]] = [
            ConsumerRecord("calls", 1, offset, 0, 0, None, b"{}", None, -1, 2, ())
            for offset in (10, 11)
        ]
        self.positions = {EMPTY: 7, CALLED: 10}
        self.leaderless: set[TopicPartition] = set()

    def assignment(self) -> set[TopicPartition]:
        return set()

    async def position(self, tp: TopicPartition) -> int:
        if tp in self.leaderless:
            await asyncio.Event().wait()
        return self.positions[tp]

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Any:
        assert timeout_ms
        assert max_records
        some, self.left = self.left[:1], self.left[1:]
        return {CALLED: some} if some else {}


class Desk:
    """A desk whose database may be away."""

    def __init__(self) -> None:
        self.away = False
        self.noted: dict[tuple[str, int], int] = {}

    def set_apart(self, _some: Sequence[Any]) -> int:
        return 0

    async def note(self, _incarnation: str, positions: Mapping[tuple[str, int], int]) -> None:
        if self.away:
            raise Unavailable
        self.noted |= positions


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def intake(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Intake:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    any_desk: Any = desk
    channel: Any = BatchChannel
    made = Intake(
        "calls", channel, any_desk, client_options={}, session_timeout_ms=6_000,
        fetch_max_wait_ms=1, batch_size=10, patience=Patience(), metrics=Metrics(),
    )  # fmt: skip
    made._assignments = made._reconciled = 1
    made.incarnation = "here"
    made._noted = {EMPTY: 5, CALLED: 10}
    return made


async def offsets(intake: Intake, log: Log) -> list[int]:
    intake._consumer = log  # type: ignore[assignment]
    return [record.offset for record in await intake._poll()]


async def test_what_was_aborted_is_noted_beside_what_is_read(intake: Intake, desk: Desk) -> None:
    assert await offsets(intake, Log()) == [10]
    assert desk.noted == {("calls", 0): 7}


async def test_a_database_that_notes_nothing_takes_no_record_away(
    intake: Intake, desk: Desk
) -> None:
    log = Log()
    desk.away = True
    assert await offsets(intake, log) == [10]
    desk.away = False
    assert await offsets(intake, log) == [11]
    assert desk.noted == {("calls", 0): 7}


async def test_a_partition_without_a_leader_holds_up_no_other(intake: Intake, desk: Desk) -> None:
    log = Log()
    log.leaderless = {EMPTY}
    assert await offsets(intake, log) == [10]
    assert desk.noted == {}
