"""Worker processes beside the embedded stack: started together, started again when one dies."""

import asyncio
import math
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aiohttp
import structlog

from dispatch.settings import ENVIRONMENT_PREFIX
from dispatch.stack.embedded import Stack
from dispatch.stack.process import Process

log = structlog.get_logger(__name__)

# seconds
STOP_LIMIT: Final = 20.0
POLL: Final = 0.1
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
# A worker that has lived so long has not died of its start.
LONG_LIFE: Final = 60.0


class Worker:
    """One worker process and, in its stead, those that follow when it dies."""

    def __init__(self, name: str, log_file: Path, environment: Mapping[str, str], url: str) -> None:
        """Prepare a worker that logs to a file and serves its health at `url`."""
        self.name = name
        self.log_file = log_file
        self.url = url
        self._environment = environment
        self._process: Process | None = None

    def start(self) -> Process:
        """Start the process and return it."""
        self._process = Process(
            [sys.executable, "-m", "dispatch", "worker"],
            log=self.log_file,
            # Without the stack, which has gone too, it could finish nothing.
            orphaned=signal.SIGKILL,
            environment=self._environment,
        )
        return self._process

    async def ready(self) -> None:
        """Wait until the worker is ready to work.

        Raises StackError when it ends before that.
        """
        process = self._process or self.start()
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while process.running:
                try:
                    async with session.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:  # noqa: PLR2004 - OK
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(POLL)
        raise process.failure()

    async def keep_running(self) -> None:
        """Start the worker again whenever it dies, after pauses that grow while it keeps dying."""
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        process = self._process or self.start()
        while True:
            begun = loop.time()
            await process.ended(math.inf)
            if loop.time() - begun > LONG_LIFE:
                pause = FIRST_PAUSE
            log.error(
                "worker died; it is started again",
                worker=self.name,
                said=str(process.failure()),
                pause_seconds=pause,
            )
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            process = self.start()
            log.info("worker started again", worker=self.name, pid=process.pid)

    async def stop(self) -> None:
        """Let the worker finish what it has in hand and end."""
        if self._process is not None:
            await self._process.stop(signal.SIGTERM, STOP_LIMIT)


def worker_environment(
    stack: Stack, further: Mapping[str, object], *, city: Path, policy: str, web_port: int | None
) -> dict[str, str]:
    """Return the environment with which a worker serves the stack, whatever else is set here.

    `further` has more settings by their variables, without the prefix; without a `web_port` it
    serves no pages.
    """
    own = {
        "DATA_DIR": stack.data_dir,
        "CITY": city.resolve(),
        "POLICY": Path(policy).resolve() if Path(policy).is_file() else policy,
        "LOG_FORMAT": "json",
        **{f"KAFKA__{name.upper()}": value for name, value in stack.kafka.items()},
        "DATABASE__DSN": stack.dsn,
        **({"WEB__ENABLED": False} if web_port is None else {"WEB__PORT": web_port}),
        **further,
    }
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(ENVIRONMENT_PREFIX)
    }
    return others | {ENVIRONMENT_PREFIX + name: str(value) for name, value in own.items()}
