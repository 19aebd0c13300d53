"""How long producers' open transactions hold a topic up.

Only what is committed is read, in the order of the log: behind a transaction that somebody has
begun and not ended, everybody's records wait. A broker tells with each fetch how far it is read,
the last stable offset, and how far its log goes, the high watermark.
"""

from dataclasses import dataclass

from aiokafka import TopicPartition

from dispatch.kafka.consumer import Consumer
from dispatch.metrics import Metrics

MS = 1_000


@dataclass(slots=True)
class _Standing:
    """A last stable offset below the high watermark, and when it was first told (ms)."""

    offset: int
    since: int


class OpenTransactions:
    """Measures it for the partitions of one intake."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._standing: dict[TopicPartition, _Standing] = {}

    def look(self, consumer: Consumer) -> None:
        """Take over what the brokers told last of the partitions assigned."""
        for tp in consumer.assignment():
            end, stable = consumer.highwater(tp), consumer.last_stable_offset(tp)
            told = consumer.last_poll_timestamp(tp)
            if end is None or stable is None or told is None or not 0 <= stable < end:
                if self._standing.pop(tp, None) is not None:
                    self._tell(tp, 0)
                continue
            standing = self._standing.get(tp)
            if standing is None or standing.offset != stable:
                standing = self._standing[tp] = _Standing(stable, told)
            self._tell(tp, max(0, told - standing.since))

    def forget(self) -> None:
        """Forget all: the partitions are another's from now on."""
        for tp in self._standing:
            self._tell(tp, 0)
        self._standing.clear()

    def _tell(self, tp: TopicPartition, milliseconds: int) -> None:
        labels = {"topic": tp.topic, "partition": tp.partition}
        self._metrics.open_transaction.labels(**labels).set(milliseconds / MS)
