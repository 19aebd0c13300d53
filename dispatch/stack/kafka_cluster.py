"""Apache Kafka on this machine: brokers in KRaft mode on loopback, each started by its number.

Its software is a directory of jars, which `deploy/kafka/fetch` brings here.
"""

import asyncio
import base64
import contextlib
import os
import shutil
import signal
import socket
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from dispatch.errors import StackError
from dispatch.stack.broker import listens
from dispatch.stack.kafka_security import ON_LOOPBACK, Security
from dispatch.stack.process import POLL, Process

HOST: Final = "127.0.0.1"
# seconds
FORMAT_LIMIT: Final = 60.0
START_LIMIT: Final = 90.0
STOP_LIMIT: Final = 30.0
# A machine for development runs three of them beside everything else, and takes as much of it as it
# needs: with a topic for each of 4,000 units, 320 MB left a broker no time but to collect garbage.
_HEAP: Final = ("-Xms96m", "-Xmx1g", "-XX:+UseSerialGC", "-XX:-UsePerfData")
# Lives for a second: compiling better would take longer than it saves.
_SHORT_LIFE: Final = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")

# What differs from Apache Kafka's own defaults, and why.
_PROPERTIES: Final[Mapping[str, object]] = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "BROKERS",
    # A topic that somebody mistypes is an error, as on any cluster in service.
    "auto.create.topics.enable": "false",
    # Small machine, small groups: the defaults are for 50 partitions and hundreds of clients.
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.num.partitions": 4,
    # `dispatch topics --check`: an open transaction holds up all that comes after it.
    "transaction.max.timeout.ms": 60_000,
    "share.coordinator.state.topic.num.partitions": 4,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "log.cleaner.threads": 1,
    "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
    "log.index.size.max.bytes": 1024 * 1024,
    # Nobody waits for members that may yet come, and tests use short sessions.
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1_000,
    # A broker that died is noticed soon: who leads its partitions is decided after this.
    "broker.session.timeout.ms": 6_000,
    "broker.heartbeat.interval.ms": 1_000,
}
_LOGGING: Final = """\
status = warn
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
"""


class Node:
    """One broker, which is a controller too, with its data under `directory`."""

    def __init__(self, number: int, directory: Path, ports: tuple[int, int, int, int]) -> None:
        """Prepare for broker `number` (from 1); it starts nothing.

        `ports` are for clients, for those who log in, for the other brokers and for controllers.
        """
        self.number = number
        self.directory = directory
        self.port, self.login_port, self.broker_port, self.controller_port = ports
        self.log = directory / f"broker-{number}.log"
        self.process: Process | None = None

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"{HOST}:{self.port}"

    @property
    def login_address(self) -> str:
        """Where clients connect that log in."""
        return f"{HOST}:{self.login_port}"

    @property
    def broker_address(self) -> str:
        """Where the other brokers connect."""
        return f"{HOST}:{self.broker_port}"

    @property
    def properties(self) -> Path:
        """Its configuration file."""
        return self.directory / f"broker-{self.number}.properties"

    @property
    def data(self) -> Path:
        """Its metadata and partitions."""
        return self.directory / f"broker-{self.number}"

    @property
    def running(self) -> bool:
        """Whether its process lives; a paused one does."""
        return self.process is not None and self.process.running


