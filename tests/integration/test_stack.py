import asyncio
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from dispatch.cluster import cluster_id_of, ensure_topics
from dispatch.errors import StackError, StackRunningError, Unavailable
from dispatch.settings import load_settings
from dispatch.stack import addresses
from dispatch.stack.accounts import give
from dispatch.stack.embedded import Stack, running_stack

LIMIT = 30.0  # seconds


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    deadline = time.monotonic() + LIMIT
    while True:
        met = condition()
        if met if isinstance(met, bool) else await met:
            return
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


async def run(dsn: str, statement: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_the_database_is_reached_by_one_url_from_both_drivers(
    stack: Stack, database: str
) -> None:
    assert await run(database, "SELECT current_setting('timezone')") == "UTC"
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert stack.dsn != database


async def test_a_test_has_an_empty_database(database: str) -> None:
    assert await run(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


async def test_postgresql_listens_on_a_private_socket_only(stack: Stack, database: str) -> None:
    assert await run(database, "SHOW listen_addresses") == ""
    assert stat.S_IMODE((stack.data_dir / "run").stat().st_mode) == 0o700


# Tries to reach a database's socket and its files, as the account whose id comes first.
INTRUDER = """
import os, socket, sys
os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
for attempt in (
    lambda: socket.socket(socket.AF_UNIX).connect(sys.argv[2] + "/run/.s.PGSQL.5432"),
    lambda: os.listdir(sys.argv[2] + "/postgres"),
    lambda: os.kill(int(sys.argv[3]), 0),
):
    try:
        attempt()
    except PermissionError:
        print("refused")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only for root PostgreSQL has another account")
async def test_roots_database_is_nobody_elses(stack: Stack) -> None:
    nobody = str(pwd.getpwnam("nobody").pw_uid)
    arguments = (nobody, str(stack.data_dir), str(stack.postgres.pid))
    intruder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", INTRUDER, *arguments), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await intruder.communicate()
    assert said.split() == [b"refused"] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only for root PostgreSQL has another account")
async def test_what_nobody_had_is_taken_over(data_dir: Path) -> None:
    async with running_stack(data_dir) as first:
        await run(first.dsn, "CREATE TABLE seen ()")
    data = data_dir / "postgres"
    ours = data.stat().st_uid
    give(data, "nobody")
    async with running_stack(data_dir) as second:
        assert await run(second.dsn, "SELECT count(*) FROM seen") == 0
    assert {path.lstat().st_uid for path in (data, *data.rglob("*"))} == {ours}


async def test_an_idle_transaction_is_ended(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("BEGIN")
    await until(connection.is_closed)


async def test_messages_pass_through_the_broker(stack: Stack, topic_prefix: str) -> None:
    options = {"bootstrap_servers": stack.bootstrap}
    topic = f"{topic_prefix}calls"
    await ensure_topics(options, [topic], partitions=3, replication=1)
    consumer = AIOKafkaConsumer(topic, **options, auto_offset_reset="earliest")
    async with AIOKafkaProducer(**options) as producer, consumer:
        assert consumer.partitions_for_topic(topic) == {0, 1, 2}
        await producer.send_and_wait(topic, b"value", key=b"key")
        record = await asyncio.wait_for(consumer.getone(), LIMIT)
    assert (record.key, record.value) == (b"key", b"value")


async def test_topics_that_exist_stay_as_they_are(stack: Stack, topic_prefix: str) -> None:
    options = {"bootstrap_servers": stack.bootstrap}
    first, second = f"{topic_prefix}a", f"{topic_prefix}b"
    await ensure_topics(options, [first], partitions=2, replication=1)
    own = f"{first}.own"
    await ensure_topics(options, [first, second, own], single=[own], partitions=5, replication=1)
    async with AIOKafkaConsumer(first, second, own, **options) as consumer:
        assert consumer.partitions_for_topic(first) == {0, 1}
        assert consumer.partitions_for_topic(second) == {0, 1, 2, 3, 4}
        assert consumer.partitions_for_topic(own) == {0}


async def test_an_unreachable_broker_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        options = {"bootstrap_servers": f"127.0.0.1:{taken.getsockname()[1]}"}
        with pytest.raises(Unavailable):
            await ensure_topics(options, ["x"], partitions=1, replication=1)


async def test_the_database_remembers_and_the_broker_forgets(data_dir: Path) -> None:
    async with running_stack(data_dir) as first:
        await run(first.dsn, "CREATE TABLE seen ()")
        incarnation = first.cluster_id
        assert await cluster_id_of({"bootstrap_servers": first.bootstrap}) == incarnation
        pids = first.postgres.pid, *first.broker.pids
    assert all(map(gone, pids))
    async with running_stack(data_dir) as second:
        assert await run(second.dsn, "SELECT count(*) FROM seen") == 0
        assert second.cluster_id != incarnation


async def test_what_was_committed_survives_a_crash_of_the_server() -> None:
    async with running_stack(durable=False) as stack:
        await run(stack.dsn, "CREATE TABLE seen ()")
        await stack.postgres.crash()
        with pytest.raises(OSError, match=r"No such file|refused"):
            await run(stack.dsn, "SELECT 1")
        await stack.postgres.start()
        assert await run(stack.dsn, "SELECT count(*) FROM seen") == 0


async def test_the_broker_comes_back_at_its_address_as_another_one() -> None:
    async with running_stack(durable=False) as stack:
        before = stack.bootstrap, stack.cluster_id
        await stack.broker.stop()
        with pytest.raises(Unavailable):
            await cluster_id_of({"bootstrap_servers": before[0]})
        await stack.broker.start()
        assert stack.bootstrap == before[0]
        assert stack.cluster_id != before[1]
        assert await cluster_id_of({"bootstrap_servers": stack.bootstrap}) == stack.cluster_id


async def test_a_temporary_stack_leaves_nothing_behind() -> None:
    async with running_stack(durable=False) as stack:
        directory = stack.data_dir
        assert directory.is_dir()
    assert not directory.exists()


async def test_a_second_stack_on_the_same_data_is_told_who_runs_the_first(data_dir: Path) -> None:
    async with running_stack(data_dir, durable=False) as stack:
        with pytest.raises(StackRunningError) as caught:
            async with running_stack(data_dir):
                pass
        for part in (str(os.getpid()), stack.bootstrap, stack.dsn):
            assert part in str(caught.value)
        assert addresses.running(data_dir) is not None


async def test_other_commands_find_the_running_stack(data_dir: Path) -> None:
    assert addresses.running(data_dir) is None
    async with running_stack(data_dir, durable=False) as stack:
        found = addresses.running(data_dir)
        assert found is not None
        assert found.cluster_id == stack.cluster_id
        assert stat.S_IMODE((data_dir / "stack.json").stat().st_mode) == 0o600
        settings = load_settings(fallback=found.as_settings())
        assert settings.kafka.bootstrap_servers == stack.bootstrap
        assert settings.database.connect_options()["dsn"] == stack.dsn
        assert await run(settings.database.connect_options()["dsn"], "SELECT 1") == 1
    assert addresses.running(data_dir) is None


PROGRAM = """
import asyncio, pathlib, sys
from dispatch.stack.embedded import running_stack

async def main():
    async with running_stack(pathlib.Path(sys.argv[1]), durable=False) as stack:
        print(stack.postgres.pid, *stack.broker.pids, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
async def test_nothing_outlives_the_process_that_started_it(
    data_dir: Path, ending: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, data_dir],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as owner:
        try:
            assert owner.stdout is not None
            pids = [int(pid) for pid in owner.stdout.readline().split()]
            assert len(pids) == 2
            assert not any(map(gone, pids))
        finally:
            owner.send_signal(ending)
    await until(lambda: all(map(gone, pids)))
    assert addresses.running(data_dir) is None
    # The data is fit for use at once.
    async with running_stack(data_dir, durable=False) as stack:
        assert await run(stack.dsn, "SELECT 1") == 1


async def test_data_of_another_version_is_refused(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir()
    (data_dir / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(StackError, match=r"made by PostgreSQL 9\.6"):
        async with running_stack(data_dir):
            pass


async def test_a_data_directory_with_a_long_name_has_its_sockets_elsewhere(data_dir: Path) -> None:
    long = data_dir / ("x" * 100)
    async with running_stack(long, durable=False) as stack:
        assert await run(stack.dsn, "SELECT 1") == 1
        sockets = await run(stack.dsn, "SHOW unix_socket_directories")
        assert Path(str(sockets)).is_dir()
    assert not Path(str(sockets)).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
async def test_root_is_told_when_postgresqls_account_cannot_enter(data_dir: Path) -> None:
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(StackError, match="choose another data directory"):
        async with running_stack(closed / "data"):
            pass
