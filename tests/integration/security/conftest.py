"""One secured centre for all tests of this folder."""

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import OPTION
from tests.faults.faults import until
from tests.integration.security.centre import Centre, open_centre

FAREWELL_LIMIT = 20.0  # seconds


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def centre(pytestconfig: pytest.Config) -> AsyncIterator[Centre]:
    if pytestconfig.getoption(OPTION) is None:
        pytest.skip("needs Apache Kafka: make test-kafka")
    with tempfile.TemporaryDirectory(prefix="dispatch-test-") as directory:
        # Open to the account that PostgreSQL runs as for root.
        Path(directory).chmod(0o711)
        async with open_centre(Path(directory)) as running:
            yield running


@pytest_asyncio.fixture(autouse=True)
async def farewells() -> AsyncIterator[None]:
    """Let every connection of a test end: aiokafka waits for none that it was refused on."""
    before = sockets()
    yield
    assert await until(lambda: not sockets() - before, FAREWELL_LIMIT), "left open"


def sockets() -> set[str]:
    """Return the sockets that this process has open."""
    names = set()
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            names.add(str(file.readlink()))
    return {name for name in names if name.startswith("socket:")}
