"""The timers: deadlines and limits whose time has come, on the service's clock."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import mode
import structlog
from aiokafka import TopicPartition

from dispatch.agents.desk import Desk
from dispatch.agents.desk_work import DeskWork
from dispatch.agents.errand import Errand
from dispatch.agents.patience import Patience
from dispatch.agents.unread import Unread, UnreadInputs
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics

# seconds
LISTEN_AGAIN_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 0.05
# So long everything that is due waits for what is only just being dealt with.
TOGETHER_SECONDS = 0.3
# So long what is parked waits for the next look, where something stands that it waits for.
PARKED_AGAIN_SECONDS: Final = 2.0
# Between two looks no more than this counts: whoever was stopped for a while has not watched.
WATCHED_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Standing:
    """How long a partition was seen to stand at a position, with records unread."""

    at: int
    seconds: float


@dataclass(slots=True)
class _Earlier:
    """What was due at a time and may still wait, and where the inputs ended then."""

    due: datetime
    ends: Mapping[TopicPartition, int]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Parked:
    """What was parked by a time, and where the inputs ended then: what can be read, and in all."""

    due: datetime
    ends: Mapping[TopicPartition, int]
    whole: Mapping[TopicPartition, int]


class Timers(Errand):
    """Fires due timers and publishes what results; any number of workers may do so at once.

    What came in time counts, however late it is read: after a standstill or under more load than
    can be dealt with, a limit runs out only when the inputs that came before its end were read.
    Only those are waited for that could still change what the timer does, and none for ever. A
    partition without a leader may have some, and stands.

    What is parked waits also for a partition that stands, and for what is behind a producer's open
    transaction, as long as the pack says; beside one it is looked at every few seconds only.
    """

    poll_seconds = 0.25
    work = "timers"

    def __init__(
        self,
        desk: Desk,
        work: DeskWork,
        unread: Unread,
        patience: Patience,
        metrics: Metrics,
        *,
        topic_prefix: str,
    ) -> None:
        super().__init__(patience, metrics)
        self._desk = desk
        self._work = work
        self._unread = unread
        self._prefix = topic_prefix
        self._standing: dict[TopicPartition, _Standing] = {}
        self._noted: Mapping[TopicPartition, int] = {}
        self._passed_over: set[TopicPartition] = set()
        self._looked_at: float | None = None
        self._earlier: _Earlier | None = None
        self._parked: _Parked | None = None
        # When it is looked at again (monotonic), and whether it waits for that.
        self._parked_again = 0.0
        self._parked_waits = False

    async def on_stop(self) -> None:
        """Let the round in hand end, and let go of the brokers."""
        await super().on_stop()
        await self._unread.close()

    async def round(self) -> None:
        """Fire all that is due and waits for nothing."""
        try:
            while not self.should_stop and await self._go_round():
                pass
        except BaseException:
            # While brokers or database are away, whoever has something to say can't, either.
            self._forget_standing()
            raise

    async def _go_round(self) -> bool:
        """Fire once what is due; return whether there is more to do now."""
        due = await self._desk.due()
        if due is None:
            self._earlier = self._parked = None
            self._parked_again = 0.0
            if self._standing:
                # It is watched on, so that the next timer need not wait for it from anew.
                await self._look(await self._unread.ends())
            return False
        ends = await self._unread.ends()
        parked = self._desk.anything_parked
        self._parked_waits = parked and time.monotonic() < self._parked_again
        # It is asked for only where somebody waits for it.
        looks = parked and not self._parked_waits
        whole = await self._whole_ends(ends) if looks else ends
        left = await self._soon_left(ends)
        if self.should_stop:
            return False
        behind = self._behind(whole) if looks else {}
        if behind:
            self._parked_again = time.monotonic() + PARKED_AGAIN_SECONDS
        if self._earlier is not None:
            await self._fire_earlier(self._earlier, left, behind)
        if whole is not None and not self._parked_waits:
            await self._fire_parked(_Parked(due, ends, whole), behind)
        await self._fire(due, left, behind)
        if left and self._earlier is None:
            self._earlier = _Earlier(due, ends)
        return not left and not behind and not self._parked_waits

    async def _whole_ends(
        self, ends: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, int] | None:
        """Return where the inputs end in all; None when that is not told: no limit waits for it."""
        try:
            return {**ends, **await self._unread.whole_ends()}
        except Exception as error:  # noqa: BLE001 - whatever it is, only what is parked waits
            log.warning("nobody tells what open transactions hold back", error=repr(error))
            return None

    def _behind(self, whole: Mapping[TopicPartition, int] | None) -> dict[TopicPartition, int]:
        """Return how many records what is parked waits for; all partitions, where nobody tells."""
        if whole is None:
            return dict.fromkeys(self._unread.partitions, 1)
        return self._unread_before(whole)

    async def _fire_parked(self, now: _Parked, behind: Mapping[TopicPartition, int]) -> None:
        """Fire what was parked before, when all that had come by then is read.

        So nobody's next transaction is waited for. Where nothing is behind, all fires as one.
        """
        if not behind:
            self._parked = None
            return
        if self._parked is not None:
            still = self._unread_before(self._parked.whole)
            if still.keys() != behind.keys():
                await self._fire(self._parked.due, self._left(self._parked.ends), still)
            if not still:
                self._parked = None
        if self._parked is None:
            self._parked = now

    async def _soon_left(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Return what is left of the inputs before these ends after a moment, where it counts.

        Mostly nothing: what is only just being dealt with is over by then.
        """
        waited = 0.0
        while True:
            left = await self._look(ends)
            quick = [tp for tp in left if self._standing[tp].seconds < TOGETHER_SECONDS]
            if not quick or waited >= TOGETHER_SECONDS or self.should_stop:
                return left
            await self.sleep(LOOK_AGAIN_SECONDS)
            waited += LOOK_AGAIN_SECONDS

    async def _look(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """See how far all workers have come; return what `_left` does of these ends."""
        self._noted = noted = await self._unread.noted()
        now = time.monotonic()
        since = 0.0 if self._looked_at is None else now - self._looked_at
        seconds, self._looked_at = min(since, WATCHED_SECONDS), now
        if self._earlier is not None:
            self._earlier.seconds += seconds
        before, self._standing = self._standing, {}
        left = self._unread_before(ends)
        for tp in left:
            at, stands = noted.get(tp, 0), before.get(tp)
            stood = 0.0 if stands is None or stands.at != at else stands.seconds + seconds
            self._standing[tp] = _Standing(at, stood)
        self._pass_over(left)
        return self._left(ends)

    def _left(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Return how many records before these ends are unread, where limits wait for them."""
        unread = self._unread_before(ends)
        return {tp: count for tp, count in unread.items() if tp not in self._passed_over}

    def _unread_before(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Return how many records before these ends are unread; one, where no leader tells."""
        known = {tp: end - at for tp, end in ends.items() if end > (at := self._noted.get(tp, 0))}
        return dict.fromkeys(self._unread.without_answer - ends.keys(), 1) | known

    def _pass_over(self, left: Mapping[TopicPartition, int]) -> None:
        """Tell of the partitions that no limit waits for any more."""
        limit = self._patience.standstill_limit
        passed = {tp for tp, stands in self._standing.items() if stands.seconds > limit}
        new = passed - self._passed_over
        if new:
            log.error(
                "limits run out before inputs that nobody reads",
                unread={f"{tp.topic}-{tp.partition}": left[tp] for tp in sorted(new)},
            )
        for tp in self._passed_over - passed:
            self._metrics.passed_over.labels(topic=tp.topic, partition=tp.partition).set(0)
        for tp in passed:
            labels = {"topic": tp.topic, "partition": tp.partition}
            self._metrics.passed_over.labels(**labels).set(left[tp])
        self._passed_over = passed

    def _forget_standing(self) -> None:
        self._standing.clear()
        self._looked_at = None

    async def _fire_earlier(
        self,
        earlier: _Earlier,
        left_now: Mapping[TopicPartition, int],
        behind: Mapping[TopicPartition, int],
    ) -> None:
        """Fire what was due before, and waits no longer for all that has come by now."""
        if earlier.seconds > self._patience.backlog_limit:
            log.error(
                "limits run out before inputs that are not read in time",
                unread={f"{tp.topic}-{tp.partition}": count for tp, count in left_now.items()},
            )
            left: dict[TopicPartition, int] = {}
        else:
            left = self._left(earlier.ends)
        if not left:
            self._earlier = None
        if left.keys() != left_now.keys():
            await self._fire(earlier.due, left, behind)

    async def _fire(
        self,
        by: datetime,
        left: Mapping[TopicPartition, int],
        behind: Mapping[TopicPartition, int],
    ) -> None:
        unread = None
        if left or behind:
            unread = UnreadInputs(self._unread.partitions, left, self._prefix, behind)
        fired = await self._desk.fire_due(by, unread, parked=not self._parked_waits)
        await self._work.publish(fired)

    @mode.Service.task
    async def _listen(self) -> None:
        while not self.should_stop:
            try:
                async for _ in self._desk.wakeups():
                    self.wake()
            except (Unavailable, OSError):
                # Only hints are missed; the poll goes on, and is loud when it fails.
                pass
            await self.sleep(LISTEN_AGAIN_SECONDS)
