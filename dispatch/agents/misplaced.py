"""Counts inputs on another partition than their key's, and warns of who sends them."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from dispatch.kafka.placement import PARTITIONER, number_of
from dispatch.metrics import Metrics
from dispatch.topics import structured
from dispatch.topics.cloudevents import MAX_ATTRIBUTE

AGAIN: Final = 3_600.0  # seconds until it is said of the same source again
REMEMBERED: Final = 1_000  # sources
# No id is as long: what has such a key is refused, wherever it lies.
LONGEST: Final = 256  # bytes

log = structlog.get_logger(__name__)


class Misplaced:
    """Watches the records of one topic; `topic` is as the cluster has it."""

    def __init__(
        self, topic: str, metrics: Metrics, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._topic = topic
        self._count = metrics.misplaced.labels(topic=topic)
        self._now = now
        self._said: dict[str, float] = {}

    def look(self, records: Sequence[ConsumerRecord[bytes, bytes]], partitions: int) -> None:
        """Count those of the records that lie elsewhere than a topic of so many has their key.

        What has no key belongs nowhere.
        """
        if partitions < 1:
            return
        found: Counter[str] = Counter()
        places: dict[str, TopicPartition] = {}
        for record in records:
            key = record.key
            if key and len(key) <= LONGEST and number_of(key) % partitions != record.partition:
                source = _source_of(record)
                found[source] += 1
                places.setdefault(source, TopicPartition(record.topic, record.partition))
        if not found:
            return
        self._count.inc(found.total())
        now = self._now()
        for source, number in found.items():
            if now - self._said.get(source, -AGAIN) < AGAIN:
                continue
            if len(self._said) >= REMEMBERED:
                self._said = {each: at for each, at in self._said.items() if now - at < AGAIN}
            if len(self._said) >= REMEMBERED:
                # The number and its alert tell of the others.
                return
            self._said[source] = now
            log.warning(
                "inputs lie on other partitions than their keys': they may be read out of order",
                topic=self._topic,
                source=source,
                number=number,
                partition=places[source].partition,
                remedy=f"partitioner={PARTITIONER} in librdkafka",
            )


def _source_of(record: ConsumerRecord[bytes, bytes]) -> str:
    """Return who sent a record, as far as that is short; empty where nothing says so."""
    for name, value in record.headers:
        if name == "ce_source":
            source = value or b""
            break
    else:
        source = structured.source_of(record.headers, record.value)
    return source[:MAX_ATTRIBUTE].decode("utf-8", "replace")
