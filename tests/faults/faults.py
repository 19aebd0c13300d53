"""The faults: what each does to the bench, and the seeded plan of them."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from statistics import median
from typing import Final

import asyncpg

from dispatch.errors import StackError
from dispatch.simulation.seen import Seen
from dispatch.stack.kafka_cluster import KafkaCluster
from dispatch.topics import INPUT_TOPICS, OUTPUT_TOPICS
from tests.faults.bench import SESSION_SECONDS, Bench, WatchedWorker
from tests.faults.findings import HELD_UP, Finding
from tests.faults.poison import KINDS, Bad, bad_input
from tests.faults.proxy import Line
from tests.faults.steps import Step
from tests.faults.world import Sent

# Wall seconds.
LOOK_AGAIN: Final = 0.02
STEP_LIMIT: Final = 6.0  # for a worker to come to a step
HEIR_LIMIT: Final = 40.0
CUT_AT_MOST: Final = 6.0
STOPPED: Final = SESSION_SECONDS + 2.0
REPLICAS_LIMIT: Final = 60.0
MOST_SPARED: Final = 4
REPEATED: Final = 20  # inputs published again in one go

# In the middle of a transaction, and of a publish.
_STOPS: Final = (Step.BEGUN, Step.DECIDED, Step.WRITTEN, Step.PUBLISHING)


class Kind(StrEnum):
    """A kind of fault."""

    KILL = "worker killed at a step"
    STOP = "worker stopped at a step for longer than its session"
    BROKER = "leader of a partition killed, and started again"
    ROLLING = "brokers restarted one after the other"
    BROKER_PAUSE = "broker paused"
    DATABASE = "database restarted"
    DATABASE_CRASH = "database ended as by a power cut"
    FULL_DISK = "no room on the event log's disk"
    TRANSACTION = "connection ended in the middle of a transaction"
    CUT_BROKERS = "worker cut off from the brokers"
    CUT_DATABASE = "worker cut off from the database"
    HELD_BROKERS = "nothing arrives between a worker and a broker"
    HELD_DATABASE = "nothing arrives between a worker and the database"
    REPEAT = "inputs published again"
    POISON = "bad input of every kind"


# How often each is drawn, in comparison.
WEIGHTS: Final[dict[Kind, int]] = {
    Kind.KILL: 30,
    Kind.STOP: 12,
    Kind.BROKER: 10,
    Kind.ROLLING: 1,
    Kind.BROKER_PAUSE: 5,
    Kind.DATABASE: 5,
    Kind.DATABASE_CRASH: 4,
    Kind.FULL_DISK: 4,
    Kind.TRANSACTION: 10,
    Kind.CUT_BROKERS: 6,
    Kind.CUT_DATABASE: 6,
    Kind.HELD_BROKERS: 5,
    Kind.HELD_DATABASE: 5,
    Kind.REPEAT: 5,
    Kind.POISON: 4,
}
_OF_BROKERS: Final = frozenset({Kind.BROKER, Kind.ROLLING, Kind.BROKER_PAUSE})


async def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds, at most so long; return whether it does."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(LOOK_AGAIN)
    return found


def plan_of_faults(count: int, seed: int, *, brokers: bool) -> list[Kind]:
    """Return so many faults in seeded order: each kind once at least, if there is room.

    Without `brokers` nothing is done to the brokers themselves.
    """
    random = Random(f"{seed}/faults")
    kinds = [kind for kind in Kind if brokers or kind not in _OF_BROKERS]
    drawn = random.choices(kinds, [WEIGHTS[kind] for kind in kinds], k=max(0, count - len(kinds)))
    chosen = [*drawn, *kinds][-count:] if count else []
    random.shuffle(chosen)
    return chosen


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

    def __post_init__(self) -> None:
        """Prepare the draws."""
        self._random = Random(f"{self.seed}/injector")
        self._last: Step | None = None

    async def inject(self, kind: Kind) -> None:
        """Inject one fault and see it over; leave out, and say so, what can't be injected here."""
        if kind is Kind.FULL_DISK and self.bench.disk is None:
            self.left_out.append(kind)
            self.log(f"NOT INJECTED: {kind}")
            return
        fault = Injected(len(self.injected) + 1, kind, time.monotonic() - self.began)
        self.injected.append(fault)
        fault.detail = await self._do(kind)
        fault.seconds = time.monotonic() - self.began - fault.began
        self.log(f"fault {fault.number}: {kind}: {fault.detail} ({fault.seconds:.1f} s)")

    async def run(self, kinds: Sequence[Kind], gap: float) -> None:
        """Inject faults with pauses of about `gap` seconds between them."""
        for kind in kinds:
            await asyncio.sleep(self._random.uniform(0, 2 * gap))
            await self.inject(kind)

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
            Kind.FULL_DISK: self._fill_disk,
            Kind.TRANSACTION: self._end_transaction,
            Kind.CUT_BROKERS: lambda: self._cut(self._brokers(), "the brokers"),
            Kind.CUT_DATABASE: lambda: self._cut(self._database(), "the database"),
            Kind.HELD_BROKERS: lambda: self._hold(self._brokers(), "a broker"),
            Kind.HELD_DATABASE: lambda: self._hold(self._database(), "the database"),
            Kind.REPEAT: self._repeat,
            Kind.POISON: self._poison,
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
            if late and world.partition_of(call_id) in owned:
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
        return [self._worker().database]

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

    def _worker(self) -> WatchedWorker:
        return self._random.choice(self.bench.workers)
