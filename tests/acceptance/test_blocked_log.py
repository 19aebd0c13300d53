"""A worker whose log nobody reads decides all the same, and ends when it is told to."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch.stack.embedded import Stack
from tests.acceptance.service import open_service

CALLS = 40


@pytest.fixture
def full_pipe(tmp_path: Path) -> Iterator[Path]:
    """Yield a named pipe that takes nothing more and has a reader who does not read."""
    path = tmp_path / "worker-0.log"
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(pipe, b"\n" * 1_024)
    yield path
    os.close(pipe)


@pytest.mark.usefixtures("full_pipe")
async def test_a_worker_decides_and_ends_although_nobody_reads_its_log(
    stack: Stack, migrated: str, tmp_path: Path
) -> None:
    async with open_service(stack, migrated, "blocked.", tmp_path, units=CALLS) as service:
        worker = service.start_worker()
        await service.send_calls(range(CALLS))
        await service.until(service.done)
        os.kill(worker.pid, signal.SIGTERM)
        assert await worker.ended(15)
        assert worker._popen.returncode == 0
