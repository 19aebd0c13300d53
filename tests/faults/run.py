"""A run: steady load, faults in seeded order, the end of it all, and the verdict."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from dispatch.errors import StackError
from dispatch.simulation.commission import Commission
from dispatch.simulation.crews import Crews
from dispatch.simulation.hospitals import Hospitals
from dispatch.stack.embedded import Stack
from dispatch.topics.fields import Content
from tests.faults.bench import Bench, Load, open_bench
from tests.faults.city import Brisk, Callers
from tests.faults.disk import NoDiskError, disk_for_events
from tests.faults.faults import Injected, Injector, until
from tests.faults.kinds import Kind
from tests.faults.patrol import Patrol
from tests.faults.steps import Step
from tests.faults.verdict import Harm, Verdict, judge

SOURCE: Final = "console-1"
# Wall seconds.
PULSE: Final = 0.05
QUIET_LIMIT: Final = 300.0
BACKLOG_LIMIT: Final = 3_600.0
LET_LIVE: Final = 10.0  # for runs under way when the last call has come
REPORT_EVERY: Final = 15.0
# What is due within so many wall seconds of the end may not have been fired.
GRACE: Final = 5.0
PORTION: Final = 1_000  # calls of a backlog between two looks whether they have arrived
READY_LIMIT: Final = 60.0

Log = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run consists of."""

    load: Load
    faults: tuple[Kind, ...]
    seed: int
    # Where workers are killed.
    steps: tuple[Step, ...] = tuple(Step)
    gap: float = 1.0
    recoveries: int = 0
    # After so many wall seconds it is given up, and said what was waited for.
    limit: float | None = None


@dataclass
class Outcome:
    """What came of a run; times are in wall seconds."""

    plan: Plan
    faults: list[Injected] = field(default_factory=list)
    # What could not be injected here.
    left_out: list[Kind] = field(default_factory=list)
    poison: int = 0
    recoveries: list[float] = field(default_factory=list)
    # For how long others' calls waited for an answer while one client or record did harm.
    waited: list[float] = field(default_factory=list)
    usual: list[float] = field(default_factory=list)
    # Crews that had to be rung up, and units that stood still for good, by status.
    rung: Counter[str] = field(default_factory=Counter)
    left_standing: Counter[str] = field(default_factory=Counter)
    verdict: Verdict = field(default_factory=Verdict)
    published: int = 0
    republished: int = 0
    load_seconds: float = 0.0
    settled_after: float | None = None
    # From the workers' start until a backlog was dealt with, and until they took the first of it.
    backlog_seconds: float | None = None
    first_after: float | None = None

    @property
    def clean(self) -> bool:
        """Whether everything was settled and nothing was found."""
        settled = self.settled_after is not None
        return settled and not self.verdict.findings


async def run(
    plan: Plan, log: Log, *, stack: Stack, dsn: str, prefix: str, folder: Path
) -> Outcome:
    """Run the whole plan on an empty, migrated database, and return what came of it.

    Raises StackError when the workers don't get ready, or it isn't over in time.
    """
    async with open_bench(stack, dsn, prefix, folder, plan.load) as bench:
        try:
            async with asyncio.timeout(plan.limit) as limit:
                return await _run(bench, plan, log)
        except TimeoutError:
            if not limit.expired():
                raise
            raise StackError(f"not over after {plan.limit:g} s: {bench.doing}") from None


async def _run(bench: Bench, plan: Plan, log: Log) -> Outcome:
    async with AsyncExitStack() as exits:
        if Kind.FULL_DISK in plan.faults:
            try:
                bench.disk = await exits.enter_async_context(
                    disk_for_events(bench.stack, bench.dsn)
                )
            except NoDiskError as error:
                log(f"NO DISK CAN BE FILLED: no filesystem can be mounted here: {error}")
        outcome = Outcome(plan)
        injector = Injector(bench, plan.seed, plan.steps, log)
        behaviour = Brisk(plan.seed)
        Crews(bench.world, behaviour)
        Hospitals(bench.world, behaviour)
        Commission(bench.world, behaviour)
        patrol = Patrol(bench.world)
        callers = Callers(plan.seed, behaviour)
        bench.start_dead()
        bench.doing = "waiting for the workers to get ready"
        if not await until(bench.shared_out, READY_LIMIT):
            raise StackError(f"the workers don't get ready; see {bench.folder}")
        log("the workers are ready")
        began = time.monotonic()
        bench.doing = "letting calls come in"
        watching = asyncio.create_task(_watch(bench, log))
        injecting = asyncio.create_task(_inject(injector, plan))
        try:
            await _call(bench, callers, injecting)
            outcome.load_seconds = time.monotonic() - began
            await injecting
            bench.start_dead()
            log("the load and the faults are over")
            await asyncio.sleep(LET_LIVE)
        finally:
            watching.cancel()
            injecting.cancel()
        await bench.world.freeze()
        outcome.rung, outcome.left_standing = patrol.rung, patrol.left_standing()
        outcome.settled_after = await _settle(bench, QUIET_LIMIT)
        now = bench.clock.now() - timedelta(seconds=GRACE * plan.load.speed)
        for worker in bench.workers:
            await worker.stop()
        bench.doing = "reading and checking everything"
        log("the workers have ended; everything is read and checked")
        outcome.faults, outcome.poison = injector.injected, len(injector.poison)
        outcome.left_out = injector.left_out
        outcome.recoveries = injector.recoveries
        outcome.published = sum(bench.world.acknowledged.values())
        outcome.republished = bench.world.republished
        outcome.waited, outcome.usual = injector.waited, injector.usual
        harm = Harm(
            injector.poison,
            injector.aborted,
            injector.unreadable,
            waited=injector.waited,
            usual=injector.usual,
        )
        outcome.verdict = await judge(bench, harm, now)
        outcome.verdict.findings += injector.findings
        return outcome


