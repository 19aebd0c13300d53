"""What Kafka holds of inputs that no worker has dealt with yet."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiokafka import TopicPartition

from dispatch.agents.desk import Desk
from dispatch.agents.intake import Intake
from dispatch.cluster import partitions_of
from dispatch.errors import Unavailable
from dispatch.kafka.consumer import Consumer

ANSWER_TIMEOUT_MS: Final = 5_000


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
        self._partitions: list[TopicPartition] = []

    async def ends(self) -> Mapping[TopicPartition, int]:
        """Return where each partition of the inputs ends by now: the next offset.

        What belongs to an open transaction, or comes behind one, is not there yet.

        Raises Unavailable or a KafkaError when the brokers don't tell.
        """
        consumer = self._consumer or await self._connect()
        ends: dict[TopicPartition, int] = await consumer.end_offsets(self._partitions)
        return ends

    async def left(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Return how many records before these ends nobody has dealt with, where there are any.

        Raises Unavailable when the database can't be reached.
        """
        incarnations = {intake.incarnation for intake in self._intakes}
        noted: Mapping[tuple[str, int], int] = {}
        if len(incarnations) == 1 and (incarnation := incarnations.pop()) is not None:
            noted = await self._desk.noted(incarnation)
        left = {tp: end - noted.get((tp.topic, tp.partition), 0) for tp, end in ends.items()}
        return {tp: records for tp, records in left.items() if records > 0}

    async def close(self) -> None:
        """Let go of the brokers."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def _connect(self) -> Consumer:
        topics = [intake.topic for intake in self._intakes]
        found = await partitions_of(self._client_options, topics)
        if missing := sorted(set(topics) - found.keys()):
            raise Unavailable(f"Kafka has no topic {missing[0]}")
        self._partitions = [
            TopicPartition(topic, partition) for topic in topics for partition in found[topic]
        ]
        # It is in no group and reads nothing: an intake's own would answer after its fetch only.
        consumer = Consumer(
            **self._client_options,
            enable_auto_commit=False,
            request_timeout_ms=ANSWER_TIMEOUT_MS,
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer
        return consumer
