"""The faults: what each does to the bench."""

import asyncio
import math
import signal
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import takewhile
from random import Random
from statistics import median
from typing import Any, Final

import asyncpg

from dispatch.errors import StackError
from dispatch.simulation.seen import Seen
from dispatch.stack.kafka_cluster import KafkaCluster
from dispatch.stack.postgres import Postgres
from dispatch.topics import INPUT_TOPICS, OUTPUT_TOPICS
from tests.faults.bench import SESSION_SECONDS, Bench, WatchedWorker
from tests.faults.city import Brisk, Callers
from tests.faults.findings import HELD_UP, UNTOLD, Finding, not_the_citys
from tests.faults.kinds import OTHERS_UNHARMED, Kind
from tests.faults.poison import KINDS, Bad, bad_input, flood, oversized
from tests.faults.proxy import Line
from tests.faults.steps import Step
from tests.faults.world import Sent
from tests.librdkafka import CODECS, Librdkafka
from tests.postgres_pair import caught_up, change_over, follow_again
from tests.raw_batches import Raw, batch_of, produce

# Wall seconds.
LOOK_AGAIN: Final = 0.02
STEP_LIMIT: Final = 6.0  # for a worker to come to a step
HEIR_LIMIT: Final = 40.0
CUT_AT_MOST: Final = 6.0
STOPPED: Final = SESSION_SECONDS + 2.0
REPLICAS_LIMIT: Final = 60.0
MOST_SPARED: Final = 4
REPEATED: Final = 20  # inputs published again in one go
TOGETHER: Final = 5  # calls in one go of another client
OPEN_AT_MOST: Final = 8.0  # for a transaction
BLOCKED_AT_MOST: Final = 10.0  # for a log
CALM: Final = 0.5  # within which a call is answered where nothing is wrong
CALM_LIMIT: Final = 60.0
MEANWHILE: Final = 3.0  # for which others call while what was done has its effect
ANSWERS_LIMIT: Final = 20.0
OTHERS: Final = "another client"
# By how much the clock of a worker's machine is wrong, for how long it works so at most, and by how
# much an order may be told late.
CLOCK_WRONG: Final = 90.0
WRONG_AT_MOST: Final = 15.0
TOLD_LATE: Final = 70.0
SAYS_SO: Final = "this machine's clock is wrong"
# By how much clocks of devices are ahead: seconds of the scenario, whose pack allows 3,000. Others'
# words than a crew's from further ahead are refused.
CREWS_AHEAD: Final = (-900.0, -90.0, 90.0, 900.0, 5_400.0)
HOSPITALS_AHEAD: Final = (-900.0, -90.0, 90.0, 900.0)
# One crew of so many is meant.
ONE_IN: Final = 10
# Hospitals are missed sooner than crews: for so much of the time that a fault lasts.
SHARE_OF_HOSPITALS: Final = 0.2
SIGNED: Final = "handover.signed_by_hospital"
# From where nobody else calls at that time.
FIRST_PLACE: Final = 7_200

# In the middle of a transaction, and of a publish.
_STOPS: Final = (Step.BEGUN, Step.DECIDED, Step.WRITTEN, Step.PUBLISHING)


# Does something for so long (wall seconds), and returns what came of it.
Lasting = Callable[[float], Coroutine[Any, Any, str]]


async def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds, at most so long; return whether it does."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(LOOK_AGAIN)
    return found


@dataclass
class Injected:
    """A fault that was injected: when (wall seconds since the beginning), how long, on what."""

    number: int
    kind: Kind
    began: float
    detail: str = ""
    seconds: float = 0.0


