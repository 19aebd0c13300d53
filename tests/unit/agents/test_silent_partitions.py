"""A partition whose leader didn't answer is read once it does, however the intake comes to it."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import LeaderNotAvailableError

from dispatch.agents import intake as module
from dispatch.agents.batch import BatchChannel
from dispatch.agents.intake import Intake
from dispatch.agents.patience import Patience
from dispatch.metrics import Metrics

SILENT, OTHER = TopicPartition("calls", 0), TopicPartition("calls", 1)


class Log:
    """A consumer of two partitions, which tells from where it reads which."""

    def __init__(self) -> None:
        self.leaderless = {SILENT}
        self.paused: set[TopicPartition] = set()
        self.at: dict[TopicPartition, int] = {}

    def assignment(self) -> set[TopicPartition]:
        return {SILENT, OTHER}

    async def beginning_offsets(self, asked: Collection[TopicPartition]) -> Any:
        if self.leaderless & set(asked):
            raise LeaderNotAvailableError
        return dict.fromkeys(asked, 0)

    async def end_offsets(self, asked: Collection[TopicPartition]) -> Any:
        return {tp: begin + 10 for tp, begin in (await self.beginning_offsets(asked)).items()}

    async def committed(self, _: TopicPartition) -> int | None:
        return None

    def pause(self, *some: TopicPartition) -> None:
        self.paused |= set(some)

    def resume(self, *some: TopicPartition) -> None:
        self.paused -= set(some)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self.at[tp] = offset

    @property
    def read(self) -> set[TopicPartition]:
        return self.at.keys() - self.paused


class Desk:
    """A desk that has noted nothing."""

    async def hear_of_set_apart(self) -> bool:
        return False

    async def noted(self, _incarnation: str) -> Mapping[tuple[str, int], int]:
        return {}


@pytest.fixture
async def intake(monkeypatch: pytest.MonkeyPatch) -> Intake:
    async def cluster(_: Any) -> str:
        return "here"

    monkeypatch.setattr(module, "cluster_id_of", cluster)
    desk: Any = Desk()
    channel: Any = BatchChannel
    made = Intake(
        "calls", channel, desk, client_options={}, session_timeout_ms=6_000,
        fetch_max_wait_ms=1, batch_size=10, patience=Patience(), metrics=Metrics(),
    )  # fmt: skip
    made._assignments = 1
    return made


@pytest.mark.parametrize("anew", [False, True], ids=["by itself", "with all of them"])
async def test_it_is_read_once_its_leader_answers(intake: Intake, anew: bool) -> None:
    log: Any = Log()
    await intake._reconcile(log)
    assert log.read == {OTHER}
    assert intake.assigned
    assert intake._settled == log.at == {OTHER: 0}
    log.leaderless.clear()
    if anew:
        # As after a batch that was given up.
        intake._reconciled = -1
        await intake._reconcile(log)
    else:
        await intake._start_silent(log)
    assert log.read == {SILENT, OTHER}
    assert intake.assigned
    assert intake._settled == log.at == {SILENT: 0, OTHER: 0}


async def test_while_it_has_none_the_others_go_on(intake: Intake) -> None:
    log: Any = Log()
    await intake._reconcile(log)
    await intake._start_silent(log)
    assert log.read == {OTHER}
    assert intake.assigned
