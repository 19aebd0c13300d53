"""How far this worker's partitions lag behind, and which of them stand."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import TopicPartition

from dispatch.agents.errand import Errand
from dispatch.agents.intake import Intake
from dispatch.agents.patience import Patience
from dispatch.agents.unread import Unread
from dispatch.metrics import Metrics

ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where a partition stands, since when (monotonic), and how many records wait there.

    None waiting: as it has no leader, nobody knows.
    """

    tp: TopicPartition
    at: int
    since: float
    waiting: int | None


class Lag(Errand):
    """Measures the lag of the partitions that this worker has, whether or not anything settles.

    A partition stands while records wait in it and none is settled. While the brokers don't answer
    nothing can be measured: what was measured last stays, and /readyz tells of the brokers.
    """

    poll_seconds = 1.0
    work = "lag"

    def __init__(
        self, intakes: Sequence[Intake], unread: Unread, patience: Patience, metrics: Metrics
    ) -> None:
        super().__init__(patience, metrics)
        self._intakes = intakes
        self._unread = unread
        self._told: set[TopicPartition] = set()
        self._standing: dict[TopicPartition, _Standing] = {}

    def standing(self) -> list[str]:
        """Return what is to be said of the partitions that have stood too long."""
        now = time.monotonic()
        return [
            f"{stands.tp.topic}: partition {stands.tp.partition} has stood for "
            f"{now - stands.since:.0f} s, "
            + ("it has no leader" if stands.waiting is None else f"{stands.waiting} records wait")
            for stands in sorted(self._standing.values(), key=lambda stands: stands.tp)
            if now - stands.since > self._patience.standing_limit
        ]

    async def on_stop(self) -> None:
        """Let the round in hand end, and let go of the brokers."""
        await super().on_stop()
        await self._unread.close()

    async def round(self) -> None:
        """Measure once."""
        settled: dict[TopicPartition, int] = {}
        async with asyncio.timeout(ANSWER_SECONDS):
            for intake in self._intakes:
                settled |= await intake.settled()
        ends = await self._unread.ends() if settled else {}
        now = time.monotonic()
        standing: dict[TopicPartition, _Standing] = {}
        for tp, at in settled.items():
            before = self._standing.get(tp)
            if tp in self._unread.without_answer:
                # What was measured last stays. What waits there nobody can tell.
                standing[tp] = before or _Standing(tp, at, now, None)
                continue
            lag, since = max(0, ends.get(tp, 0) - at), now
            if lag:
                if before is not None and before.at == at:
                    since = before.since
                standing[tp] = _Standing(tp, at, since, lag)
            labels = {"topic": tp.topic, "partition": tp.partition}
            self._metrics.lag.labels(**labels).set(lag)
            self._metrics.standing.labels(**labels).set(now - since)
        self._standing = standing
        for tp in self._told - settled.keys():
            # Another worker tells of it from now on.
            self._metrics.lag.remove(tp.topic, tp.partition)
            self._metrics.standing.remove(tp.topic, tp.partition)
        self._told = set(settled)