@dataclass
class Injector:
    """Injects faults into a bench, one after the other, drawn from a seed."""

    bench: Bench
    seed: int
    steps: tuple[Step, ...]
    log: Callable[[str], object]
    began: float = field(default_factory=time.monotonic)
    injected: list[Injected] = field(default_factory=list)
    left_out: list[Kind] = field(default_factory=list)
    poison: list[Bad] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    # Calls that must have no effect; places (topic without prefix, partition, offset) of records
    # that must be dead letters; how long others waited for an answer meanwhile, in wall seconds.
    aborted: set[str] = field(default_factory=set)
    unreadable: list[tuple[str, int, int]] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    # And how long they wait just before.
    usual: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare the draws."""
        self._random = Random(f"{self.seed}/injector")
        self._last: Step | None = None
        self._callers = Callers(self.seed, Brisk(self.seed), "f", first=FIRST_PLACE)
        self._lasting: list[asyncio.Task[None]] = []
        self._client = Librdkafka(self.bench.stack.bootstrap, self.bench.prefix)

    async def inject(self, kind: Kind) -> None:
        """Inject one fault and see it over; leave out, and say so, what can't be injected here."""
        if kind is Kind.FULL_DISK and self.bench.disk is None:
            self.left_out.append(kind)
            self.log(f"NOT INJECTED: {kind}")
            return
        fault = Injected(len(self.injected) + 1, kind, time.monotonic() - self.began)
        self.injected.append(fault)
        self.bench.doing = f"fault {fault.number}: {kind}"
        if kind in OTHERS_UNHARMED:
            await self._calm()
            before = time.monotonic()
            await asyncio.sleep(MEANWHILE)
            began = time.monotonic()
            self.usual += await self._answered(before, began)
            fault.detail = await self._do(kind)
            await asyncio.sleep(MEANWHILE)
            waited = await self._answered(began, time.monotonic())
            self.waited += waited
            longest = max(waited, default=0.0)
            fault.detail += f"; {len(waited)} calls meanwhile, {longest:.2f} s at most"
        else:
            fault.detail = await self._do(kind)
        fault.seconds = time.monotonic() - self.began - fault.began
        self.log(f"fault {fault.number}: {kind}: {fault.detail} ({fault.seconds:.1f} s)")

    async def run(self, kinds: Sequence[Kind], gap: float) -> None:
        """Inject faults with pauses of about `gap` seconds between them; see all of them over."""
        try:
            for kind in kinds:
                await asyncio.sleep(self._random.uniform(0, 2 * gap))
                await self.inject(kind)
            self.bench.doing = "waiting for faults that last"
            await asyncio.gather(*self._lasting)
        finally:
            for task in self._lasting:
                task.cancel()

    @property
    def recovery(self) -> float | None:
        """The median time from a worker's end to the first order by its heir."""
        return median(self.recoveries) if self.recoveries else None

    async def _do(self, kind: Kind) -> str:
        does: dict[Kind, Callable[[], Awaitable[str]]] = {
            Kind.KILL: self._kill,
            Kind.STOP: self._stop,
            Kind.BROKER: self._kill_broker,
            Kind.ROLLING: self._roll,
            Kind.BROKER_PAUSE: self._pause_broker,
            Kind.DATABASE: self._restart_database,
            Kind.DATABASE_CRASH: self._crash_database,
            Kind.SWITCHOVER: self._switch_over,
            Kind.FULL_DISK: self._fill_disk,
            Kind.TRANSACTION: self._end_transaction,
            Kind.CUT_BROKERS: lambda: self._cut(self._brokers(), "the brokers"),
            Kind.CUT_DATABASE: lambda: self._cut(self._database(), "the database"),
            Kind.HELD_BROKERS: lambda: self._hold(self._brokers(), "a broker"),
            Kind.HELD_DATABASE: lambda: self._hold(self._database(), "the database"),
            Kind.REPEAT: self._repeat,
            Kind.POISON: self._poison,
            Kind.CODECS: self._compress,
            Kind.UNREADABLE: self._spoil,
            Kind.ABORTED: self._abort,
            Kind.OPEN: self._commit_late,
            Kind.OVERSIZED: self._overfill,
            Kind.FLOOD: self._flood,
            Kind.BLOCKED_LOG: self._block_log,
            Kind.WORKER_CLOCK: self._set_worker_clock,
            Kind.DEVICE_CLOCKS: self._set_device_clocks,
            Kind.PARTITIONERS: self._place_otherwise,
            Kind.DEAD_ZONE: self._cut_off_crews,
            Kind.LATE_SIGNATURES: self._delay_hospitals,
        }
        return await does[kind]()

    # -- workers

    async def _kill(self) -> str:
        worker = self._worker()
        step, reached = await self._at_step(worker, self.steps, signal.SIGKILL)
        if not reached:
            await worker.stop(signal.SIGKILL, 0)
        detail = f"{worker.name}, {'having' if reached else 'before it had'} {step}"
        if self._random.random() < 0.5 and len(self.bench.workers) > 1:
            found = await self._heir(worker)
            detail += f"; its heir's first order after {found:.1f} s" if found else "; no order"
        else:
            await asyncio.sleep(self._random.uniform(0, 2))
        worker.start()
        return detail

    async def measure_recovery(self) -> None:
        """Kill a worker, and let its heir take over before it is started again."""
        await asyncio.sleep(1)
        worker = self._worker()
        await worker.stop(signal.SIGKILL, 0)
        found = await self._heir(worker)
        worker.start()
        self.log(f"killed {worker.name}: its heir's first order after {found or 0:.1f} s")
        await self._all_take_part()

    async def _stop(self) -> str:
        await until(self.bench.shared_out, HEIR_LIMIT)
        worker = self._worker()
        step, reached = await self._at_step(worker, _STOPS, signal.SIGSTOP)
        if not reached:
            worker.send(signal.SIGSTOP)
        before, began = await self.bench.dealt_with(), time.monotonic()
        await asyncio.sleep(STOPPED)
        # It stays stopped until the others have gone on, in a group that was settling, too.
        while not (others := await self.bench.dealt_with() - before):
            if time.monotonic() - began > STOPPED + HEIR_LIMIT:
                break
            await asyncio.sleep(LOOK_AGAIN)
        seconds = time.monotonic() - began
        worker.send(signal.SIGCONT)
        detail = f"{worker.name}, {'having' if reached else 'before it had'} {step}"
        if not others:
            self.findings.append(Finding(HELD_UP, detail))
        return f"{detail}; the others dealt with {others} inputs in {seconds:.1f} s"

    async def _at_step(
        self, worker: WatchedWorker, steps: Sequence[Step], which: signal.Signals
    ) -> tuple[Step, bool]:
        """Order a signal for a drawn step; return it, and whether the worker came to it."""
        step = self._random.choice([each for each in steps if each is not self._last] or steps)
        self._last = step
        worker.orders.give(step, which, spare=self._random.randint(0, MOST_SPARED))
        if not await until(lambda: not worker.orders.pending, STEP_LIMIT):
            worker.orders.withdraw()
            return step, False
        await until(lambda: worker.stopped or not worker.running, STEP_LIMIT)
        return step, True

    async def _heir(self, dead: WatchedWorker) -> float | None:
        """Wait for the first order on a call that the dead worker would have read."""
        killed = time.monotonic()
        world, calls = self.bench.world, self.bench.prefix + "calls"
        owned = dead.assigned(calls)
        found: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def watch(seen: Seen) -> None:
            if seen.type != "order.issued" or found.done():
                return
            call_id = seen.data["incident_id"]
            late = world.called_at.get(call_id, 0.0) > killed
            if late and world.partition_of(call_id.encode()) in owned:
                found.set_result(seen.wall - killed)

        if not owned:
            return None
        unwatch = self.bench.world.watch(watch)
        try:
            async with asyncio.timeout(HEIR_LIMIT):
                seconds = await found
        except TimeoutError:
            return None
        finally:
            unwatch()
        self.recoveries.append(seconds)
        return seconds

    async def _all_take_part(self) -> None:
        """Wait until every worker has its share of the calls."""
        await until(self.bench.shared_out, HEIR_LIMIT)

    # -- brokers

    def _cluster(self) -> KafkaCluster:
        apache = self.bench.apache
        assert apache is not None, "a fault for brokers of Apache Kafka"
        return apache.cluster

    async def _leader(self) -> tuple[int, str]:
        topic = self.bench.prefix + self._random.choice((*INPUT_TOPICS, *OUTPUT_TOPICS)).name
        partition = self._random.randrange(self.bench.load.partitions)
        try:
            return await self._cluster().leader_of(topic, partition), f"{topic}-{partition}"
        except StackError:
            return self._random.randint(1, len(self._cluster().nodes)), "any"

    async def _kill_broker(self) -> str:
        number, led = await self._leader()
        self._cluster().kill(number)
        await asyncio.sleep(self._random.uniform(1, 5))
        await self._cluster().start_broker(number)
        await self._replicas()
        return f"broker {number}, leader of {led}"

    async def _pause_broker(self) -> str:
        number, led = await self._leader()
        seconds = self._random.uniform(2, 9)
        self._cluster().pause(number)
        await asyncio.sleep(seconds)
        self._cluster().resume(number)
        await self._replicas()
        return f"broker {number}, leader of {led}, for {seconds:.1f} s"

    async def _roll(self) -> str:
        for node in self._cluster().nodes:
            await self._cluster().stop_broker(node.number)
            await self._cluster().start_broker(node.number)
            await self._replicas()
        return f"{len(self._cluster().nodes)} brokers"

    async def _replicas(self) -> None:
        """Wait until every partition has all its copies, so that another broker may fail."""
        deadline = time.monotonic() + REPLICAS_LIMIT
        while not await self.bench.world.replicated():
            if time.monotonic() > deadline:
                self.log("not every copy is back; going on all the same")
                return
            await asyncio.sleep(0.2)

    # -- the database

    async def _restart_database(self) -> str:
        await self.bench.stack.postgres.stop()
        await asyncio.sleep(self._random.uniform(0, 3))
        await self.bench.stack.postgres.start()
        return "fast shutdown"

    async def _crash_database(self) -> str:
        await self.bench.stack.postgres.crash()
        await self.bench.stack.postgres.start()
        return "recovered from its log"

    async def _switch_over(self) -> str:
        """Let a standby take over, and after a while the server that was the primary, in order."""
        first, second = self.bench.stack.postgres, self.bench.standby
        await second.follow(first)
        try:
            seconds = [await self._change_over(first, second)]
            await asyncio.sleep(self._random.uniform(1, 5))
            await follow_again(first, second)
            seconds.append(await self._change_over(second, first))
        finally:
            await second.stop()
        return f"calls were decided again after {seconds[0]:.1f} and {seconds[1]:.1f} s"

    async def _change_over(self, primary: Postgres, standby: Postgres) -> float:
        """Return after how many seconds inputs were dealt with again."""
        await caught_up(primary)
        began = time.monotonic()
        await change_over(primary, standby)
        self.bench.primary = standby
        before = await self.bench.dealt_with()
        while await self.bench.dealt_with() == before:
            if time.monotonic() - began > HEIR_LIMIT:
                self.findings.append(Finding(HELD_UP, f"{HEIR_LIMIT:.0f} s after a switchover"))
                break
            await asyncio.sleep(LOOK_AGAIN)
        return time.monotonic() - began

    async def _fill_disk(self) -> str:
        """Leave no room until the database has asked for some, and for a while after that."""
        disk = self.bench.disk
        assert disk is not None
        before = disk.refused()
        seconds = self._random.uniform(1, CUT_AT_MOST)
        disk.fill()
        try:
            await until(lambda: disk.refused() > before, STEP_LIMIT)
            await asyncio.sleep(seconds)
        finally:
            disk.clear()
        return f"refused {disk.refused() - before} times"

    async def _end_transaction(self) -> str:
        """End a connection of a worker that is in the middle of a transaction."""
        deadline = time.monotonic() + STEP_LIMIT
        connection = await asyncpg.connect(self.bench.dsn)
        try:
            while time.monotonic() < deadline:
                ended = await connection.fetch(
                    "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name = 'dispatch'"
                    " AND state = 'idle in transaction'"
                )
                if ended:
                    return f"{len(ended)} connection(s)"
        finally:
            await connection.close()
        return "none was in a transaction"

    # -- the network

    def _brokers(self) -> list[Line]:
        return list(self._worker().brokers.values())

    def _database(self) -> list[Line]:
        return self._worker().database

    async def _cut(self, lines: Sequence[Line], what: str) -> str:
        seconds = self._random.uniform(0.5, CUT_AT_MOST)
        for line in lines:
            await line.cut()
        await asyncio.sleep(seconds)
        for line in lines:
            await line.heal(dropping=True)
        return f"{what}, for {seconds:.1f} s"

    async def _hold(self, lines: Sequence[Line], what: str) -> str:
        line = self._random.choice(lines)
        seconds = self._random.uniform(1, 2 * CUT_AT_MOST)
        dropping = self._random.random() < 0.5
        line.hold()
        await asyncio.sleep(seconds)
        await line.heal(dropping=dropping)
        return f"{what}, for {seconds:.1f} s{', what was under way is lost' if dropping else ''}"

    # -- inputs

    async def _repeat(self) -> str:
        recent = [sent for of_topic in self.bench.world.recent.values() for sent in of_topic]
        again = self._random.sample(recent, min(REPEATED, len(recent)))
        for sent in again:
            await self.bench.world.send(sent)
        return f"{len(again)} inputs under the same ids"

    async def _poison(self) -> str:
        now = self.bench.clock.now()
        for kind in KINDS:
            bad = bad_input(kind, f"bad{len(self.poison)}", now)
            self.poison.append(bad)
            await self.bench.world.send(Sent(bad.topic, bad.key, bad.value, bad.headers))
        return f"{len(KINDS)} kinds"

    async def _overfill(self) -> str:
        bad = oversized(f"over{len(self.poison)}", self.bench.clock.now())
        self.poison += bad
        for each in bad:
            await self.bench.world.send(Sent(each.topic, each.key, each.value, each.headers))
        return ", ".join(each.kind for each in bad)

    async def _flood(self) -> str:
        began = time.monotonic()
        bad = flood(f"flood{len(self.injected)}", self.bench.load.flooded, self.bench.clock.now())
        sent = await asyncio.to_thread(self._client.publish, bad, codec="lz4")
        self.bench.world.acknowledged["calls"] += sent
        return f"{sent} in {time.monotonic() - began:.1f} s"

    # -- other clients

    def _calls(self, count: int = TOGETHER) -> list[Sent]:
        world = self.bench.world
        return [
            world.said(self._callers.plain(self.bench.clock.now()), source=OTHERS)
            for _ in range(count)
        ]

    async def _compress(self) -> str:
        for codec in CODECS:
            sent = await asyncio.to_thread(self._client.publish, self._calls(), codec=codec)
            self.bench.world.acknowledged["calls"] += sent
        return f"{TOGETHER} calls each: {', '.join(CODECS)}"

    async def _abort(self) -> str:
        calls = self._calls()
        self.aborted |= {call.key.decode() for call in calls if call.key is not None}
        await asyncio.to_thread(self._client.abort, calls)
        return f"{len(calls)} calls"

    async def _commit_late(self) -> str:
        calls, seconds = self._calls(), self._random.uniform(1, OPEN_AT_MOST)
        sent = await asyncio.to_thread(self._client.commit_late, calls, seconds=seconds)
        self.bench.world.acknowledged["calls"] += sent
        return f"{sent} calls, for {seconds:.1f} s"

    async def _spoil(self) -> str:
        """Publish a batch of three: a call, a record with a header's name that is no text, a call.

        They are on one partition, the calls' own.
        """
        world = self.bench.world
        first = self._calls(1)[0]
        assert first.key is not None
        partition = world.partition_of(first.key)
        while True:
            last = self._calls(1)[0]
            assert last.key is not None
            if world.partition_of(last.key) == partition:
                break
            del world.called_at[last.key.decode()]
        spoilt = Raw(b"nobody", b"{}", (), named=False)
        good = [Raw(each.key, each.value, each.headers) for each in (first, last)]
        offset = await produce(
            {"bootstrap_servers": self.bench.stack.bootstrap},
            self.bench.prefix + "calls",
            partition,
            batch_of([good[0], spoilt, good[1]], timestamp_ms=int(time.time() * 1_000)),
        )
        world.acknowledged["calls"] += 3
        self.unreadable.append(("calls", partition, offset + 1))
        return f"calls-{partition} at {offset + 1}"

    # -- clocks

    async def _set_worker_clock(self) -> str:
        """Let a worker's clock be wrong: it must say so, and go by the city's time."""
        bench, worker = self.bench, self._worker()
        ahead = self._random.choice((-CLOCK_WRONG, CLOCK_WRONG))
        seconds = self._random.uniform(WRONG_AT_MOST / 3, WRONG_AT_MOST)
        within = timedelta(seconds=TOLD_LATE * bench.load.speed)
        detail = f"{worker.name}, {abs(ahead):.0f} s {'fast' if ahead > 0 else 'slow'}"
        orders = 0

        def watch(seen: Seen) -> None:
            nonlocal orders
            if seen.type == "order.issued":
                orders += 1
                self.findings += not_the_citys(seen, bench.clock.now(), within=within)

        await worker.stop()
        since = worker.log_file.stat().st_size
        worker.ahead = ahead
        worker.start()
        try:
            takes_part = await until(
                lambda: bool(worker.assigned(bench.prefix + "calls")), HEIR_LIMIT
            )
            unwatch = bench.world.watch(watch)
            await asyncio.sleep(seconds)
            unwatch()
            if takes_part and not worker.says(SAYS_SO, since):
                self.findings.append(Finding(UNTOLD, detail))
            await worker.stop()
        finally:
            worker.ahead = 0.0
        worker.start()
        return f"{detail}, for {seconds:.1f} s; {orders} orders meanwhile"

    async def _set_device_clocks(self) -> str:
        world = self.bench.world
        ahead = {unit_id: self._random.choice(CREWS_AHEAD) for unit_id in self._crews()}
        hospital = self._random.choice(world.plan.hospital).hospital_id
        ahead[hospital] = self._random.choice(HOSPITALS_AHEAD)

        async def be_wrong(seconds: float) -> str:
            world.ahead |= {name: timedelta(seconds=by) for name, by in ahead.items()}
            await asyncio.sleep(seconds)
            for name in ahead:
                world.ahead.pop(name, None)
            return "the clocks are right again"

        seconds = self._last_for(be_wrong)
        return f"those of {len(ahead) - 1} crews, and of {hospital}, for {seconds:.0f} s"

    # -- who is heard, where and when

    async def _place_otherwise(self) -> str:
        """Let the console's inputs, half of the crews' and a hospital's be placed by CRC32."""
        world = self.bench.world
        others = {unit.unit_id.encode() for unit in world.plan.unit if self._random.random() < 0.5}
        others.add(self._random.choice(world.plan.hospital).hospital_id.encode())

        def places(topic: str, key: bytes) -> bool:
            return topic == "calls" or key in others

        async def place(seconds: float) -> str:
            world.by_crc32.append(places)
            await asyncio.sleep(seconds)
            world.by_crc32.remove(places)
            return "all are placed by murmur2 again"

        seconds = self._last_for(place)
        return f"calls, and {len(others)} crews and hospitals, by CRC32 for {seconds:.0f} s"

    async def _cut_off_crews(self) -> str:
        crews = {unit_id.encode() for unit_id in self._crews()}
        seconds = self._last_for(
            self._holding(lambda sent: sent.topic == "units" and sent.key in crews)
        )
        return f"{len(crews)} crews, for {seconds:.0f} s"

    async def _delay_hospitals(self) -> str:
        signatures_only = self._random.random() < 0.5

        def whose(sent: Sent) -> bool:
            return sent.topic == "hospitals" and (not signatures_only or sent.type == SIGNED)

        seconds = self._last_for(self._holding(whose), SHARE_OF_HOSPITALS)
        what = "signatures" if signatures_only else "all that they say"
        return f"{what}, for {seconds:.0f} s"

    def _holding(self, whose: Callable[[Sent], bool]) -> Lasting:
        async def hold(seconds: float) -> str:
            return f"{await self.bench.world.hold_back(whose, seconds)} words were held back"

        return hold

    def _crews(self) -> Collection[str]:
        """Return some of the crews, by their units."""
        units = [unit.unit_id for unit in self.bench.world.plan.unit]
        return self._random.sample(units, len(units) // ONE_IN)

    def _last_for(self, does: Lasting, share: float = 1.0) -> float:
        """Let something last while other faults follow; return for how long (wall seconds)."""
        seconds = share * self._random.uniform(*self.bench.load.lasting)
        number = len(self.injected)

        async def last() -> None:
            self.log(f"fault {number} is over: {await does(seconds)}")

        self._lasting.append(asyncio.create_task(last()))
        return seconds

    # -- others' calls meanwhile

    async def _calm(self) -> None:
        """Wait until a call is answered as fast as where nothing is wrong."""
        world, since = self.bench.world, time.monotonic()

        def calm() -> bool:
            lately = takewhile(lambda called: called[1] > since, reversed(world.called_at.items()))
            return any(world.answered_at.get(call, math.inf) - at < CALM for call, at in lately)

        await until(calm, CALM_LIMIT)

    async def _answered(self, began: float, ended: float) -> list[float]:
        """Wait for the answers to the calls of a time; return how long these took."""
        world = self.bench.world
        calls = {
            call_id: at
            for call_id, at in world.called_at.items()
            if began <= at <= ended and call_id not in self.aborted
        }
        await until(lambda: calls.keys() <= world.answered_at.keys(), ANSWERS_LIMIT)
        now = time.monotonic()
        return [world.answered_at.get(call_id, now) - at for call_id, at in calls.items()]

    async def _block_log(self) -> str:
        worker, seconds = self._worker(), self._random.uniform(3, BLOCKED_AT_MOST)
        worker.log.block()
        try:
            await asyncio.sleep(seconds)
        finally:
            worker.log.drain()
        return f"{worker.name}, for {seconds:.1f} s"

    def _worker(self) -> WatchedWorker:
        return self._random.choice(self.bench.workers)
