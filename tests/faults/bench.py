"""What faults are injected into: brokers, a database and workers, with a line before each."""

import asyncio
import contextlib
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import orjson

from dispatch.clock import ScenarioClock
from dispatch.cluster import ensure_topics
from dispatch.policy.pack import load_pack
from dispatch.settings import KafkaSettings
from dispatch.stack.embedded import Stack
from dispatch.stack.postgres import SUPERUSER, Postgres
from dispatch.stack.process import Process
from dispatch.stack.workers import worker_environment
from dispatch.store.plan import read_plan
from dispatch.topics import INPUT_TOPICS
from tests.apache_kafka import ApacheKafka
from tests.faults.city import city_plan, patient_pack
from tests.faults.disk import Disk
from tests.faults.log_pipe import LogPipe
from tests.faults.proxy import Line
from tests.faults.steps import ASSIGNMENT_FILE, CLOCK_AHEAD, COMMIT_FIRST, FOLDER, PORTS, Orders
from tests.faults.world import World
from tests.postgres_pair import Server

ROOT: Final = Path(__file__).parents[2]
START: Final = datetime(2022, 12, 23, 0, 0, tzinfo=UTC)
LOOK_AGAIN: Final = 0.05  # wall seconds
LOG_FILE: Final = "worker.log"
# What becomes of a statement when its database is shut down or cut off.
_LOST: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresConnectionError,
)
# After it a worker that says nothing is taken for dead.
SESSION_SECONDS: Final = KafkaSettings().session_timeout_ms / 1_000


@dataclass(frozen=True, slots=True)
class Load:
    """How much of what: `rate` in calls a wall second, `speed` in scenario seconds in one."""

    calls: int
    rate: float
    speed: float
    units: int
    workers: int = 2
    partitions: int = 8
    batch_size: int = 200
    # Bad inputs of one flood.
    flooded: int = 30_000
    # For how long, in wall seconds, a fault lasts while others follow: at least, at most.
    lasting: tuple[float, float] = (30.0, 150.0)
    commit_first: bool = False


@dataclass
class WatchedWorker:
    """A worker process with its lines, started again in its own stead."""

    name: str
    folder: Path
    environment: dict[str, str]
    brokers: dict[int, Line]
    # To the server, and to the standby.
    database: list[Line]
    log: LogPipe
    process: Process | None = None
    lives: int = 0
    # By how many seconds its machine's clock is ahead, in its next life.
    ahead: float = 0.0

    @property
    def orders(self) -> Orders:
        """What it is told to do at its steps."""
        return Orders(self.folder)

    @property
    def running(self) -> bool:
        """Whether its process lives; a stopped one does."""
        return self.process is not None and self.process.running

    @property
    def stopped(self) -> bool:
        """Whether its process is stopped by a signal."""
        if self.process is None or not self.process.running:
            return False
        status = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        return status.rpartition(")")[2].split()[0] == "T"

    def start(self) -> None:
        """Start it, again if need be; an order for its last life is void."""
        self.orders.withdraw()
        for file in self.folder.glob(f"*{ASSIGNMENT_FILE}"):
            file.unlink()
        self.lives += 1
        self.process = Process(
            [sys.executable, "-m", "tests.faults.worker"],
            log=self.log.path,
            orphaned=signal.SIGKILL,
            environment=self.environment | {CLOCK_AHEAD: str(self.ahead)},
        )

    def says(self, what: str, since: int) -> bool:
        """Return whether its log says something behind its first bytes."""
        with self.log_file.open("rb") as log:
            log.seek(since)
            return what.encode() in log.read()

    @property
    def log_file(self) -> Path:
        """Where its log goes to."""
        return self.folder / LOG_FILE

    def send(self, which: signal.Signals) -> None:
        """Send it a signal."""
        if self.process is not None and self.process.running:
            os.kill(self.process.pid, which)

    def assigned(self, topic: str) -> frozenset[int]:
        """Return the partitions of a topic (with prefix) that it was assigned last."""
        try:
            read = (self.folder / f"{topic}.{ASSIGNMENT_FILE}").read_bytes()
            return frozenset(orjson.loads(read))
        except (FileNotFoundError, orjson.JSONDecodeError):
            return frozenset()

    async def stop(self, which: signal.Signals = signal.SIGTERM, seconds: float = 20) -> None:
        """End it."""
        if self.process is not None:
            self.send(signal.SIGCONT)
            await self.process.stop(which, seconds)