class KafkaCluster:
    """Brokers that share one cluster id; each may be killed and started again with its data."""

    def __init__(
        self,
        software: Path,
        directory: Path,
        *,
        brokers: int = 3,
        ports: Sequence[int] = (),
        security: Security | None = None,
    ) -> None:
        """Prepare a cluster whose data and logs are in `directory`.

        Without `security` everybody on this machine may do everything, but for users who log in
        (`logins`), whom access lists bind. `ports` are those for clients, one a broker, or none for
        any that are free. A directory with the data of as many brokers is used on. Raises
        StackError when the number of ports is another, or Java or the software is missing.
        """
        if ports and len(ports) != brokers:
            raise StackError(f"{brokers} brokers need {brokers} ports, not {len(ports)}")
        self._java = _java()
        if not any(software.glob("kafka_*.jar")):
            raise StackError(f"{software} has no Apache Kafka; deploy/kafka/fetch brings it")
        self._classes = str(software.resolve() / "*")
        self._directory = directory.resolve()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._security = security
        self._broker_options = security.broker_options if security else {}
        found = [*ports, *_free_ports(4 * brokers - len(ports))]
        clients, logins, among_brokers, controllers = (
            found[first : first + brokers] for first in range(0, 4 * brokers, brokers)
        )
        self.nodes = tuple(
            Node(number, self._directory, of_node)
            for number, of_node in enumerate(
                zip(clients, logins, among_brokers, controllers, strict=True), start=1
            )
        )
        self.cluster_id = ""

    @property
    def bootstrap(self) -> str:
        """Where clients connect: every broker."""
        return ",".join(node.address for node in self.nodes)

    @property
    def logins(self) -> str:
        """Where users log in by SCRAM-SHA-512, without TLS, on a cluster without `security`."""
        return ",".join(node.login_address for node in self.nodes)

    def node(self, number: int) -> Node:
        """Return the broker of a number (from 1)."""
        return self.nodes[number - 1]

    async def start(self) -> None:
        """Start every broker and wait until each knows all the others.

        Raises StackError when one doesn't come up; none runs then.
        """
        self.cluster_id = self._known_cluster_id() or _new_cluster_id()
        self._configure()
        try:
            await self._format()
            for node in self.nodes:
                self._launch(node)
            await self.ready(node.number for node in self.nodes)
        except BaseException:
            for node in self.nodes:
                self.kill(node.number)
            raise

    async def stop(self) -> None:
        """Stop every broker; the data stays."""
        await asyncio.gather(*(self.stop_broker(node.number) for node in self.nodes))

    async def start_broker(self, number: int) -> None:
        """Start a broker that is down again, with its data, and wait until all that run know it.

        Raises StackError when it doesn't come up.
        """
        self._launch(self.node(number))
        await self.ready(node.number for node in self.nodes if node.running)

    async def stop_broker(self, number: int) -> None:
        """Let a broker hand its partitions over and end."""
        node = self.node(number)
        if node.process is not None:
            # A stopped process would take no notice.
            self.resume(number)
            await node.process.stop(signal.SIGTERM, STOP_LIMIT)
            node.process = None

    def kill(self, number: int) -> None:
        """End a broker at once, as the machine's failure would but for what it had not flushed."""
        node = self.node(number)
        if node.process is not None:
            node.process.kill()
            node.process = None

    def pause(self, number: int) -> None:
        """Stop a broker's process without ending it: it holds its connections and says nothing."""
        self._signal(number, signal.SIGSTOP)

    def resume(self, number: int) -> None:
        """Let a paused broker go on."""
        self._signal(number, signal.SIGCONT)

    async def ready(self, numbers: Iterable[int]) -> None:
        """Wait until each of these brokers knows that all of them are there.

        Raises StackError when one ends before, or it takes longer than START_LIMIT.
        """
        wanted = set(numbers)
        deadline = asyncio.get_running_loop().time() + START_LIMIT
        for number in sorted(wanted):
            node = self.node(number)
            while not wanted <= await _known_to(node, self._broker_options):
                if node.process is None or not node.process.running:
                    raise node.process.failure() if node.process else StackError("not started")
                if asyncio.get_running_loop().time() > deadline:
                    raise StackError(f"broker {number} doesn't get ready; see {node.log}")
                await asyncio.sleep(10 * POLL)

    async def leader_of(self, topic: str, partition: int) -> int:
        """Return the number of the broker that leads a partition.

        Raises StackError when none does at present.
        """
        brokers = ",".join(node.broker_address for node in self.nodes)
        admin = AIOKafkaAdminClient(bootstrap_servers=brokers, **self._broker_options)
        try:
            await admin.start()
            (found,) = await admin.describe_topics([topic])
        except (KafkaError, OSError) as error:
            raise StackError(f"nobody knows who leads {topic}-{partition}: {error!r}") from error
        finally:
            await admin.close()
        leaders = {each["partition"]: each["leader"] for each in found["partitions"]}
        leader: int = leaders.get(partition, -1)
        if leader < 1:
            raise StackError(f"nobody leads {topic}-{partition}")
        return leader

    def _launch(self, node: Node) -> None:
        if node.running:
            raise StackError(f"broker {node.number} runs already")
        node.process = Process(
            self._command(_HEAP, "kafka.Kafka", node.properties),
            log=node.log,
            # Without its cluster it could not end in order.
            orphaned=signal.SIGKILL,
        )

    def _signal(self, number: int, which: signal.Signals) -> None:
        node = self.node(number)
        if node.running:
            assert node.process is not None
            os.kill(node.process.pid, which)

    def _configure(self) -> None:
        voters = ",".join(f"{node.number}@{HOST}:{node.controller_port}" for node in self.nodes)
        copies = min(3, len(self.nodes))
        for node in self.nodes:
            listeners = f"CLIENTS://{node.address},BROKERS://{node.broker_address}"
            if self._security is None:
                listeners += f",LOGINS://{node.login_address}"
            properties = {
                **_PROPERTIES,
                **(self._security.properties if self._security else ON_LOOPBACK),
                "node.id": node.number,
                "listeners": f"{listeners},CONTROLLER://{HOST}:{node.controller_port}",
                "advertised.listeners": listeners,
                "controller.quorum.voters": voters,
                "log.dirs": node.data,
                "default.replication.factor": copies,
                "min.insync.replicas": max(1, copies - 1),
                "offsets.topic.replication.factor": copies,
                "transaction.state.log.replication.factor": copies,
                "transaction.state.log.min.isr": max(1, copies - 1),
                "share.coordinator.state.topic.replication.factor": copies,
                "share.coordinator.state.topic.min.isr": max(1, copies - 1),
            }
            lines = [f"{name}={value}\n" for name, value in properties.items()]
            node.properties.write_text("".join(lines), encoding="utf-8")
        (self._directory / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")

    def _known_cluster_id(self) -> str | None:
        for node in self.nodes:
            with contextlib.suppress(OSError):
                lines = (node.data / "meta.properties").read_text(encoding="utf-8").splitlines()
                for line in lines:
                    name, _, value = line.partition("=")
                    if name == "cluster.id":
                        return value
        return None

    async def _format(self) -> None:
        """Make the data directories that are not there yet."""
        new = [node for node in self.nodes if not (node.data / "meta.properties").exists()]
        tool = ["format", "--cluster-id", self.cluster_id]
        users = self._directory / "users"
        if self._security is not None:
            self._security.write_users(users)
            tool.append(f"@{users}")
        processes = [
            Process(
                self._command(
                    _SHORT_LIFE, "kafka.tools.StorageTool", *tool, "--config", node.properties
                ),
                log=node.log,
                orphaned=signal.SIGKILL,
            )
            for node in new
        ]
        try:
            await asyncio.gather(*(process.succeed(FORMAT_LIMIT) for process in processes))
        finally:
            for process in processes:
                process.kill()
            users.unlink(missing_ok=True)

    def _command(self, options: Sequence[str], *arguments: str | Path) -> list[str | Path]:
        logging = f"-Dlog4j2.configurationFile={self._directory / 'log4j2.properties'}"
        return [self._java, *options, logging, "-cp", self._classes, *arguments]


async def _known_to(node: Node, options: Mapping[str, Any]) -> set[int]:
    """Return the numbers of the brokers that this one knows to be there."""
    if not await listens(node.port):
        return set()
    client = AIOKafkaClient(
        bootstrap_servers=node.broker_address, request_timeout_ms=5_000, **options
    )
    try:
        # Who is there as this one tells it, whoever else could be asked.
        await client.bootstrap()
        return {broker.nodeId for broker in client.cluster.brokers()}
    except (KafkaError, OSError):
        return set()
    finally:
        await client.close()


def _new_cluster_id() -> str:
    # The tool takes a leading dash for an option.
    while True:
        found = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not found.startswith("-"):
            return found


def _free_ports(count: int) -> list[int]:
    """Return so many different ports that are free now."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


def _java() -> Path:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    if found is None:
        raise StackError("Apache Kafka needs Java 17 or newer: no java was found")
    return Path(found)
