"""Limits run out only when what came before their end has been read."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import TopicPartition
from structlog.testing import capture_logs

from dispatch.agents.patience import Patience
from dispatch.agents.timers import Timers
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics

START = datetime(2022, 12, 23, 0, 0, tzinfo=UTC)
PARTITION = TopicPartition("calls", 0)
LIMIT = Patience().standstill_limit


class Centre:
    """Desk, inputs and publisher of a service with one due timer, on a clock of its own."""

    def __init__(self) -> None:
        self.now = START
        self.is_due = True
        self.away = False
        self.published: list[Any] = []
        self.told: list[str] = []
        # How many records are unread, each time that somebody looks.
        self.unread: list[int] = [0]
        self.timers: Any = None

    async def due(self) -> datetime | None:
        self.told.append("due")
        return self.now if self.is_due else None

    async def ends(self) -> dict[TopicPartition, int]:
        if self.away:
            raise Unavailable("no broker answers")
        self.told.append("ends")
        return {PARTITION: 7}

    async def left(self, _ends: Any) -> dict[TopicPartition, int]:
        self.told.append("left")
        count = self.unread.pop(0) if len(self.unread) > 1 else self.unread[0]
        return {PARTITION: count} if count else {}

    async def fire_due(self, by: datetime) -> Sequence[Any]:
        self.is_due = False
        return [by]

    async def publish(self, events: Sequence[Any]) -> None:
        self.published.extend(events)

    async def close(self) -> None:
        self.told.append("close")

    def seconds(self) -> float:
        return (self.now - START).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@pytest.fixture
def centre(monkeypatch: pytest.MonkeyPatch) -> Centre:
    centre = Centre()
    all_of_them: Any = centre
    monkeypatch.setattr(time, "monotonic", centre.seconds)
    monkeypatch.setattr(Timers, "sleep", lambda _, seconds: centre.sleep(seconds))
    centre.timers = Timers(all_of_them, all_of_them, all_of_them, Patience(), Metrics())
    return centre


async def test_what_is_due_fires_at_once_where_all_is_read(centre: Centre) -> None:
    await centre.timers.round()
    assert centre.published == [START]
    assert centre.told == ["due", "ends", "left", "due"]


async def test_nothing_is_asked_of_the_brokers_while_nothing_is_due(centre: Centre) -> None:
    centre.is_due = False
    await centre.timers.round()
    assert centre.told == ["due"]


async def test_a_limit_waits_as_long_as_inputs_before_its_end_are_being_read(
    centre: Centre,
) -> None:
    centre.unread = [*range(5_000, 0, -1), 0]
    await centre.timers.round()
    assert centre.now - START > 2 * timedelta(seconds=LIMIT)
    # What fell due meanwhile may have an answer that is not read yet.
    assert centre.published == [START]


async def test_inputs_that_nobody_reads_hold_up_no_limit_for_ever(centre: Centre) -> None:
    centre.unread = [5, 4, 4]
    with capture_logs() as logs:
        await centre.timers.round()
    assert timedelta(seconds=LIMIT) < centre.now - START < timedelta(seconds=LIMIT + 1)
    assert centre.published == [START]
    (entry,) = logs
    assert (entry["log_level"], entry["unread"]) == ("error", {"calls-0": 4})


async def test_no_limit_runs_out_while_no_broker_answers(centre: Centre) -> None:
    centre.away = True
    with pytest.raises(Unavailable):
        await centre.timers.round()
    # Nor when they go away meanwhile.
    centre.away, centre.unread = False, [4]
    sleep = centre.sleep

    async def sleep_and_part(seconds: float) -> None:
        centre.away = True
        await sleep(seconds)

    centre.sleep = sleep_and_part  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await centre.timers.round()
    assert centre.published == []


async def test_who_waits_for_inputs_can_be_stopped(centre: Centre) -> None:
    centre.unread = [4]
    slept = asyncio.Event()
    sleep = centre.sleep

    async def sleep_and_tell(seconds: float) -> None:
        slept.set()
        await sleep(seconds)

    centre.sleep = sleep_and_tell  # type: ignore[method-assign]
    waiting = asyncio.ensure_future(centre.timers._round())
    await slept.wait()
    await centre.timers.stop()
    await waiting
    assert centre.published == []
    assert centre.told[-1] == "close"
