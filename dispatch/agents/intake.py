"""An intake reads one input topic and commits only what has taken effect and is published.

While a batch is being published, the next one is decided already. It may take effect only after
the first has; when anything goes wrong with one of them, they are dealt with one after the other.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import mode
import structlog
from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from dispatch.agents.batch import Batch, BatchChannel
from dispatch.agents.desk import Desk
from dispatch.agents.misplaced import Misplaced
from dispatch.agents.open_transactions import OpenTransactions
from dispatch.agents.ownership import Ownership
from dispatch.agents.patience import Interrupted, Overdue, Patience, persist
from dispatch.agents.positions import Start, where_to_start
from dispatch.claim import Claim
from dispatch.cluster import cluster_id_of
from dispatch.errors import Unavailable
from dispatch.kafka.consumer import Consumer, record_of
from dispatch.log_end import AGAIN_SECONDS, MOMENT_SECONDS, begin_and_end, end_of_log
from dispatch.metrics import Metrics
from dispatch.topics.envelope import Record

POSITION_LIMIT = 0.2  # seconds
LOOK_SECONDS = 0.5  # between looks at what the brokers tell beside records
POLL_SECONDS = 0.5  # how soon a quiet intake notices that it has to stop
# What a batch may have of senders that are set apart, in sizes of a batch: to write so many down
# costs hardly more than one transaction, and those behind a flood wait as much less.
MOST_APART = 10
ENOUGH_BYTES = 8 * 1024 * 1024  # of values; then no more is added to a batch
AT_ONCE = 2  # batches: one is published while the next is decided
CLOSE_TIMEOUT = 5.0  # seconds
# How soon an intake hears of a topic that was not there when it joined; the default is 5 minutes.
METADATA_MAX_AGE_MS = 10_000
# Asking for a partition that nobody has returns nothing and still counts as a poll.
NOWHERE = TopicPartition("", -1)

T = TypeVar("T")
_Read = ConsumerRecord[bytes, bytes]


@dataclass(slots=True, eq=False)
class _InHand:
    """A batch in hand: `settled` when it needs no more waiting, `let_go` when it must end."""

    records: Sequence[Record]
    offsets: Mapping[TopicPartition, int]
    before: "_InHand | None"
    """The one whose records come before these."""
    batch: Batch | None = None
    """As it was put before the agent the last time."""
    acknowledged: bool = False
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
        claim: Claim | None = None,
        ownership: Ownership | None = None,
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
        # What is written beside every offset: which database reads this topic.
        self._note_beside = "" if claim is None else claim.as_text()
        self._ownership = ownership
        self._consumer: Consumer | None = None
        self._reading: asyncio.Future[None] | None = None
        self._in_hand: list[_InHand] = []
        self._open_transactions = OpenTransactions(metrics)
        self._misplaced = Misplaced(topic, metrics)
        self._looked = -LOOK_SECONDS
        self._assignments = 0
        self._revoking = False
        self._reconciled = -1
        # Partitions of this worker that are not read, as none of their leaders has answered.
        self._silent: set[TopicPartition] = set()
        self._asked_again = 0.0
        self._has_left = False
        # What the database notes of the partitions that this worker has.
        self._noted: dict[TopicPartition, int] = {}
        # The next offsets to settle of partitions that this worker has or has had.
        self._settled: dict[TopicPartition, int] = {}
        self.incarnation: str | None = None
        """The cluster whose log is read, by its id; None until it is known."""
        self._log = structlog.get_logger(__name__).bind(topic=topic)

    @property
    def assigned(self) -> bool:
        """Whether this worker takes part in the topic's group and knows where to read."""
        return not self._revoking and self._reconciled == self._assignments > 0

    @property
    def has_left(self) -> bool:
        """Whether this worker has left the topic's group until it is to join again."""
        return self._has_left

    async def settled(self) -> dict[TopicPartition, int]:
        """Return the next offset to settle of each partition that this worker has.

        Raises a KafkaError when it must be asked of the brokers, which don't tell.
        """
        consumer = self._consumer
        if consumer is None or self._revoking:
            return {}
        settled: dict[TopicPartition, int] = {}
        for tp in consumer.assignment():
            at = self._settled.get(tp)
            settled[tp] = (await consumer.committed(tp) or 0) if at is None else at
        return settled

    async def leave(self) -> None:
        """Give up what is in hand and leave the group, so that others get the partitions.

        What was given up is read again by whoever has its partition then: nothing was committed.
        """
        if self._has_left or self._reading is None:
            return
        self._has_left = True
        self._log.warning("left the group")
        self._reading.cancel()
        # A database that a silent network keeps away may hold it up; it begins nothing any more.
        await asyncio.wait({self._reading}, timeout=CLOSE_TIMEOUT)
        await self._finish(0)
        await self._close()
        self._assignments, self._reconciled, self._revoking = 0, -1, False
        self._settled.clear()
        self._open_transactions.forget()

    def join(self) -> None:
        """Take part in the group again after `leave`."""
        if self._has_left:
            self._has_left = False
            self._log.info("joins the group again")
            self._reading = self.add_future(self._read())

    async def on_start(self) -> None:
        """Begin to read; the broker need not be there yet."""
        self._reading = self.add_future(self._read())

    async def on_stop(self) -> None:
        """Finish what is in hand, commit it and leave the group."""
        await self._finish(self._patience.stop_limit)
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        await self._close()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish or give up what is in hand before others get the partitions."""
        self._revoking = True
        self._log.info("partitions revoked", partitions=sorted(tp.partition for tp in revoked))
        await self._finish(self._session_timeout_ms / 1_000 * self._patience.revocation_share)
        self._open_transactions.forget()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Have the positions compared before anything is read."""
        self._revoking = False
        self._assignments += 1
        self._log.info("partitions assigned", partitions=sorted(tp.partition for tp in assigned))

    async def _finish(self, seconds: float) -> None:
        in_hand = list(self._in_hand)
        try:
            async with asyncio.timeout(seconds):
                for each in in_hand:
                    await each.settled.wait()
        except TimeoutError:
            self._log.warning("gave up the batch in hand: it will be read again")
            for each in in_hand:
                each.let_go.set()
            for each in in_hand:
                await each.settled.wait()

    async def _read(self) -> None:
        consumer = await self._persist("connect", self._connect, asyncio.sleep)
        while not self.should_stop:
            if len(self._in_hand) == AT_ONCE:
                await self._stay_until_settled(self._in_hand[0])
                continue
            records = await self._persist("read", self._poll, asyncio.sleep)
            if records and not self.should_stop:
                self._begin(consumer, records)

    def _begin(self, consumer: Consumer, read: Sequence[_Read]) -> None:
        """Have a batch settled, beside the one before it if that is still in hand."""
        # Until it has rejoined, this may be the log of another cluster by now: what is noted of the
        # old one then says nothing of the new one, which is read from where nothing is missing.
        assert self.incarnation is not None
        # Beyond a batch's size there is only what waits apart: a flood is not looked at whole.
        known = consumer.partitions_for_topic(self.topic) or ()
        self._misplaced.look(read[: self._batch_size], len(known))
        in_hand = _InHand(
            records=[record_of(record, self.incarnation) for record in read],
            offsets={
                TopicPartition(record.topic, record.partition): record.offset + 1 for record in read
            },
            before=self._in_hand[-1] if self._in_hand else None,
        )
        self._in_hand.append(in_hand)
        self.add_future(self._settle(consumer, in_hand))

    async def _connect(self) -> Consumer:
        self._consumer = consumer = Consumer(
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
        if self._reconciled == self._assignments and not self._revoking:
            await self._look(consumer)
        reconciled = self._reconciled
        polled = await consumer.getmany(
            timeout_ms=int(POLL_SECONDS * 1_000), max_records=self._batch_size
        )
        read = [record for records in polled.values() for record in records]
        await self._add_set_apart(consumer, read)
        if self._revoking or not reconciled == self._reconciled == self._assignments:
            # Another's already, or read at the wrong place, which will be put right first: from a
            # new assignment, or after records that were given up meanwhile.
            return []
        return read

    async def _look(self, consumer: Consumer) -> None:
        """Now and then look what holds records up, and note where nothing is left to take.

        Partitions that had no leader are started when they have one.

        Nothing has been read that is not in hand. What can't be noted now is noted the next time.
        """
        if time.monotonic() - self._looked <= LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        self._open_transactions.look(consumer)
        if self._silent and self._looked - self._asked_again > AGAIN_SECONDS:
            await self._start_silent(consumer)
        try:
            await self._note_nothing(consumer)
        except (Unavailable, KafkaError, OSError) as error:
            self._log.info("positions are not noted", error=repr(error))

    async def _add_set_apart(self, consumer: Consumer, read: list[_Read]) -> None:
        """Read more into a batch while what has been read waits apart nearly all.

        As much of the rest as makes half a batch ends it: those who wait for a decision come soon.
        """
        known = to_decide = size = 0
        while True:
            some = read[known:]
            if not some or not (apart := self._desk.set_apart(some)):
                return
            known = len(read)
            to_decide += len(some) - apart
            size += sum(len(record.value or b"") for record in some)
            if (
                to_decide * 2 > self._batch_size
                or size > ENOUGH_BYTES
                or known >= MOST_APART * self._batch_size
            ):
                return
            try:
                polled = await consumer.getmany(timeout_ms=0, max_records=self._batch_size)
            except BaseException:
                # What was read is given up, and read again.
                self._reconciled = -1
                raise
            read += (record for records in polled.values() for record in records)

    async def _note_nothing(self, consumer: Consumer) -> None:
        """Note positions before which nothing is left to take: deleted, or no records of ours.

        Brokers keep aborted transactions in the log, and the marks at the end of each. A partition
        of which records are in hand has its turn later.
        """
        busy = {tp for in_hand in self._in_hand for tp in in_hand.offsets}
        beyond: dict[TopicPartition, int] = {}
        for tp, noted in self._noted.items():
            if tp in busy:
                continue
            try:
                # It waits where a partition has none, as its leader is away.
                async with asyncio.timeout(POSITION_LIMIT):
                    position = await consumer.position(tp)
            except TimeoutError:
                continue
            except IllegalStateError:
                return
            if position > noted:
                beyond[tp] = position
        if beyond and self.incarnation is not None:
            await self._desk.note(
                self.incarnation, {(tp.topic, tp.partition): at for tp, at in beyond.items()}
            )
            self._noted |= beyond
            self._settled |= beyond

    async def _reconcile(self, consumer: Consumer) -> None:
        """Start every partition where both Kafka and the database say that it is safe."""
        assignment = self._assignments
        incarnation = await cluster_id_of(self._client_options)
        if self.incarnation not in {None, incarnation}:
            self._log.error("the broker is another one: what it had not delivered is gone")
            if self._ownership is not None:
                await self._ownership.end_at_another_cluster(incarnation)
                raise Unavailable("the topics are on another cluster")
        # Whoever read these partitions before may have set somebody apart.
        await self._desk.hear_of_set_apart()
        self._noted, self._settled = {}, {}
        partitions = consumer.assignment()
        firsts, ends = await begin_and_end(consumer, partitions)
        if assignment != self._assignments:
            return
        if silent := partitions - ends.keys():
            consumer.pause(*silent)
            numbers = sorted(tp.partition for tp in silent)
            self._log.error("partitions have no leader: the others are read", partitions=numbers)
        if await self._start(consumer, incarnation, firsts, ends):
            self._silent, self._asked_again = silent, time.monotonic()
            self._reconciled, self.incarnation = assignment, incarnation

    async def _start(
        self,
        consumer: Consumer,
        incarnation: str,
        firsts: Mapping[TopicPartition, int],
        ends: dict[TopicPartition, int],
    ) -> bool:
        """Start partitions that begin and end so; return whether they are this worker's still."""
        assignment = self._assignments
        noted = await self._desk.noted(incarnation)
        claimed: dict[TopicPartition, int] = {}
        starts: dict[TopicPartition, int] = {}
        try:
            # Some may have been without a leader before.
            consumer.resume(*ends)
            for tp in sorted(ends):
                committed = await consumer.committed(tp)
                seen = max(committed or 0, noted.get((tp.topic, tp.partition), 0))
                if seen > ends[tp]:
                    ends[tp] = await end_of_log(consumer, tp, ends[tp])
                if assignment != self._assignments or self._revoking:
                    return False
                start = where_to_start(
                    committed, noted.get((tp.topic, tp.partition)), firsts[tp], ends[tp]
                )
                self._report(tp, start)
                claimed[tp] = start.offset if committed is None else committed
                consumer.seek(tp, start.offset)
                starts[tp] = start.offset
        except IllegalStateError:
            return False
        if not await self._claim(consumer, claimed):
            return False
        self._noted |= {tp: noted.get((tp.topic, tp.partition), 0) for tp in starts}
        self._settled |= starts
        return True

    async def _start_silent(self, consumer: Consumer) -> None:
        """Start the partitions that had no leader, as far as it answers by now."""
        self._asked_again = time.monotonic()
        try:
            firsts, ends = await begin_and_end(consumer, self._silent, MOMENT_SECONDS)
        except Unavailable:
            return
        assert self.incarnation is not None
        # Until it is known where to read them, nothing that is read counts.
        reconciled, self._reconciled = self._reconciled, -1
        if await self._start(consumer, self.incarnation, firsts, ends):
            self._silent -= ends.keys()
            self._reconciled = reconciled

    async def _claim(self, consumer: Consumer, committed: Mapping[TopicPartition, int]) -> bool:
        """Write whose the partitions are, at the offsets that they have, and look who else did.

        Return whether they may be read: not when they are another database's.
        """
        if self._ownership is None:
            return True
        if committed:
            if not self._ownership.may_claim(self.topic):
                return False
            await consumer.commit(self._beside(committed))
        self._ownership.wake()
        return True

    def _beside(
        self, offsets: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, tuple[int, str]]:
        return {tp: (offset, self._note_beside) for tp, offset in offsets.items()}

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

    async def _settle(self, consumer: Consumer, in_hand: _InHand) -> None:
        """See a batch through: every record takes effect, then its offset is committed."""
        started = time.monotonic()
        with structlog.contextvars.bound_contextvars(
            topic=self.topic,
            offsets={tp.partition: offset for tp, offset in in_hand.offsets.items()},
            batch_size=len(in_hand.records),
        ):
            try:
                await self._persist(
                    "settle", lambda: self._put(in_hand), partial(self._rest, in_hand)
                )
                await self._after_the_one_before(in_hand)
                await self._commit(consumer, in_hand)
                self._noted |= in_hand.offsets
                self._settled |= in_hand.offsets
                in_hand.acknowledged = True
            except Interrupted:
                return
            finally:
                if not in_hand.acknowledged:
                    # Nothing after it is begun before it has been read again.
                    self._reconciled = -1
                self._in_hand.remove(in_hand)
                in_hand.before = None
                in_hand.settled.set()
        self._metrics.batch_size.labels(topic=self.topic).observe(len(in_hand.records))
        self._metrics.batch_seconds.labels(topic=self.topic).observe(time.monotonic() - started)

    async def _put(self, in_hand: _InHand) -> None:
        """Give the batch to the agent and wait for its answer.

        The first time it may follow on the heels of the one before it; after any trouble it waits
        until that one is through.
        """
        before, again = in_hand.before, in_hand.batch is not None
        if again or (before is not None and before.batch is None):
            await self._after_the_one_before(in_hand)
        in_hand.batch = batch = Batch(
            in_hand.records,
            asyncio.get_running_loop().create_future(),
            before=None if before is None or before.acknowledged else before.batch,
            alone=again,
        )
        try:
            await self._channel.give(batch)
            async with asyncio.timeout(self._patience.batch_limit):
                await self._unless_let_go(batch.done, in_hand)
        except TimeoutError as error:
            raise Overdue from error
        finally:
            batch.done.cancel()

    async def _after_the_one_before(self, in_hand: _InHand) -> None:
        """Wait until the batch before this one is through; raise Interrupted when it was given up.

        Whoever commits this batch's offsets commits those before them.
        """
        if (before := in_hand.before) is not None:
            await self._unless_let_go(asyncio.ensure_future(before.settled.wait()), in_hand)
            if not before.acknowledged:
                raise Interrupted

    async def _unless_let_go(self, waited: asyncio.Future[T], in_hand: _InHand) -> T:
        """Wait for it and return its result; raise Interrupted when the batch must end before."""
        letting_go = asyncio.ensure_future(in_hand.let_go.wait())
        either: set[asyncio.Future[Any]] = {waited, letting_go}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not waited.done():
                raise Interrupted
            return waited.result()
        finally:
            letting_go.cancel()
            waited.cancel()

    async def _rest(self, in_hand: _InHand, seconds: float) -> None:
        """Pause between two attempts; raise Interrupted when the batch must end."""
        try:
            async with asyncio.timeout(seconds):
                await in_hand.let_go.wait()
        except TimeoutError:
            return
        raise Interrupted

    async def _stay_until_settled(self, in_hand: _InHand) -> None:
        """Poll without reading: a member that doesn't for 300 s is taken for dead.

        Pausing the partitions would not do: what was fetched before is returned all the same.
        """
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await in_hand.settled.wait()
        except TimeoutError:
            if self._consumer is None or self._revoking:
                return
            try:
                await self._consumer.getmany(NOWHERE, timeout_ms=0)
            except KafkaError as error:
                self._log.info("poll failed", error=repr(error))

    async def _commit(self, consumer: Consumer, in_hand: _InHand) -> None:
        try:
            await self._unless_let_go(
                asyncio.ensure_future(consumer.commit(self._beside(in_hand.offsets))), in_hand
            )
        except KafkaError as error:
            # The records have taken effect; whoever reads them again will drop them.
            self._log.warning("not committed", error=repr(error))

    async def _persist(
        self,
        work: str,
        attempt: Callable[[], Awaitable[T]],
        rest: Callable[[float], Awaitable[None]],
    ) -> T:
        return await persist(
            attempt,
            name=f"{work} {self.topic}",
            patience=self._patience,
            metrics=self._metrics,
            rest=rest,
        )
