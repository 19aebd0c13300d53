"""One secured centre for all tests of this folder."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import OPTION
from tests.integration.security.centre import Centre, open_centre


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def centre(pytestconfig: pytest.Config) -> AsyncIterator[Centre]:
    if pytestconfig.getoption(OPTION) is None:
        pytest.skip("needs Apache Kafka: make test-kafka")
    with tempfile.TemporaryDirectory(prefix="dispatch-test-") as directory:
        # Open to the account that PostgreSQL runs as for root.
        Path(directory).chmod(0o711)
        async with open_centre(Path(directory)) as running:
            yield running
