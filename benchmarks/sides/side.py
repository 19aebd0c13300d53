"""A side as the bench runs it: which command, and when it is ready."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from benchmarks.bed import LOOK_AGAIN, Bed
from benchmarks.sides.job import READY
from dispatch.errors import StackError
from dispatch.stack.addresses import free_port
from dispatch.stack.process import Process

READY_LIMIT: Final = 60.0  # seconds
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Side:
    """One way to do the job; `batch_sizes` are those that the sweep tries."""

    name: str
    module: str
    what: str
    batch_sizes: tuple[int, ...]
    needs_apache_kafka: bool = False


OURS: Final = Side("ours", "dispatch", "`dispatch worker`, as deployed", (200, 500, 1_000))
PLAIN: Final = Side(
    "plain",
    "benchmarks.sides.plain",
    "aiokafka and asyncpg in one loop: the limit for Python",
    (200, 500, 1_000),
)
SIDES: Final = {side.name: side for side in (OURS, PLAIN)}


@dataclass(frozen=True, slots=True)
class Running:
    """A process of a side that has its partitions and waits for calls."""

    process: Process

    def pause(self) -> None:
        """Stop it where it is: calls can pile up."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """Return the processor time that it has used so far."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss_mebibytes(self) -> float:
        """Return how much memory it holds now."""
        statm = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii")
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@asynccontextmanager
async def running(side: Side, bed: Bed, batch_size: int) -> AsyncIterator[Running]:
    """Run one process of a side on the bed; it is ready when this yields.

    Raises StackError when it ends before, or doesn't get ready.
    """
    port = free_port("127.0.0.1")
    environment = bed.environment(batch_size, port if side is OURS else 0)
    ready = bed.folder / f"{side.name}-{port}.ready"
    process = Process(
        [sys.executable, "-m", side.module, *(("worker",) if side is OURS else ())],
        log=bed.folder / f"{side.name}-{port}.log",
        orphaned=signal.SIGKILL,
        environment=environment | {READY: str(ready)},
    )
    try:
        async with asyncio.timeout(READY_LIMIT):
            while not (await _answers(port) if side is OURS else ready.exists()):
                if not process.running:
                    raise process.failure()
                await asyncio.sleep(LOOK_AGAIN)
        yield Running(process)
    except TimeoutError as error:
        raise StackError(f"{side.name} doesn't get ready; see {bed.folder}") from error
    finally:
        process.kill()


async def _answers(port: int) -> bool:
    timeout = aiohttp.ClientTimeout(total=2)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://127.0.0.1:{port}/readyz") as answer,
        ):
            return answer.status == 200  # noqa: PLR2004 - OK
    except (aiohttp.ClientError, TimeoutError):
        return False