async def _inject(injector: Injector, plan: Plan) -> None:
    await injector.run(plan.faults, plan.gap)
    for _ in range(plan.recoveries):
        await injector.measure_recovery()


async def _call(bench: Bench, callers: Callers, injecting: "asyncio.Task[None]") -> None:
    """Let calls come in at the steady rate, until there were enough and the faults are over."""
    load, world = bench.load, bench.world
    began, made = time.monotonic(), 0
    while made < load.calls or not injecting.done():
        if injecting.done():
            injecting.result()
        world.check()
        due = (time.monotonic() - began) * load.rate
        while made < due:
            for said in callers.call(world.clock.now()):
                if said.after:
                    world.after(said.after, partial(_say, bench, said.event))
                else:
                    await world.publish(said.event, source=SOURCE)
            made += 1
        await asyncio.sleep(PULSE)


async def _say(bench: Bench, event: Content) -> None:
    await bench.world.publish(event, source=SOURCE)


async def _settle(bench: Bench, limit: float) -> float | None:
    """Wait until every input was dealt with and every event is out; None when that never comes."""
    began = time.monotonic()
    while time.monotonic() - began < limit:
        lag, left = await _lag(bench), await bench.value("SELECT count(*) FROM outbox")
        apart = await bench.value("SELECT coalesce(sum(records), 0)::bigint FROM set_apart")
        bench.doing = (
            f"waiting for {lag} inputs to be read, {apart} set apart to be dealt with, and {left} "
            "events to be published"
        )
        if lag <= 0 and not apart and not left:
            return time.monotonic() - began
        await asyncio.sleep(0.2)
    return None


async def _lag(bench: Bench) -> int:
    """Return how many inputs on Kafka the database has not noted."""
    return await bench.world.inputs_on_kafka() - await bench.dealt_with()


async def run_backlog(
    load: Load, seed: int, log: Log, *, stack: Stack, dsn: str, prefix: str, folder: Path
) -> Outcome:
    """Let all calls come while no worker runs; see how long the workers take to deal with them.

    They are dealt with when each input was decided upon, linked or refused, and every event of it
    is on Kafka and marked so. Nobody drives: as many calls as there are units get an order, and
    the others wait in the queue.
    """
    async with open_bench(stack, dsn, prefix, folder, load) as bench:
        outcome = Outcome(Plan(load, (), seed))
        callers = Callers(seed, Brisk(seed))
        log(f"a backlog of {load.calls} calls, with no worker running")
        for number in range(load.calls):
            for said in callers.call(bench.world.clock.now()):
                await bench.world.publish(said.event, source=SOURCE)
            if number % PORTION == 0:
                await bench.world.delivered()
        await bench.world.freeze()
        outcome.published = sum(bench.world.acknowledged.values())
        log(f"{outcome.published} inputs are on Kafka; {load.workers} workers start")
        bench.start_dead()
        began = time.monotonic()
        watching = asyncio.create_task(_watch(bench, log))
        try:
            while not await bench.dealt_with():
                await asyncio.sleep(PULSE)
                if time.monotonic() - began > READY_LIMIT:
                    raise StackError(f"the workers take nothing; see {folder}")
            outcome.first_after = time.monotonic() - began
            outcome.settled_after = await _settle(bench, BACKLOG_LIMIT)
        finally:
            watching.cancel()
        if outcome.settled_after is not None:
            outcome.backlog_seconds = time.monotonic() - began
        log("the backlog was dealt with" if outcome.settled_after else "GAVE UP THE BACKLOG")
        now = bench.clock.now() - timedelta(seconds=GRACE)
        for worker in bench.workers:
            await worker.stop()
        outcome.verdict = await judge(bench, Harm(), now)
        return outcome


async def _watch(bench: Bench, log: Log) -> None:
    """Say now and then how far it is, and start nothing."""
    while True:
        await asyncio.sleep(REPORT_EVERY)
        inbox = await bench.value("SELECT count(*) FROM inbox")
        sent = sum(bench.world.acknowledged.values())
        waiting = await bench.value(
            "SELECT count(*) FROM incidents WHERE open AND state ->> 'status' = 'waiting'"
        )
        log(f"{sent} inputs published, {inbox} dealt with, {waiting} incidents wait for a unit")
