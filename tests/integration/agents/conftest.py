"""A database, topics and workers for each test, on the stack that all share."""

import itertools
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from dispatch.stack.embedded import Stack
from tests.integration.agents.bench import Bench
from tests.integration.agents.small_desk import SCHEMA, Gate

_numbers = itertools.count(1)


@pytest.fixture
async def bench(stack: Stack, tmp_path: Path) -> AsyncIterator[Bench]:
    name = f"agents{next(_numbers)}"
    owner = await asyncpg.connect(stack.dsn)
    await owner.execute(f"CREATE DATABASE {name}")
    await owner.close()
    dsn = stack.postgres.dsn_of(name)
    database = await asyncpg.connect(dsn)
    await database.execute(SCHEMA.read_text())
    gate = Gate(tmp_path / "gate")
    gate.directory.mkdir()
    bench = Bench(stack, dsn, f"{name}.", tmp_path, gate, database)
    await bench.make_topics()
    yield bench
    for worker in bench.workers:
        worker.kill()
        worker.send(signal.SIGCONT)
    await bench.database.close()
