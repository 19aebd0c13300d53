"""A worker whose database is switched over to its streaming standby goes on deciding."""

from pathlib import Path

import asyncpg
import pytest

from dispatch.cluster import ensure_topics
from dispatch.stack.embedded import Stack, running_stack
from dispatch.store.plan import read_plan
from dispatch.store.schema import amigrate
from tests.acceptance.service import open_service
from tests.postgres_pair import caught_up, open_pair

pytestmark = pytest.mark.thorough

DECIDED_WITHIN = 20.0  # seconds


async def test_a_worker_goes_on_with_the_server_that_takes_writes(
    stack: Stack, topic_prefix: str, data_dir: Path
) -> None:
    async with open_pair(data_dir) as (first, second, dsn):
        await amigrate({"dsn": dsn})
        async with open_service(stack, dsn, topic_prefix, data_dir, units=9) as service:
            worker = service.start_worker()
            await service.send_calls(range(3))
            await service.until(service.done)
            await caught_up(first)
            # What is made read-only closes no connection.
            await first.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            await first.execute("SELECT pg_reload_conf()")
            await second.promote()
            await service.database.close()
            service.database = await asyncpg.connect(second.dsn)
            await service.send_calls(range(3, 6))
            await service.until(service.done, DECIDED_WITHIN)
            # And one that stops, and comes back as the standby of the other.
            await first.stop()
            await first.follow(second)
            await caught_up(second)
            await service.database.close()
            await second.stop()
            await first.promote()
            service.database = await asyncpg.connect(first.dsn)
            await service.send_calls(range(6, 9))
            await service.until(service.done, DECIDED_WITHIN)
            assert worker.running


async def test_a_worker_ends_when_kafka_is_another_cluster_by_now(data_dir: Path) -> None:
    async with running_stack(data_dir / "stack", durable=False) as stack:
        await amigrate({"dsn": stack.dsn})
        folder = data_dir / "service"
        folder.mkdir()
        async with open_service(stack, stack.dsn, "city.", folder, units=3) as service:
            worker = service.start_worker()
            await service.send_calls(range(1))
            await service.until(service.done)
            await stack.broker.stop()
            await stack.broker.start()
            names = ["city." + name for name in read_plan(service.plan).topics]
            options = {"bootstrap_servers": stack.bootstrap}
            await ensure_topics(options, names, partitions=1, replication=1)
            await service.until(lambda: not worker.running)
            log = (folder / "worker-0.log").read_text("utf-8")
            assert f"another cluster by now, {stack.cluster_id}" in log
