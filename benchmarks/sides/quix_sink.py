"""The job on Quix Streams: `python -m benchmarks.sides.quix_sink`.

A sink collects the records until Quix makes a checkpoint, after so many of them; it does the job
then, and Quix commits the offsets when it has.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import uvloop
from quixstreams import Application
from quixstreams.kafka import Producer
from quixstreams.sinks import BaseSink

from benchmarks.sides.job import Job, key_of, open_job
from dispatch.errors import Unavailable
from dispatch.topics.envelope import Outgoing, Record

# Seconds after which a checkpoint is made of what has come; a poll waits no longer for more.
CHECKPOINT = 0.05
POLL = 0.02


class DeskSink(BaseSink):
    """Does the job with what has come since the last checkpoint."""

    def __init__(self, settle: Callable[[Sequence[Record]], None], incarnation: str) -> None:
        super().__init__()
        self._incarnation = incarnation
        self._settle = settle
        self._records: list[Record] = []

    def add(  # noqa: PLR0917 - as its base class has it
        self,
        value: Any,
        key: Any,
        timestamp: int,
        headers: Any,
        topic: str,
        partition: int,
        offset: int,
    ) -> None:
        """Keep a record until the checkpoint."""
        headers = tuple(headers or ())
        self._records.append(
            Record(topic, partition, offset, timestamp, key, value, headers, self._incarnation)
        )

    def flush(self) -> None:
        """Do the job; what fails is not committed."""
        records, self._records = self._records, []
        if records:
            self._settle(records)


def main() -> None:
    """Work until killed."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        opening = open_job()
        job = runner.run(opening.__aenter__())
        app = _application(job)
        producer = app.get_producer()

        def settle(records: Sequence[Record]) -> None:
            outgoing = runner.run(job.desk.take(records))
            _publish(producer, outgoing)
            runner.run(job.desk.published(outgoing))

        topic = app.topic(job.topic, value_deserializer="bytes", key_deserializer="bytes")
        app.dataframe(topic).sink(DeskSink(settle, job.incarnation))
        app.run()


def _application(job: Job) -> Application:
    kafka = job.settings.kafka
    return Application(
        broker_address=kafka.bootstrap_servers,
        consumer_group=job.topic,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        commit_every=job.settings.batch_size,
        commit_interval=CHECKPOINT,
        consumer_poll_timeout=POLL,
        consumer_extra_config={
            "session.timeout.ms": kafka.session_timeout_ms,
            "heartbeat.interval.ms": kafka.session_timeout_ms // 6,
            "fetch.wait.max.ms": kafka.fetch_max_wait_ms,
        },
        producer_extra_config={
            "acks": "all",
            "enable.idempotence": kafka.enable_idempotence,
            "linger.ms": 0,
        },
        state_dir=str(job.settings.data_dir / "state"),
        loglevel="WARNING",
    )


def _publish(producer: Producer, outgoing: Sequence[Outgoing]) -> None:
    """Publish the events and wait until the brokers have acknowledged them all."""
    failed = []

    def delivered(error: Any, _: Any) -> None:
        if error is not None:
            failed.append(error)

    for event in outgoing:
        for topic, value in event.bodies:
            producer.produce(
                topic, value, key_of(event), list(event.headers), on_delivery=delivered
            )
    if producer.flush() or failed:
        raise Unavailable(f"the brokers took no events: {failed[:1]}")


if __name__ == "__main__":
    main()
