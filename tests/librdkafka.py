"""A client that nobody here wrote: librdkafka, which compresses, transacts and floods as told."""

import time
import uuid
from collections.abc import Iterable
from typing import Any, Final, Protocol

from confluent_kafka import KafkaError, Message, Producer

CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")
# As Java, kafkajs and aiokafka place a key; librdkafka's own choice is another.
PARTITIONER: Final = "murmur2_random"
DELIVERY_SECONDS: Final = 60.0


class Sendable(Protocol):
    """A record to publish; `topic` is without its prefix."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]: ...


class Librdkafka:
    """Publishes records and waits for the brokers; every method blocks, so give it a thread."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix

    def publish(self, records: Iterable[Sendable], *, codec: str = "none") -> int:
        """Publish records, compressed by a codec; return how many the brokers have."""
        producer = self._producer({"compression.type": codec, "enable.idempotence": True})
        return self._send(producer, records)

    def abort(self, records: Iterable[Sendable]) -> None:
        """Publish records in a transaction, wait until they are written, and abort it."""
        producer = self._transaction()
        self._send(producer, records)
        producer.abort_transaction()

    def commit_late(self, records: Iterable[Sendable], *, seconds: float) -> int:
        """Publish records in a transaction that is open for so long, and commit it."""
        producer = self._transaction()
        sent = self._send(producer, records)
        time.sleep(seconds)
        producer.commit_transaction()
        return sent

    def _transaction(self) -> Producer:
        producer = self._producer(
            {
                "transactional.id": f"test-{uuid.uuid4().hex}",
                # Brokers of the service allow no more; one that dies holds nobody up for longer.
                "transaction.timeout.ms": int(DELIVERY_SECONDS * 1_000),
            }
        )
        producer.init_transactions(DELIVERY_SECONDS)
        producer.begin_transaction()
        return producer

    def _producer(self, settings: dict[str, Any]) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self._bootstrap,
                "partitioner": PARTITIONER,
                "linger.ms": 5,
                "queue.buffering.max.messages": 1_000_000,
                "delivery.timeout.ms": int(DELIVERY_SECONDS * 1_000),
                **settings,
            }
        )

    def _send(self, producer: Producer, records: Iterable[Sendable]) -> int:
        failed: list[KafkaError] = []
        sent = 0

        def told(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failed.append(error)

        for record in records:
            producer.produce(
                self._prefix + record.topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                on_delivery=told,
            )
            sent += 1
            if not sent % 1_000:
                producer.poll(0)
        left = producer.flush(DELIVERY_SECONDS)
        assert not left, f"{left} of {sent} records were not taken in time"
        assert not failed, failed[0]
        return sent
