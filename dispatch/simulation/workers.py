"""The workers of a stage: the real service in processes of its own, on the scenario's clock."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from dispatch.errors import StackError
from dispatch.stack.addresses import BROKER_FETCH_MAX_WAIT_MS, BROKER_SESSION_TIMEOUT_MS
from dispatch.stack.embedded import Stack
from dispatch.stack.process import Process

PREFIX: Final = "dispatch."
# Wall seconds.
READY_LIMIT: Final = 60.0
LOOK_AGAIN: Final = 0.05


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker and the port where it says whether it is ready."""

    process: Process
    port: int


def start_worker(stack: Stack, number: int, *, clock: Path, plan: Path, policy: str) -> Worker:
    """Start a worker on a stack; it logs to the stack's directory."""
    port = _free_port()
    process = Process(
        [sys.executable, "-m", "dispatch", "worker"],
        log=stack.data_dir / f"worker-{number}.log",
        orphaned=signal.SIGKILL,
        environment=_environment(stack, clock, plan, policy, port),
    )
    return Worker(process, port)


async def ready(worker: Worker) -> None:
    """Wait until a worker takes inputs.

    Raises StackError when it ends, or takes too long.
    """
    deadline = time.monotonic() + READY_LIMIT
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            if not worker.process.running:
                raise worker.process.failure()
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(f"http://127.0.0.1:{worker.port}/readyz") as answer:
                    if answer.ok:
                        return
            await asyncio.sleep(LOOK_AGAIN)
    raise StackError("the worker doesn't get ready")


def _environment(stack: Stack, clock: Path, plan: Path, policy: str, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCH_")}
    return kept | {
        "DISPATCH_KAFKA__BOOTSTRAP_SERVERS": stack.bootstrap,
        "DISPATCH_KAFKA__ENABLE_IDEMPOTENCE": "false",
        "DISPATCH_KAFKA__SESSION_TIMEOUT_MS": str(BROKER_SESSION_TIMEOUT_MS),
        "DISPATCH_KAFKA__FETCH_MAX_WAIT_MS": str(BROKER_FETCH_MAX_WAIT_MS),
        "DISPATCH_DATABASE__DSN": stack.dsn,
        "DISPATCH_SCENARIO_CLOCK": str(clock),
        "DISPATCH_TOPIC_PREFIX": PREFIX,
        "DISPATCH_CITY": str(plan.resolve()),
        "DISPATCH_POLICY": str(Path(policy).resolve()) if Path(policy).is_file() else policy,
        "DISPATCH_WEB__PORT": str(port),
        "DISPATCH_DATA_DIR": str(stack.data_dir),
        "DISPATCH_LOG_FORMAT": "json",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
