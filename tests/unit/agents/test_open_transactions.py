"""How long a transaction has been open, by what brokers tell with fetches."""

import re
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from dispatch.agents.open_transactions import OpenTransactions
from dispatch.metrics import Metrics

TP, OTHER = TopicPartition("calls", 0), TopicPartition("calls", 1)


@dataclass
class Fetched:
    """What a consumer was told last of each partition: end, last stable offset, time in ms."""

    told: dict[TopicPartition, tuple[int | None, int | None, int | None]] = field(
        default_factory=dict
    )

    def assignment(self) -> set[TopicPartition]:
        return set(self.told)

    def highwater(self, tp: TopicPartition) -> int | None:
        return self.told[tp][0]

    def last_stable_offset(self, tp: TopicPartition) -> int | None:
        return self.told[tp][1]

    def last_poll_timestamp(self, tp: TopicPartition) -> int | None:
        return self.told[tp][2]


class Bed:
    def __init__(self) -> None:
        self.metrics = Metrics()
        self.open_transactions = OpenTransactions(self.metrics)

    def look(self, *told: tuple[int | None, int | None, int | None]) -> list[float]:
        """Return what is told of each partition, after a look at what a fetch told."""
        self.open_transactions.look(Fetched(dict(zip((TP, OTHER), told, strict=False))))  # type: ignore[arg-type]
        return self.values()

    def values(self) -> list[float]:
        found = re.findall(rb"open_transaction_seconds\{.*\} (\S+)", self.metrics.render())
        return [float(value) for value in found]


def test_it_is_told_for_as_long_as_the_last_stable_offset_stands_below_the_end() -> None:
    bed = Bed()
    assert bed.look((9, 7, 1_000)) == [0]
    assert bed.look((9, 7, 3_500)) == [2.5]
    # What comes behind it doesn't end it.
    assert bed.look((12, 7, 5_000)) == [4]
    assert bed.look((12, 12, 6_000)) == [0]


def test_one_after_the_other_is_no_standstill() -> None:
    bed = Bed()
    assert [bed.look((at + 3, at, at * 1_000)) for at in range(9)] == [[0]] * 9


def test_each_partition_has_its_own() -> None:
    bed = Bed()
    bed.look((9, 7, 0), (5, 5, 0))
    assert bed.look((9, 7, 2_000), (5, 4, 2_000)) == [2, 0]


def test_nothing_is_told_while_nothing_is_known() -> None:
    bed = Bed()
    assert bed.look((None, None, None)) == []
    # An old broker, and a consumer that has not fetched.
    assert bed.look((9, None, 1)) == []
    assert bed.look((9, -1, 1)) == []


def test_time_in_which_nothing_was_fetched_does_not_count() -> None:
    bed = Bed()
    bed.look((9, 7, 1_000))
    assert [bed.look((9, 7, 2_000)) for _ in range(3)] == [[1]] * 3


def test_what_another_has_by_now_is_forgotten() -> None:
    bed = Bed()
    bed.look((9, 7, 0))
    assert bed.look((9, 7, 60_000)) == [60]
    bed.open_transactions.forget()
    assert bed.values() == [0]
    assert bed.look((9, 7, 90_000)) == [0]
