"""A stage without processes: the domain itself answers, in memory, on a stepped clock."""

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from dispatch.checker import Input, numbers_in
from dispatch.domain import batch_problems, batches, handling
from dispatch.domain.awaited import PARKED
from dispatch.domain.batch_progress import needs_plan
from dispatch.domain.city import City, Crossed, Duplicate, Early, Rejected, Unknown
from dispatch.domain.fleet import report_duties
from dispatch.domain.model import Batch, Timer
from dispatch.planning.solve import solve
from dispatch.policy.pack import load_pack
from dispatch.simulation.seen import Published, Seen
from dispatch.store.dead_letters import answer, reject
from dispatch.store.inbound import Inbound, read
from dispatch.store.plan import read_plan
from dispatch.topics import TOPIC_OF, key_of
from dispatch.topics.announcement import Reason
from dispatch.topics.cloudevents import derived_id, write_headers
from dispatch.topics.envelope import Record
from dispatch.topics.fields import Content

PREFIX = "dispatch."
Action = Callable[[], Awaitable[None]]
PATIENCE = timedelta(hours=4)
PLANNING_SECONDS = 20.0


class MemoryClock:
    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance_to(self, moment: datetime) -> None:
        self._now = max(self._now, moment)


class MemoryStage:
    """What `dispatch.simulation.stage.Stage` is to a scenario, without Kafka and PostgreSQL.

    Events of one moment are read as they were written, or, with a `reading_order`, as a consumer
    may find them: each topic's in their order key by key, and otherwise in any.
    """

    def __init__(
        self,
        plan_path: Path,
        *,
        start: datetime,
        policy: str = "covid-19",
        reading_order: int | None = None,
    ) -> None:
        self.plan, self.pack = read_plan(plan_path), load_pack(policy)
        self.clock = MemoryClock(start)
        self.history: list[Seen] = []
        self.published: list[Published] = []
        self.city = City(
            pack=self.pack,
            districts=self.plan.districts,
            mode=self.plan.mode,
            travel=self.plan.travel_under(self.pack),
            bounds=self.plan.bounds_under(self.pack),
        )
        self._agenda: list[tuple[datetime, int, Action]] = []
        self._numbers = itertools.count()
        self._reactions: defaultdict[str, list[Callable[[Seen], None]]] = defaultdict(list)
        self._ordinals: Counter[str] = Counter()
        self._sequences: Counter[tuple[str, str | None]] = Counter()
        self._offsets: defaultdict[str, Iterable[int]] = defaultdict(itertools.count)
        self._timers: dict[str, Timer] = {}
        self._seen: dict[str, bytes] = {}
        self._outcomes: dict[str, str] = {}
        self._parked: dict[str, Inbound] = {}
        self._waiting: list[Record] = []
        self._order = None if reading_order is None else Random(reading_order)
        self._unread: list[Seen] = []
        self.city.begin(now=start, cause="plan")
        self.plan.put_into(self.city)
        report_duties(self.city)
        self._commit()

    # -- what a scenario uses

    def now(self) -> datetime:
        return self.clock.now()

    def at(self, when: datetime, action: Action) -> None:
        entry = (max(when, self.clock.now()), next(self._numbers), action)
        heapq.heappush(self._agenda, entry)

    def after(self, seconds: float, action: Action) -> None:
        self.at(self.clock.now() + timedelta(seconds=seconds), action)

    def on(self, event_type: str, reaction: Callable[[Seen], None]) -> None:
        self._reactions[event_type].append(reaction)

    async def publish(self, event: Content, *, source: str) -> str:
        topic, key = TOPIC_OF[event.event_type], key_of(event)
        origin = f"{source}/{key}/{event.event_type}"
        event_id = derived_id(origin, self._ordinals[origin])
        self._ordinals[origin] += 1
        headers = write_headers(
            event_id=event_id,
            event_type=event.event_type,
            at=self.clock.now(),
            subject=key,
            source=source,
        )
        await self.publish_raw(topic.name, event.model_dump_json().encode(), headers, key.encode())
        return event_id

    async def publish_raw(
        self,
        topic: str,
        value: bytes | None,
        headers: Iterable[tuple[str, bytes]],
        key: bytes | None,
    ) -> None:
        offset = next(iter(self._offsets[topic]))
        record = Record(PREFIX + topic, 0, offset, 0, key, value, tuple(headers))
        self.published.append(Published(record, 0.0))
        self._waiting.append(record)

    async def run(
        self,
        *,
        until: datetime | None = None,
        speed: float | None = None,
        grain: float = 0.0,
        tick: Callable[[], None] | None = None,
    ) -> None:
        del speed, grain
        last_action = self.clock.now()
        while True:
            self._settle()
            if tick is not None:
                tick()
            planned = self._agenda[0][0] if self._agenda else None
            timer = min((timer.due_at for timer in self._timers.values()), default=None)
            following = min((t for t in (planned, timer) if t is not None), default=None)
            if following is None or (until is not None and following > until):
                break
            if planned is None and following > last_action + PATIENCE:
                break
            self.clock.advance_to(following)
            while self._agenda and self._agenda[0][0] <= following:
                await heapq.heappop(self._agenda)[2]()
            if planned is not None and planned <= following:
                last_action = following

        if until is not None:
            self.clock.advance_to(until)

    def inputs(self) -> list[Input]:
        found = []
        for published in self.published:
            record = published.record
            topic = record.topic.removeprefix(PREFIX)
            inbound = read(record, topic=topic)
            key = None if record.key is None else record.key.decode()
            identity = inbound.identity
            if self._seen[identity] != inbound.digest:
                identity = f"{identity}!{inbound.digest.hex()}"
            outcome = self._outcomes.get(identity)
            numbers = numbers_in(inbound.event)
            found.append(Input(identity, inbound.event_type, topic, key, outcome, numbers=numbers))
        return found

    # -- what the service does

    def _settle(self) -> None:
        while True:
            now = self.clock.now()
            due = [t for t in self._timers.values() if t.due_at <= now]
            if self._waiting:
                self._take(self._waiting.pop(0))
            elif due:
                self._fire(min(due, key=lambda timer: (timer.due_at, timer.timer_id)))
            elif unplanned := [b for b in self.city.batches.values() if needs_plan(b)]:
                self._plan(unplanned[0])
            else:
                break
            self._commit()
        if self._order is not None:
            unread, self._unread = shuffled(self._unread, self._order), []
            for seen in unread:
                self._read(seen)

    def _take(self, record: Record) -> None:
        topic = record.topic.removeprefix(PREFIX)
        inbound = read(record, topic=topic)
        identity, known = inbound.identity, self._seen.get(inbound.identity)
        if known == inbound.digest:
            return
        if known is not None:
            identity = f"{identity}!{inbound.digest.hex()}"
            self.city.begin(now=self.clock.now(), cause=identity)
            taken = Reason(field="ce_id", reason="is taken by an event with another content")
            reject(self.city, inbound, [taken])
            self._outcomes[identity] = "rejected"
            return
        self._seen[identity] = inbound.digest
        if self._handle(identity, inbound) is None:
            self._try_again()

    def _handle(self, identity: str, inbound: Inbound) -> list[Reason] | None:
        """Let an input take effect; return why it has none (yet)."""
        city, event = self.city, inbound.event
        city.begin(now=self.clock.now(), cause=identity)
        if event is None:
            reject(city, inbound, inbound.reasons)
            self._outcomes[identity] = "rejected"
            return inbound.reasons
        self._outcomes[identity] = "accepted"
        mark = city.mark()
        try:
            handling.handle(city, event, inbound.digest.hex())
        except Duplicate:
            city.roll_back(mark)
            self._outcomes[identity] = "duplicate"
            return []
        except Crossed as crossed:
            city.roll_back(mark)
            answer(city, inbound, crossed.reasons)
            self._outcomes[identity] = "crossed"
            return crossed.reasons
        except (Early, Unknown) as early:
            city.roll_back(mark)
            self._outcomes[identity] = "parked"
            if identity not in self._parked:
                self._parked[identity] = inbound
                unknown = isinstance(early, Unknown)
                limit = self.pack.events.parked_seconds if unknown else 0
                city.set_timer(PARKED, identity, city.in_seconds(limit))
            return early.reasons
        except Rejected as rejected:
            city.roll_back(mark)
            reject(city, inbound, rejected.reasons)
            self._outcomes[identity] = "rejected"
            return rejected.reasons
        return None

    def _try_again(self) -> None:
        """Try what waits, again from the first on after each that takes effect."""
        again = True
        while again:
            again = any(self._takes_effect(identity) for identity in list(self._parked))

    def _takes_effect(self, identity: str) -> bool:
        reasons = self._handle(identity, self._parked[identity])
        if self._outcomes[identity] != "parked":
            del self._parked[identity]
            self.city.cancel_timer(PARKED, identity)
        return reasons is None

    def _fire(self, timer: Timer) -> None:
        city = self.city
        city.begin(now=self.clock.now(), cause=f"timer/{timer.timer_id}@{timer.due_at}")
        city.cancel_timer(timer.kind, timer.subject)
        if timer.kind != PARKED:
            handling.fire(city, timer)
            self._try_again()
        elif (inbound := self._parked.get(timer.subject)) is not None:
            reasons = self._handle(timer.subject, inbound)
            del self._parked[timer.subject]
            if self._outcomes[timer.subject] == "parked" and reasons is not None:
                city.begin(now=self.clock.now(), cause=timer.subject)
                reject(city, inbound, reasons)
                self._outcomes[timer.subject] = "rejected"

    def _plan(self, batch: Batch) -> None:
        self.city.begin(now=self.clock.now(), cause=f"plan/{batch.batch_id}@{batch.revision}")
        plan = solve(batch_problems.problem(self.city, batch), seconds=PLANNING_SECONDS)
        batches.adopt(self.city, batch.batch_id, batch.revision, plan)

    def _commit(self) -> None:
        changes = self.city.changes
        for timer_id, timer in changes.timers:
            if timer is None:
                self._timers.pop(timer_id, None)
            else:
                self._timers[timer_id] = timer
        new = []
        for emission in changes.emissions:
            topic = TOPIC_OF[emission.event.event_type].name
            self._sequences[topic, emission.key] += 1
            new.append(
                Seen(
                    topic=topic,
                    key=emission.key,
                    type=emission.event.event_type,
                    sequence=self._sequences[topic, emission.key],
                    id=emission.event_id,
                    cause=emission.cause,
                    value=emission.event.model_dump_json().encode(),
                    wall=0.0,
                )
            )
        self.city.settle()
        for seen in new:
            if self._order is None:
                self._read(seen)
            else:
                self._unread.append(seen)

    def _read(self, seen: Seen) -> None:
        self.history.append(seen)
        for reaction in self._reactions[seen.type]:
            reaction(seen)


def shuffled(events: Iterable[Seen], order: Random) -> list[Seen]:
    """Return the events in a random order in which those of a topic and key keep theirs."""
    streams: defaultdict[tuple[str, str | None], list[Seen]] = defaultdict(list)
    for seen in events:
        streams[seen.topic, seen.key].append(seen)
    turns = [stream for stream, found in streams.items() for _ in found]
    order.shuffle(turns)
    rest = {stream: iter(found) for stream, found in streams.items()}
    return [next(rest[stream]) for stream in turns]
