"""Two databases and one set of topics: one alone reads them, and `dispatch adopt` says which."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from dispatch import cli
from dispatch.stack.embedded import Stack
from dispatch.stack.process import Process
from tests.acceptance.service import Service, open_service
from tests.conftest import OPTION


@pytest_asyncio.fixture
async def both(
    stack: Stack,
    template: str,
    topic_prefix: str,
    tmp_path: Path,
    pytestconfig: pytest.Config,
) -> AsyncIterator[tuple[Service, Service]]:
    """Yield two services, each with a database of its own, on the same topics."""
    if pytestconfig.getoption(OPTION) is None:
        pytest.skip("needs Apache Kafka, which keeps what is written beside offsets")
    connection = await asyncpg.connect(stack.dsn)
    async with AsyncExitStack() as exits:
        services = []
        for which in ("one", "two"):
            name = f"{which}_{uuid.uuid4().hex}"
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
            dsn = stack.postgres.dsn_of(name)
            folder = tmp_path / which
            folder.mkdir()
            opened = open_service(stack, dsn, topic_prefix, folder, units=5)
            services.append(await exits.enter_async_context(opened))
        yield services[0], services[1]
    await connection.close()


def log_of(service: Service, worker: Process) -> str:
    return (service.folder / f"worker-{service.workers.index(worker)}.log").read_text("utf-8")


async def works(service: Service, worker: Process) -> None:
    """Wait until a worker has its partitions of all six topics, or has ended."""
    await service.until(
        lambda: not worker.running or log_of(service, worker).count("partitions assigned") >= 6
    )
    assert worker.running, log_of(service, worker)


async def claim_of(service: Service) -> str:
    claim: str = await service.database.fetchval("SELECT database_id FROM binding")
    return claim


async def test_a_second_database_is_refused_until_it_adopts_the_topics_and_the_first_ends(
    both: tuple[Service, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = both
    worker = first.start_worker()
    await works(first, worker)
    await first.send_calls(range(3))
    await first.until(first.done)

    refused = second.start_worker()
    await second.until(lambda: not refused.running)
    assert f"another database reads these topics: {(await name_of(first))}" in log_of(
        second, refused
    )
    assert await claim_of(first) in log_of(second, refused)
    assert not await second.database.fetchval("SELECT count(*) FROM binding")
    assert not await second.taken()

    for name, value in {
        "KAFKA__BOOTSTRAP_SERVERS": second.stack.bootstrap,
        "DATABASE__DSN": second.dsn,
        "TOPIC_PREFIX": second.prefix,
    }.items():
        monkeypatch.setenv(f"DISPATCH_{name}", value)
    assert await asyncio.to_thread(cli.run, ["adopt"]) == 0
    adopted = second.start_worker()
    await works(second, adopted)
    await first.until(lambda: not worker.running, 60)
    assert await claim_of(second) in log_of(first, worker)
    assert adopted.running
    before = await first.taken()
    await second.send_calls(range(3, 6))
    await second.until(second.done)
    assert await first.taken() == before

    again = first.start_worker()
    await first.until(lambda: not again.running)
    assert await claim_of(second) in log_of(first, again)


async def name_of(service: Service) -> str:
    name: str = await service.database.fetchval("SELECT name FROM binding")
    return name


async def test_of_two_that_begin_at_once_on_new_topics_one_alone_goes_on(
    both: tuple[Service, Service],
) -> None:
    workers = [service.start_worker() for service in both]
    await both[0].until(lambda: not all(worker.running for worker in workers), 90)
    (stays,) = [n for n, worker in enumerate(workers) if worker.running]
    await works(both[stays], workers[stays])
    await both[stays].send_calls(range(5))
    await both[stays].until(both[stays].done)
    assert await claim_of(both[stays]) in log_of(both[1 - stays], workers[1 - stays])