@dataclass
class Bench:
    """The whole of it."""

    stack: Stack
    # The server that takes writes, and the name of the database.
    primary: Postgres
    database: str
    prefix: str
    folder: Path
    load: Load
    clock: ScenarioClock
    world: World
    # Runs while there is a switchover, and no longer.
    standby: Server
    workers: list[WatchedWorker] = field(default_factory=list)
    # What the event log is on, where it can be filled.
    disk: Disk | None = None
    # What is being done or waited for, in words.
    doing: str = "beginning"

    @property
    def dsn(self) -> str:
        """The URL of the database, by no line that is cut."""
        return self.primary.dsn_of(self.database)

    @property
    def apache(self) -> ApacheKafka | None:
        """The brokers of Apache Kafka, where it runs on such."""
        return self.stack.broker if isinstance(self.stack.broker, ApacheKafka) else None

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Ask the database; wait while it is down."""
        while True:
            try:
                connection = await asyncpg.connect(self.dsn, timeout=5)
            except (OSError, TimeoutError, asyncpg.PostgresError):
                await asyncio.sleep(LOOK_AGAIN)
                continue
            try:
                rows: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
            except _LOST:
                await asyncio.sleep(LOOK_AGAIN)
            else:
                return rows
            finally:
                with contextlib.suppress(OSError, asyncpg.PostgresError):
                    await connection.close(timeout=5)

    async def value(self, statement: str, *arguments: Any) -> Any:
        """Ask the database for one value."""
        (row,) = await self.fetch(statement, *arguments)
        return row[0]

    async def dealt_with(self) -> int:
        """Return how many inputs the database has noted."""
        noted = await self.value(
            "SELECT coalesce(sum(next_offset), 0)::bigint FROM positions"
            " WHERE starts_with(topic, $1)",
            self.prefix,
        )
        return int(noted)

    def shared_out(self) -> bool:
        """Whether the running workers have every partition of every input among them."""
        return all(
            sum(len(w.assigned(self.prefix + topic.name)) for w in self.workers if w.running)
            == self.load.partitions
            for topic in INPUT_TOPICS
        )

    def start_dead(self) -> None:
        """Start the workers that don't run."""
        for worker in self.workers:
            if not worker.running:
                worker.start()


@asynccontextmanager
async def open_bench(
    stack: Stack, dsn: str, prefix: str, folder: Path, load: Load
) -> AsyncIterator[Bench]:
    """Yield a bench on an empty, migrated database; its world lives, its workers don't run yet."""
    async with AsyncExitStack() as exits:
        options = {"bootstrap_servers": stack.bootstrap}
        plan_file, clock_file = folder / "city.toml", folder / "scenario.clock"
        plan_file.write_text(city_plan(load.units), encoding="utf-8")
        plan = read_plan(plan_file)
        await ensure_topics(
            options,
            [prefix + name for name in plan.topics],
            single={prefix + name for name in plan.own_topics},
            partitions=load.partitions,
            replication=stack.broker.replication,
        )
        pack_file = folder / "pack.toml"
        pack_file.write_text(patient_pack(), encoding="utf-8")
        clock = ScenarioClock.create(clock_file, START, load.speed)
        exits.callback(clock.close)
        world = World(
            client_options=options,
            enable_idempotence=stack.kafka["enable_idempotence"],
            prefix=prefix,
            partitions=load.partitions,
            clock=clock,
            plan=plan,
            pack=load_pack(str(pack_file)),
        )
        standby = Server(stack.data_dir / f"standby-{uuid.uuid4().hex[:8]}")
        exits.callback(standby.close)
        exits.push_async_callback(standby.stop)
        database = urlsplit(dsn).path.removeprefix("/")
        bench = Bench(stack, stack.postgres, database, prefix, folder, load, clock, world, standby)
        exits.push_async_callback(world.stop)
        await world.start()
        for number in range(load.workers):
            worker = await _worker(bench, number, exits)
            bench.workers.append(worker)
            exits.push_async_callback(worker.stop, signal.SIGKILL, 5)
        yield bench


async def _worker(bench: Bench, number: int, exits: AsyncExitStack) -> WatchedWorker:
    folder = bench.folder / f"worker-{number}"
    folder.mkdir(parents=True)
    brokers = {}
    for address in bench.stack.bootstrap.split(","):
        port = int(address.rpartition(":")[2])
        brokers[port] = await _line_to_broker(port, exits)
    database, dsn = await _lines_to_database(bench, exits)
    further = {
        "TOPIC_PREFIX": bench.prefix,
        "SCENARIO_CLOCK": bench.folder / "scenario.clock",
        "DATABASE__DSN": dsn,
        "KAFKA__SESSION_TIMEOUT_MS": int(SESSION_SECONDS * 1_000),
        "BATCH_SIZE": bench.load.batch_size,
        "DATA_DIR": folder,
    }
    environment = worker_environment(
        bench.stack,
        further,
        city=bench.folder / "city.toml",
        policy=str(bench.folder / "pack.toml"),
        web_port=None,
    )
    environment |= {
        "PYTHONPATH": str(ROOT),
        FOLDER: str(folder),
        PORTS: orjson.dumps({str(port): line.port for port, line in brokers.items()}).decode(),
        **({COMMIT_FIRST: "1"} if bench.load.commit_first else {}),
    }
    log = LogPipe(folder / "worker.pipe", folder / LOG_FILE)
    exits.callback(log.close)
    return WatchedWorker(folder.name, folder, environment, brokers, database, log)


async def _line_to_broker(port: int, exits: AsyncExitStack) -> Line:
    line = Line(lambda: asyncio.open_connection("127.0.0.1", port))
    await line.start()
    exits.push_async_callback(line.stop)
    return line


async def _lines_to_database(bench: Bench, exits: AsyncExitStack) -> tuple[list[Line], str]:
    """Return lines to the database's server and to a standby, and the URL that leads through them.

    Where no standby runs, its line leads nowhere.
    """
    lines = []
    for server in (bench.stack.postgres, bench.standby):
        line = Line(partial(_connect_to, server))
        await line.start()
        exits.push_async_callback(line.stop)
        lines.append(line)
    hosts = ",".join(f"127.0.0.1:{line.port}" for line in lines)
    return lines, f"postgresql://{SUPERUSER}@{hosts}/{quote(bench.database)}?sslmode=disable"


async def _connect_to(server: Postgres) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    query = parse_qs(urlsplit(server.dsn).query)
    port = query.get("port", ["5432"])[0]
    return await asyncio.open_unix_connection(f"{query['host'][0]}/.s.PGSQL.{port}")
