"""An intake reads one input topic and commits only what has taken effect and is published."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import mode
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from dispatch.agents.batch import Batch, BatchChannel
from dispatch.agents.desk import Desk
from dispatch.agents.patience import Interrupted, Overdue, Patience, persist
from dispatch.agents.positions import Start, where_to_start
from dispatch.cluster import cluster_id_of
from dispatch.log_end import end_of_log
from dispatch.metrics import Metrics
from dispatch.topics.envelope import Record

POLL_SECONDS = 0.5  # how soon a quiet intake notices that it has to stop
CLOSE_TIMEOUT = 5.0  # seconds
# How soon an intake hears of a topic that was not there when it joined; the default is 5 minutes.
METADATA_MAX_AGE_MS = 10_000
# Asking for a partition that nobody has returns nothing and still counts as a poll.
NOWHERE = TopicPartition("", -1)

T = TypeVar("T")
_Read = ConsumerRecord[bytes, bytes]


@dataclass(slots=True)
class _InHand:
    """The batch in hand: `settled` when it needs no more waiting, `let_go` when it must end."""

    settled: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)


class Intake(mode.Service, ConsumerRebalanceListener):
    """Reads batches of one topic, gives them to its agent, and commits explicit offsets."""

    def __init__(
        self,
        topic: str,
        channel: BatchChannel,
        desk: Desk,
        *,
        client_options: Mapping[str, Any],
        session_timeout_ms: int,
        fetch_max_wait_ms: int,
        batch_size: int,
        patience: Patience,
        metrics: Metrics,
    ) -> None:
        super().__init__()
        self.topic = topic
        self._channel = channel
        self._desk = desk
        self._client_options = client_options
        self._session_timeout_ms = session_timeout_ms
        self._fetch_max_wait_ms = fetch_max_wait_ms
        self._batch_size = batch_size
        self._patience = patience
        self._metrics = metrics
        self._consumer: AIOKafkaConsumer | None = None
        self._reading: asyncio.Future[None] | None = None
        self._in_hand: _InHand | None = None
        self._assignments = 0
        self._revoking = False
        self._reconciled = -1
        # The cluster whose log is read, by its id.
        self._incarnation: str | None = None
        self._log = structlog.get_logger(__name__).bind(topic=topic)

    @property
    def assigned(self) -> bool:
        """Whether this worker takes part in the topic's group and knows where to read."""
        return not self._revoking and self._reconciled == self._assignments > 0

    async def on_start(self) -> None:
        """Begin to read; the broker need not be there yet."""
        self._reading = self.add_future(self._read())

    async def on_stop(self) -> None:
        """Finish the batch in hand, commit it and leave the group."""
        if (in_hand := self._in_hand) is not None:
            await self._finish(in_hand, self._patience.stop_limit)
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        await self._close()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish or give up the batch in hand before others get the partitions."""
        self._revoking = True
        self._log.info("partitions revoked", partitions=sorted(tp.partition for tp in revoked))
        if (in_hand := self._in_hand) is not None:
            share = self._session_timeout_ms / 1_000 * self._patience.revocation_share
            await self._finish(in_hand, share)
        self._metrics.lag.clear()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Have the positions compared before anything is read."""
        self._revoking = False
        self._assignments += 1
        self._log.info("partitions assigned", partitions=sorted(tp.partition for tp in assigned))

    async def _finish(self, in_hand: _InHand, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await in_hand.settled.wait()
        except TimeoutError:
            self._log.warning("gave up the batch in hand: it will be read again")
            in_hand.let_go.set()
            await in_hand.settled.wait()

    async def _read(self) -> None:
        consumer = await self._persist("connect", self._connect)
        while not self.should_stop:
            records = await self._persist("read", self._poll)
            if records:
                await self._settle(consumer, records)

    async def _connect(self) -> AIOKafkaConsumer:
        self._consumer = consumer = AIOKafkaConsumer(
            **self._client_options,
            group_id=self.topic,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=self._session_timeout_ms,
            heartbeat_interval_ms=self._session_timeout_ms // 6,
            fetch_max_wait_ms=self._fetch_max_wait_ms,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
        )
        consumer.subscribe([self.topic], listener=self)
        try:
            await consumer.start()
        except BaseException:
            await self._close()
            raise
        return consumer

    async def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await consumer.stop()
        except (KafkaError, OSError) as error:
            self._log.info("left the group without its broker", error=repr(error))

    async def _poll(self) -> list[_Read]:
        consumer = self._consumer
        assert consumer is not None
        if self._assignments and not self._revoking and self._reconciled != self._assignments:
            await self._reconcile(consumer)
        reconciled = self._reconciled
        polled = await consumer.getmany(
            timeout_ms=int(POLL_SECONDS * 1_000), max_records=self._batch_size
        )
        if reconciled != self._assignments:
            # Read from a new assignment at the wrong place: it will be put right first.
            return []
        return [record for records in polled.values() for record in records]

    async def _reconcile(self, consumer: AIOKafkaConsumer) -> None:
        """Start every partition where both Kafka and the database say that it is safe."""
        assignment = self._assignments
        incarnation = await cluster_id_of(self._client_options)
        if self._incarnation not in {None, incarnation}:
            self._log.error("the broker is another one: what it had not delivered is gone")
        noted = await self._desk.noted(incarnation)
        partitions = consumer.assignment()
        firsts = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        for tp in sorted(partitions):
            committed = await consumer.committed(tp)
            seen = max(committed or 0, noted.get((tp.topic, tp.partition), 0))
            if seen > ends[tp]:
                try:
                    ends[tp] = await end_of_log(consumer, tp, ends[tp])
                except IllegalStateError:
                    return
            if assignment != self._assignments or self._revoking:
                return
            start = where_to_start(
                committed, noted.get((tp.topic, tp.partition)), firsts[tp], ends[tp]
            )
            self._report(tp, start)
            try:
                consumer.seek(tp, start.offset)
            except IllegalStateError:
                return
        self._reconciled, self._incarnation = assignment, incarnation

    def _report(self, tp: TopicPartition, start: Start) -> None:
        labels = {"topic": tp.topic, "partition": tp.partition}
        log = self._log.bind(partition=tp.partition, offset=start.offset)
        if start.reread:
            self._metrics.reread.labels(**labels).inc(start.reread)
            log.warning("committed records unknown to the database", records=start.reread)
        if start.unreadable:
            self._metrics.unreadable.labels(**labels).inc(start.unreadable)
            log.error("records were deleted before they were read", records=start.unreadable)
        if start.beyond_end:
            self._metrics.beyond_end.labels(**labels).inc(start.beyond_end)
            log.error("the log ends before what the database has seen", records=start.beyond_end)

    async def _settle(self, consumer: AIOKafkaConsumer, read: Sequence[_Read]) -> None:
        """See the batch through: every record takes effect, then its offset is committed."""
        started = time.monotonic()
        # Until it has rejoined, this may be the log of another cluster by now: what is noted of the
        # old one then says nothing of the new one, which is read from where nothing is missing.
        assert self._incarnation is not None
        records = [Record.of(record, self._incarnation) for record in read]
        offsets = {
            TopicPartition(record.topic, record.partition): record.offset + 1 for record in read
        }
        self._in_hand = in_hand = _InHand()
        with structlog.contextvars.bound_contextvars(
            topic=self.topic,
            offsets={tp.partition: offset for tp, offset in offsets.items()},
            batch_size=len(records),
        ):
            try:
                await self._persist("settle", lambda: self._put(records, in_hand))
                await self._commit(consumer, offsets, in_hand)
                self._note_lag(consumer, offsets)
            except Interrupted:
                return
            finally:
                self._in_hand = None
                in_hand.settled.set()
        self._metrics.batch_size.labels(topic=self.topic).observe(len(records))
        self._metrics.batch_seconds.labels(topic=self.topic).observe(time.monotonic() - started)

    async def _put(self, records: Sequence[Record], in_hand: _InHand) -> None:
        """Give the batch to the agent and wait for its answer."""
        batch = Batch(records, asyncio.get_running_loop().create_future())
        limit = time.monotonic() + self._patience.batch_limit
        await self._channel.give(batch)
        letting_go = asyncio.ensure_future(in_hand.let_go.wait())
        try:
            while not batch.done.done():
                if letting_go.done():
                    raise Interrupted
                if time.monotonic() > limit:
                    raise Overdue
                await self._stay()
                waited: set[asyncio.Future[Any]] = {batch.done, letting_go}
                await asyncio.wait(
                    waited,
                    timeout=min(POLL_SECONDS, self._patience.batch_limit),
                    return_when=asyncio.FIRST_COMPLETED,
                )
            batch.done.result()
        finally:
            letting_go.cancel()
            batch.done.cancel()

    async def _rest(self, seconds: float) -> None:
        """Pause between two attempts, staying in the group; raise when the batch must end."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._in_hand is None:
                await asyncio.sleep(left)
            else:
                try:
                    async with asyncio.timeout(min(left, POLL_SECONDS)):
                        await self._in_hand.let_go.wait()
                except TimeoutError:
                    await self._stay()
                else:
                    raise Interrupted

    async def _stay(self) -> None:
        """Poll without reading: a member that doesn't for 300 s is taken for dead.

        Pausing the partitions would not do: what was fetched before is returned all the same.
        """
        if self._consumer is None or self._revoking:
            return
        try:
            await self._consumer.getmany(NOWHERE, timeout_ms=0)
        except KafkaError as error:
            self._log.info("poll failed", error=repr(error))

    async def _commit(
        self,
        consumer: AIOKafkaConsumer,
        offsets: Mapping[TopicPartition, int],
        in_hand: _InHand,
    ) -> None:
        committing = asyncio.ensure_future(consumer.commit(offsets))
        letting_go = asyncio.ensure_future(in_hand.let_go.wait())
        await asyncio.wait({committing, letting_go}, return_when=asyncio.FIRST_COMPLETED)
        letting_go.cancel()
        if not committing.done():
            committing.cancel()
            raise Interrupted
        try:
            await committing
        except KafkaError as error:
            # The records have taken effect; whoever reads them again will drop them.
            self._log.warning("not committed", error=repr(error))

    async def _persist(self, work: str, attempt: Callable[[], Awaitable[T]]) -> T:
        return await persist(
            attempt,
            name=f"{work} {self.topic}",
            patience=self._patience,
            metrics=self._metrics,
            rest=self._rest,
        )

    def _note_lag(self, consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
        for tp, offset in offsets.items():
            end = consumer.highwater(tp)
            if end is not None:
                labels = {"topic": tp.topic, "partition": tp.partition}
                self._metrics.lag.labels(**labels).set(max(0, end - offset))
