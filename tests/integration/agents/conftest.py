"""A database, topics and workers for each test, on the stack that all share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dispatch.stack.embedded import Stack
from tests.integration.agents.bench import Bench, open_bench


@pytest.fixture
async def bench(stack: Stack, tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(stack, tmp_path) as bench:
        yield bench
