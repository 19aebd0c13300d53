"""What Kafka holds of inputs that no worker has dealt with yet."""

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition

from dispatch.agents.desk import Desk
from dispatch.agents.intake import Intake
from dispatch.cluster import cluster_id_of, partitions_of
from dispatch.errors import Unavailable
from dispatch.kafka.consumer import Consumer
from dispatch.kafka.placement import places_of
from dispatch.log_end import AGAIN_SECONDS, ANSWER_SECONDS, MOMENT_SECONDS, ask_leaders


class UnreadInputs:
    """Where records of the input topics are that nobody has dealt with yet."""

    def __init__(
        self,
        partitions: Collection[TopicPartition],
        unread: Collection[TopicPartition],
        prefix: str,
        standing: Collection[TopicPartition] = (),
    ) -> None:
        """Take all partitions of the inputs, those with unread records, and the topics' prefix.

        For what is unread in those that are `standing` no limit waits.
        """
        self._numbers = Counter(tp.topic.removeprefix(prefix) for tp in partitions)
        self._unread: dict[str, set[int]] = defaultdict(set)
        for tp in unread:
            self._unread[tp.topic.removeprefix(prefix)].add(tp.partition)
        self._standing = {tp.topic.removeprefix(prefix) for tp in standing}

    def somewhere(self, topic: str) -> bool:
        """Return whether any partition of a topic has some."""
        return topic in self._unread

    def at_all(self, topic: str) -> bool:
        """Return whether any partition has some, also such as limits do not wait for."""
        return topic in self._unread or topic in self._standing

    def everywhere(self, topic: str) -> bool:
        """Return whether every partition of a topic has some."""
        return topic in self._unread and len(self._unread[topic]) >= self._numbers[topic]

    def of(self, topic: str, key: str) -> bool:
        """Return whether one of them may have a key, whichever client has put it there."""
        if topic not in self._unread:
            return False
        return not self._unread[topic].isdisjoint(places_of(key.encode(), self._numbers[topic]))


class Unread:
    """Compares where the input topics end with how far all workers together have come.

    The embedded broker tells too low an end after a batch of several records: there the last of
    them may be passed over.
    """

    def __init__(
        self, intakes: Sequence[Intake], desk: Desk, *, client_options: Mapping[str, Any]
    ) -> None:
        self._intakes = intakes
        self._desk = desk
        self._client_options = client_options
        self._consumer: Consumer | None = None
        self._of_whole_logs: Consumer | None = None
        self._connecting = asyncio.Lock()
        self._asked_again = 0.0
        self.partitions: list[TopicPartition] = []
        """Those of the inputs; none before they were asked for."""
        self.without_answer: frozenset[TopicPartition] = frozenset()
        """Those that had no leader who told where they end, when the ends were asked for."""

    async def ends(self) -> Mapping[TopicPartition, int]:
        """Return where each partition of the inputs ends by now, but those without an answer.

        It is the next offset. What belongs to an open transaction, or comes behind one, is not
        there yet.

        Raises Unavailable or a KafkaError when the brokers don't tell.
        """
        async with self._connecting:
            consumer = self._consumer = self._consumer or await self._connect()
        silent = self.without_answer
        asked = [tp for tp in self.partitions if tp not in silent]
        ends = await ask_leaders(consumer.end_offsets, asked)
        if silent and (now := time.monotonic()) - self._asked_again > AGAIN_SECONDS:
            self._asked_again = now
            with contextlib.suppress(Unavailable):
                ends |= await ask_leaders(consumer.end_offsets, silent, MOMENT_SECONDS)
        self.without_answer = frozenset(self.partitions) - ends.keys()
        return ends

    async def whole_ends(self) -> Mapping[TopicPartition, int]:
        """Return the same as `ends`, with what belongs to open transactions and comes behind."""
        async with self._connecting:
            consumer = self._of_whole_logs or await self._connect(whole=True)
            self._of_whole_logs = consumer
        asked = [tp for tp in self.partitions if tp not in self.without_answer]
        return await ask_leaders(consumer.end_offsets, asked)

    async def noted(self) -> dict[TopicPartition, int]:
        """Return the next offset of each partition that somebody has dealt with records of.

        Raises Unavailable when the database can't be reached, or the brokers.
        """
        known = {intake.incarnation for intake in self._intakes} - {None}
        incarnation = known.pop() if known else await cluster_id_of(self._client_options)
        if incarnation is None or known:
            # The cluster is being taken for another one: nothing of it has been dealt with.
            return {}
        noted = await self._desk.noted(incarnation)
        return {TopicPartition(*place): offset for place, offset in noted.items()}

    async def close(self) -> None:
        """Let go of the brokers."""
        consumers = self._consumer, self._of_whole_logs
        self._consumer = self._of_whole_logs = None
        for consumer in consumers:
            if consumer is not None:
                await consumer.stop()

    async def _connect(self, *, whole: bool = False) -> Consumer:
        topics = [intake.topic for intake in self._intakes]
        found = await partitions_of(self._client_options, topics)
        if missing := sorted(set(topics) - found.keys()):
            raise Unavailable(f"Kafka has no topic {missing[0]}")
        self.partitions = [
            TopicPartition(topic, partition) for topic in topics for partition in found[topic]
        ]
        # It is in no group and reads nothing: an intake's own would answer after its fetch only.
        consumer = Consumer(
            **self._client_options,
            whole_ends=whole,
            enable_auto_commit=False,
            request_timeout_ms=int(ANSWER_SECONDS * 1_000),
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        return consumer
