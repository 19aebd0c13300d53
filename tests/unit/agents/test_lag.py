"""Lag is told of the partitions that a worker has, and of those alone."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from dispatch.agents import lag as lag_module
from dispatch.agents.lag import Lag
from dispatch.agents.patience import Patience
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics

LIMIT = Patience().standing_limit


class Intake:
    """An intake of one topic with partitions settled so far."""

    def __init__(self, topic: str, *positions: int) -> None:
        self.positions = {TopicPartition(topic, n): at for n, at in enumerate(positions)}

    async def settled(self) -> dict[TopicPartition, int]:
        return dict(self.positions)


class Ends:
    """Every partition ends at 10, while the brokers answer."""

    away = False
    without_answer: frozenset[TopicPartition] = frozenset()

    async def ends(self) -> Any:
        if self.away:
            raise Unavailable("no broker")
        ends = {TopicPartition(topic, n): 10 for topic in ("calls", "units") for n in range(3)}
        return {tp: end for tp, end in ends.items() if tp not in self.without_answer}


def lags(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["topic"], sample.labels["partition"]): sample.value
        for family in registry.collect()
        if family.name == "dispatch_consumer_lag_records"
        for sample in family.samples
    }


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(lag_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


async def test_a_rebalance_of_one_topic_leaves_the_others_alone() -> None:
    metrics = Metrics()
    calls, units = Intake("calls", 3, 10, 12), Intake("units", 9)
    intakes: Any = [calls, units]
    lag = Lag(intakes, Ends(), Patience(), metrics)  # type: ignore[arg-type]
    await lag.round()
    assert lags(metrics.registry) == {
        ("calls", "0"): 7, ("calls", "1"): 0, ("calls", "2"): 0, ("units", "0"): 1,
    }  # fmt: skip
    # Another worker gets a partition; what was kept stays.
    del calls.positions[TopicPartition("calls", 1)]
    await lag.round()
    assert lags(metrics.registry).keys() == {("calls", "0"), ("calls", "2"), ("units", "0")}
    calls.positions.clear()
    await lag.round()
    assert lags(metrics.registry) == {("units", "0"): 1}


async def test_a_partition_stands_from_when_its_records_wait_until_it_moves(
    now: list[float],
) -> None:
    calls = Intake("calls", 10, 4)
    intakes: Any = [calls]
    ends: Any = Ends()
    lag = Lag(intakes, ends, Patience(), Metrics())
    await lag.round()
    now[0] += LIMIT
    await lag.round()
    assert lag.standing() == []
    now[0] += 1
    assert lag.standing() == ["calls: partition 1 has stood for 31 s, 6 records wait"]
    # Brokers that don't answer make nothing move.
    ends.away = True
    with pytest.raises(Unavailable):
        await lag.round()
    assert len(lag.standing()) == 1
    ends.away = False
    calls.positions[TopicPartition("calls", 1)] = 5
    await lag.round()
    assert lag.standing() == []


async def test_a_partition_without_a_leader_keeps_its_lag_and_is_told(now: list[float]) -> None:
    metrics, ends = Metrics(), Ends()
    intakes: Any = [Intake("calls", 3, 10)]
    lag = Lag(intakes, ends, Patience(), metrics)  # type: ignore[arg-type]
    await lag.round()
    ends.without_answer = frozenset({TopicPartition("calls", 0), TopicPartition("calls", 1)})
    await lag.round()
    now[0] += LIMIT + 1
    await lag.round()
    assert lags(metrics.registry) == {("calls", "0"): 7.0, ("calls", "1"): 0.0}
    assert lag.standing() == [
        f"calls: partition 0 has stood for {LIMIT + 1:.0f} s, 7 records wait",
        f"calls: partition 1 has stood for {LIMIT + 1:.0f} s, it has no leader",
    ]
