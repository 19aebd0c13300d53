"""Limits run out only when what came before their end has been read."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from structlog.testing import capture_logs

from dispatch.agents.patience import Patience
from dispatch.agents.timers import PARKED_AGAIN_SECONDS, Timers
from dispatch.agents.unread import UnreadInputs
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics

START = datetime(2022, 12, 23, 0, 0, tzinfo=UTC)
PARTITION = TopicPartition("calls", 0)
LIMIT = Patience().standstill_limit
END = 10_000


class Centre:
    """Desk, inputs and publisher of a service with one due timer, on a clock of its own."""

    def __init__(self) -> None:
        self.now = START
        self.is_due = True
        self.anything_parked = False
        self.away = False
        self.published: list[Any] = []
        self.told: list[str] = []
        # How many records are unread, each time that somebody looks.
        self.unread: list[int] = [0, 0]
        self.end = END
        # How many records are behind an open transaction.
        self.hidden = 0
        self.partitions = [PARTITION]
        self.without_answer: frozenset[TopicPartition] = frozenset()
        # A limit that is due beside it, and waits for nothing.
        self.limit_is_due = False
        self.tells_whole = True
        self.waited_for: list[UnreadInputs | None] = []
        self.looks: list[bool] = []
        self.timers: Any = None
        self.metrics = Metrics()

    async def due(self) -> datetime | None:
        self.told.append("due")
        return self.now if self.is_due else None

    async def ends(self) -> dict[TopicPartition, int]:
        if self.away:
            raise Unavailable("no broker answers")
        self.told.append("ends")
        return {PARTITION: self.end}

    async def whole_ends(self) -> dict[TopicPartition, int]:
        self.told.append("whole ends")
        if not self.tells_whole:
            raise KafkaError
        return {PARTITION: self.end + self.hidden}

    async def noted(self) -> dict[TopicPartition, int]:
        self.told.append("noted")
        if len(self.unread) > 1:
            self.unread.pop(0)
        return {PARTITION: self.end - self.unread[0]}

    async def fire_due(
        self, by: datetime, unread: UnreadInputs | None = None, *, parked: bool = True
    ) -> Sequence[Any]:
        self.waited_for.append(unread)
        self.looks.append(parked)
        if self.limit_is_due and not (unread is not None and unread.of("calls", "whoever")):
            self.limit_is_due = False
            return ["limit"]
        if not parked:
            return []
        if unread is not None and unread.of("calls", "whoever"):
            return []
        if self.anything_parked and unread is not None and unread.at_all("calls"):
            return []
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
    centre.timers = Timers(
        all_of_them, all_of_them, all_of_them, Patience(), centre.metrics, topic_prefix=""
    )
    return centre


async def test_what_is_due_fires_at_once_where_all_is_read(centre: Centre) -> None:
    await centre.timers.round()
    assert centre.published == [START]
    assert centre.told == ["due", "ends", "noted", "due"]


async def test_nothing_is_asked_of_the_brokers_while_nothing_is_due(centre: Centre) -> None:
    centre.is_due = False
    await centre.timers.round()
    assert centre.told == ["due"]


async def rounds(centre: Centre) -> None:
    """Go round until everything is fired."""
    while centre.is_due:
        await centre.timers.round()
        await centre.sleep(Timers.poll_seconds)


async def test_a_limit_waits_as_long_as_inputs_before_its_end_are_being_read(
    centre: Centre,
) -> None:
    centre.unread = [*range(500, 0, -1), 0]
    await rounds(centre)
    assert centre.now - START > 2 * timedelta(seconds=LIMIT)


async def test_what_was_due_first_does_not_wait_for_inputs_that_came_after_it(
    centre: Centre,
) -> None:
    centre.unread = [5, 5]
    await centre.timers.round()
    assert centre.published == []
    # Those five are read, and seven others have come.
    centre.end, centre.unread = END + 7, [7, 7]
    await centre.timers.round()
    # What fell due meanwhile may have an answer among the seven.
    assert centre.published == [START]


async def test_inputs_that_nobody_reads_hold_up_no_limit_for_ever(centre: Centre) -> None:
    centre.unread = [5, 4, 4]
    with capture_logs() as logs:
        await rounds(centre)
    assert timedelta(seconds=LIMIT) < centre.now - START < timedelta(seconds=LIMIT + 2)
    (entry,) = logs
    assert (entry["log_level"], entry["unread"]) == ("error", {"calls-0": 4})
    passed_over = b'dispatch_passed_over_records{partition="0",topic="calls"}'
    assert passed_over + b" 4.0" in centre.metrics.render()
    # The next limit does not wait for them again, until they move.
    centre.is_due, since = True, centre.now
    await rounds(centre)
    assert centre.now - since < timedelta(seconds=1)
    centre.is_due, since, centre.unread = True, centre.now, [3, 3]
    await rounds(centre)
    assert centre.now - since > timedelta(seconds=LIMIT)
    centre.unread = [0, 0]
    await centre.timers.round()
    assert passed_over + b" 0.0" in centre.metrics.render()


async def test_a_standstill_is_watched_while_nothing_is_due(centre: Centre) -> None:
    centre.unread = [4, 4]
    await centre.timers.round()
    centre.is_due = False
    for _ in range(100):
        await centre.timers.round()
        await centre.sleep(Timers.poll_seconds)
    centre.is_due, since = True, centre.now
    await rounds(centre)
    assert centre.now - since < timedelta(seconds=1)


async def test_a_worker_that_was_stopped_has_seen_nothing_stand(centre: Centre) -> None:
    centre.unread = [4, 4]
    await centre.timers.round()
    await centre.sleep(10 * LIMIT)
    await centre.timers.round()
    assert centre.is_due


async def test_a_backlog_holds_no_limit_up_for_ever(centre: Centre) -> None:
    centre.unread = [*range(9_000, 0, -1)]
    bound = timedelta(seconds=Patience().backlog_limit)
    with capture_logs() as logs:
        await rounds(centre)
    assert bound < centre.now - START < bound + timedelta(seconds=2)
    assert [entry["event"] for entry in logs] == [
        "limits run out before inputs that are not read in time"
    ]


async def test_no_limit_runs_out_while_no_broker_answers(centre: Centre) -> None:
    centre.away = True
    with pytest.raises(Unavailable):
        await centre.timers.round()
    # Nor when they go away meanwhile.
    centre.away, centre.unread = False, [4, 4]
    sleep = centre.sleep

    async def sleep_and_part(seconds: float) -> None:
        centre.away = True
        await sleep(seconds)

    centre.sleep = sleep_and_part  # type: ignore[method-assign]
    await centre.timers.round()
    with pytest.raises(Unavailable):
        await centre.timers.round()
    assert centre.published == []


async def test_who_waits_for_inputs_can_be_stopped(centre: Centre) -> None:
    centre.unread = [4, 4]
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


async def test_a_partition_without_a_leader_is_waited_for_as_one_that_stands(
    centre: Centre,
) -> None:
    silent = TopicPartition("calls", 1)
    centre.partitions.append(silent)
    centre.without_answer = frozenset({silent})
    await rounds(centre)
    waited = (centre.now - START).total_seconds()
    assert LIMIT < waited < LIMIT + 2
    first = centre.waited_for[0]
    assert first is not None
    assert first.somewhere("calls")
    assert not first.everywhere("calls")


async def test_what_is_parked_waits_for_a_partition_that_stands(centre: Centre) -> None:
    centre.anything_parked = True
    centre.unread = [5, 4, 4]
    for _ in range(400):
        await centre.timers.round()
        await centre.sleep(Timers.poll_seconds)
    assert centre.seconds() > 5 * LIMIT
    assert centre.published == []
    last = [each for each in centre.waited_for if each is not None][-1]
    # No limit waits for it any more.
    assert not last.somewhere("calls")
    assert last.at_all("calls")
    centre.unread = [0, 0]
    await rounds(centre)
    assert len(centre.published) == 1


async def test_what_is_parked_waits_for_what_is_behind_an_open_transaction(centre: Centre) -> None:
    centre.anything_parked, centre.hidden = True, 3
    for _ in range(40):
        await centre.timers.round()
        await centre.sleep(Timers.poll_seconds)
    assert centre.published == []
    # It ends: those three can be read, are, and others are behind the next transaction.
    centre.end += 3
    await centre.sleep(PARKED_AGAIN_SECONDS)
    await centre.timers.round()
    assert centre.published == [START]


async def test_where_nothing_is_parked_nobody_asks_for_what_is_behind_a_transaction(
    centre: Centre,
) -> None:
    centre.hidden = 3
    await rounds(centre)
    assert centre.published == [START]
    assert "whole ends" not in centre.told


async def test_beside_what_stands_the_parked_are_looked_at_every_few_seconds(
    centre: Centre,
) -> None:
    centre.anything_parked, centre.hidden = True, 3
    for _ in range(41):
        await centre.timers.round()
        await centre.sleep(Timers.poll_seconds)
    looks = 10 / PARKED_AGAIN_SECONDS + 1
    assert centre.told.count("whole ends") == looks
    assert centre.looks.count(True) == looks
    assert centre.published == []
    # A limit that is due meanwhile fires at once.
    centre.limit_is_due = True
    await centre.timers.round()
    assert centre.published == ["limit"]
    assert not centre.looks[-1]


@pytest.mark.parametrize("seconds", [0, 60])
async def test_where_nobody_tells_the_whole_ends_only_what_is_parked_waits(
    centre: Centre, seconds: float
) -> None:
    centre.anything_parked, centre.tells_whole = True, False
    for _ in range(int(seconds / Timers.poll_seconds)):
        await centre.timers.round()
        await centre.sleep(Timers.poll_seconds)
    centre.limit_is_due = True
    with capture_logs() as logs:
        await centre.timers.round()
    assert centre.published == ["limit"]
    assert [each["log_level"] for each in logs] in ([], ["warning"])
    centre.tells_whole = True
    await centre.sleep(PARKED_AGAIN_SECONDS)
    await centre.timers.round()
    assert len(centre.published) == 2
    # What was parked longer ago than the pack says waits no more: the desk is told what stands.
    first = centre.waited_for[0]
    assert first is not None
    assert first.at_all("calls")
