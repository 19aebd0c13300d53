"""`make kafka` on Apache Kafka: it outlives the loss of a broker, and has access lists."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError
from confluent_kafka.admin import (  # type: ignore[attr-defined] # it says so at run time only
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from dispatch.cluster import ensure_topics
from dispatch.topic_admin.access import open_access
from dispatch.topic_admin.roles import entries
from tests.apache_kafka import ApacheKafka
from tests.faults.faults import until

RUN = Path(__file__).parents[3] / "deploy" / "kafka" / "run.py"
LIMIT = 120.0  # seconds
USER, PASSWORD = "intake-1", "a-password"


async def test_the_loss_of_a_broker_stops_nothing_and_it_comes_back(
    apache_kafka: ApacheKafka, tmp_path: Path, topic_prefix: str
) -> None:
    assert apache_kafka.replication == 3
    said = tmp_path / "said"
    with said.open("wb") as errors:
        runner = subprocess.Popen(
            [sys.executable, RUN, "--data", tmp_path / "data"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert runner.stdout is not None
        async with asyncio.timeout(LIMIT):
            bootstrap = (await asyncio.to_thread(runner.stdout.readline)).strip()
        assert bootstrap, said.read_text()
        topic = f"{topic_prefix}kept"
        options = {"bootstrap_servers": bootstrap}
        await ensure_topics(options, [topic], partitions=3, replication=3)
        async with AIOKafkaProducer(**options, acks="all", enable_idempotence=True) as producer:
            os.kill(pid_of(tmp_path / "data" / "broker-2.properties"), signal.SIGKILL)
            async with asyncio.timeout(LIMIT):
                for partition in range(3):
                    await producer.send_and_wait(topic, b"meanwhile", partition=partition)
        assert await until(lambda: "broker 2 is back" in said.read_text(), LIMIT), said.read_text()
        assert runner.poll() is None
    finally:
        runner.send_signal(signal.SIGINT)
        try:
            status = await asyncio.to_thread(runner.wait, LIMIT)
        finally:
            runner.kill()
            runner.communicate()
    assert status == 0, said.read_text()


def pid_of(argument: Path) -> int:
    """Return the process of Java that was started with an argument."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        words = file.read_bytes().split(b"\0")
        if str(argument).encode() in words and words[0].endswith(b"java"):
            return int(file.parent.name)
    raise AssertionError(f"nothing runs with {argument}")


async def test_who_logs_in_may_do_what_the_lists_allow_and_no_more(
    apache_kafka: ApacheKafka, topic_prefix: str
) -> None:
    cluster = apache_kafka.cluster
    options = {"bootstrap_servers": cluster.bootstrap}
    topics = [f"{topic_prefix}{name}" for name in ("hospitals", "calls")]
    await ensure_topics(options, topics, partitions=1, replication=3)
    await asyncio.to_thread(make_user, cluster.bootstrap)
    with pytest.raises(TopicAuthorizationFailedError):
        await write(cluster.logins, topics[0])
    async with open_access(options) as access:
        rights = entries("hospital", user=USER, prefix=topic_prefix, parties=["H1"])
        await access.allow(USER, rights)
        assert await access.of(USER) == set(rights)
    await write(cluster.logins, topics[0])
    with pytest.raises(TopicAuthorizationFailedError):
        await write(cluster.logins, topics[1])


def make_user(bootstrap: str) -> None:
    """Make a user as `kafka-configs.sh` does."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = UserScramCredentialUpsertion(
        USER, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4_096), PASSWORD.encode()
    )
    for made in admin.alter_user_scram_credentials([wanted]).values():
        made.result(LIMIT)


async def write(bootstrap: str, topic: str) -> None:
    login = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": USER,
        "sasl_plain_password": PASSWORD,
    }
    async with asyncio.timeout(LIMIT):
        async with AIOKafkaProducer(bootstrap_servers=bootstrap, **login) as producer:
            await producer.send_and_wait(topic, b"{}", key=b"H1")
