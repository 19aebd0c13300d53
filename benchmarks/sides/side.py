"""A side as the bench runs it: its command, its process, and what that uses."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

import aiohttp

from benchmarks.bed import LOOK_AGAIN, Bed
from dispatch.errors import StackError
from dispatch.stack.addresses import free_port
from dispatch.stack.process import Process

READY_LIMIT: Final = 60.0  # seconds
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Side:
    """One way to do the job; `batch_sizes` are those that the sweep tries.

    `library` is what must be installed for it. A slow one gets a `share` of the calls of the
    others, so that its run takes no longer than theirs; it is its rate that counts.
    """

    name: str
    module: str
    library: str
    what: str
    batch_sizes: tuple[int, ...]
    share: float = 1.0

    def share_of(self, calls: int) -> int:
        """Return how many calls it gets where others get so many."""
        return max(1, round(self.share * calls))

    @property
    def usual_batch_size(self) -> int:
        """The batch size where nothing is known of others."""
        return self.batch_sizes[len(self.batch_sizes) // 2]

    @property
    def installed(self) -> bool:
        """Whether what it needs is there: `make bench` brings it."""
        # Not `find_spec`: Faust, once imported, has no spec of its own any more.
        return PathFinder.find_spec(self.library) is not None


OURS: Final = Side("ours", "dispatch", "faust", "`dispatch worker`, as deployed", (250, 500, 1_000))
PLAIN: Final = Side(
    "plain",
    "benchmarks.sides.plain",
    "aiokafka",
    "aiokafka and asyncpg in one loop: the limit for Python",
    (250, 500, 1_000),
)
FASTSTREAM: Final = Side(
    "faststream",
    "benchmarks.sides.faststream_batches",
    "faststream",
    "FastStream: a batch subscriber on aiokafka, with asyncpg",
    (250, 500, 1_000),
)
QUIX: Final = Side(
    "quix",
    "benchmarks.sides.quix_sink",
    "quixstreams",
    "Quix Streams: a sink that is flushed at each checkpoint, on librdkafka, with asyncpg",
    (250, 500, 1_000),
)
FAUST: Final = Side(
    "faust",
    "benchmarks.sides.faust_events",
    "faust",
    "Faust as its guide has it: an agent, one event a transaction",
    (1,),
    share=0.2,
)
SIDES: Final = {side.name: side for side in (OURS, PLAIN, FASTSTREAM, QUIX, FAUST)}


@dataclass(frozen=True, slots=True)
class Running:
    """The processes of a side."""

    processes: tuple[Process, ...]

    def pause(self) -> None:
        """Stop them where they are: calls can pile up."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """Return the processor time that they have used so far."""
        return sum(_cpu_seconds(process.pid) for process in self.processes)

    def rss_mebibytes(self) -> float:
        """Return how much memory the largest of them holds now."""
        return max(_rss_mebibytes(process.pid) for process in self.processes)

    def _signal(self, which: signal.Signals) -> None:
        for process in self.processes:
            os.kill(process.pid, which)


@asynccontextmanager
async def running(
    side: Side, bed: Bed, batch_size: int, workers: int = 1
) -> AsyncIterator[Running]:
    """Run processes of a side on the bed.

    Raises StackError when one of the service's own ends before it is ready, or doesn't get so.
    """
    # A peer has nothing to ask; it is ready when the first calls are dealt with.
    ports = [free_port("127.0.0.1") if side is OURS else 0 for _ in range(workers)]
    processes = tuple(
        Process(
            [sys.executable, "-m", side.module, *(("worker",) if side is OURS else ())],
            log=bed.folder / f"{side.name}-{number}.log",
            orphaned=signal.SIGKILL,
            environment=bed.environment(batch_size, port),
        )
        for number, port in enumerate(ports)
    )
    try:
        async with asyncio.timeout(READY_LIMIT):
            for process, port in zip(processes, ports, strict=True):
                while port and not await _answers(port):
                    if not process.running:
                        raise process.failure()
                    await asyncio.sleep(LOOK_AGAIN)
        yield Running(processes)
    except TimeoutError as error:
        raise StackError(f"{side.name} doesn't get ready; see {bed.folder}") from error
    finally:
        for process in processes:
            process.kill()


def _cpu_seconds(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def own_rss_mebibytes() -> float:
    """Return how much memory this process holds now."""
    return _rss_mebibytes(os.getpid())


def _rss_mebibytes(pid: int) -> float:
    statm = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


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
