"""Nobody gets in without a password and the right authority, and nobody does more than its role."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from dispatch.clock import SystemClock
from dispatch.cluster import cluster_id_of
from dispatch.errors import Unavailable
from dispatch.policy.pack import load_pack
from dispatch.store.desk import Desk
from dispatch.store.plan import read_plan
from dispatch.topic_admin.access import open_access
from dispatch.topic_admin.roles import entries
from tests.integration.security.centre import (
    CITY,
    HOSPITAL,
    OTHER_HOSPITAL,
    OTHER_UNIT,
    PREFIX,
    THIRD_UNIT,
    UNIT,
    USERS,
    Centre,
)

LIMIT = 20.0  # seconds


async def write(centre: Centre, user: str, topic: str) -> None:
    async with asyncio.timeout(LIMIT):
        async with AIOKafkaProducer(**centre.options(user)) as producer:
            await producer.send_and_wait(PREFIX + topic, b"{}", key=b"nobody", partition=0)


async def read(centre: Centre, user: str, topic: str, group: str | None = None) -> None:
    """Look for the end of a topic's first partition, and fetch."""
    consumer = AIOKafkaConsumer(
        PREFIX + topic, **centre.options(user), group_id=group, auto_offset_reset="earliest"
    )
    try:
        async with asyncio.timeout(LIMIT):
            await consumer.start()
            await consumer.getmany(timeout_ms=100)
            await consumer.end_offsets([TopicPartition(PREFIX + topic, 0)])
    finally:
        await consumer.stop()


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("console", "incidents"),
        ("crew", f"orders.{UNIT}"),
        ("crew", "disinfections"),
        ("dispatcher", f"orders.{OTHER_UNIT}"),
        ("dispatcher", f"orders.{THIRD_UNIT}"),
        ("gateway", f"orders.{UNIT}"),
        ("gateway", f"orders.{OTHER_UNIT}"),
        (HOSPITAL, f"handovers.{HOSPITAL}"),
        (HOSPITAL, f"beds.{HOSPITAL}"),
        (HOSPITAL, f"disinfections.{HOSPITAL}"),
        ("institution", f"placements.{OTHER_HOSPITAL}"),
        ("decontamination", "disinfections"),
        ("operator", "dead-letters"),
        ("operator", f"orders.{UNIT}"),
        ("operator", f"handovers.{HOSPITAL}"),
    ],
)
async def test_reading(centre: Centre, user: str, topic: str) -> None:
    await read(centre, user, topic, f"{user}-desk")


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        (HOSPITAL, "handovers"),
        (HOSPITAL, "beds"),
        (HOSPITAL, f"handovers.{OTHER_HOSPITAL}"),
        (HOSPITAL, f"disinfections.{OTHER_HOSPITAL}"),
        (HOSPITAL, "disinfections"),
        (HOSPITAL, "incidents"),
        ("crew", "orders"),
        ("crew", f"orders.{OTHER_UNIT}"),
        ("crew", "handovers"),
        ("dispatcher", f"orders.{UNIT}"),
        ("gateway", "orders"),
        ("institution", "placements"),
        ("institution", f"placements.{HOSPITAL}"),
        ("decontamination", f"disinfections.{HOSPITAL}"),
        ("console", f"orders.{UNIT}"),
        ("console", "handovers"),
        ("console", "dead-letters"),
        ("crew", "calls"),
        ("worker", "orders"),
    ],
)
async def test_reading_that_is_refused(centre: Centre, user: str, topic: str) -> None:
    with pytest.raises(TopicAuthorizationFailedError, match=topic):
        await read(centre, user, topic)


async def test_a_group_of_others_is_refused(centre: Centre) -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        await read(centre, HOSPITAL, f"handovers.{HOSPITAL}", f"{OTHER_HOSPITAL}-desk")


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("console", "orders"),
        ("console", "units"),
        ("crew", "calls"),
        ("crew", f"orders.{UNIT}"),
        ("institution", f"placements.{OTHER_HOSPITAL}"),
        (HOSPITAL, "orders"),
        (HOSPITAL, f"handovers.{HOSPITAL}"),
        ("operator", "dead-letters"),
        ("operator", "calls"),
        ("worker", "calls"),
        ("topics", "calls"),
    ],
)
async def test_writing_that_is_refused(centre: Centre, user: str, topic: str) -> None:
    with pytest.raises(TopicAuthorizationFailedError, match=topic):
        await write(centre, user, topic)


async def test_each_user_has_what_its_role_may_do_and_nothing_else(centre: Centre) -> None:
    async with open_access(centre.options("admin")) as access:
        for user, (role, parties) in USERS.items():
            wanted = entries(role, user=user, prefix=PREFIX, parties=parties)
            assert await access.of(user) == wanted


@pytest.mark.parametrize("user", ["console", HOSPITAL, "worker"])
async def test_no_role_may_begin_a_transaction(centre: Centre, user: str) -> None:
    producer = AIOKafkaProducer(**centre.options(user), transactional_id=f"{user}-1")
    try:
        async with asyncio.timeout(LIMIT):
            with pytest.raises(TransactionalIdAuthorizationFailed):
                await producer.start()
    finally:
        await producer.stop()


async def test_a_right_to_transactions_is_given_on_request_and_else_told_as_too_much(
    centre: Centre,
) -> None:
    wanted = entries("console", user="visitor", prefix=PREFIX)
    with_transactions = entries("console", user="visitor", prefix=PREFIX, transactions=True)
    async with open_access(centre.options("admin")) as access:
        await access.allow("visitor", with_transactions)
        assert await access.of("visitor") == with_transactions
    assert {each.kind for each in with_transactions - wanted} == {"transactional id"}


async def test_only_an_administrator_gives_rights(centre: Centre) -> None:
    (entry, *_) = entries("operator", user="console", prefix=PREFIX)
    async with open_access(centre.options("console")) as access:
        with pytest.raises(Unavailable, match="refuses"):
            await access.allow("console", [entry])
        with pytest.raises(Unavailable, match="refuses"):
            await access.of("worker")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sasl_password_file": None, "sasl_password": "guessed-wrong"}, "invalid credentials"),
        ({"sasl_username": "stranger"}, "invalid credentials"),
        ({"ssl_ca_file": "other"}, "certificate verify failed"),
        ({"security_protocol": "PLAINTEXT"}, "closed"),
        ({"security_protocol": "SASL_PLAINTEXT"}, "closed"),
    ],
)
async def test_who_does_not_get_in_hears_why(
    centre: Centre, changes: dict[str, Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    if "ssl_ca_file" in changes:
        changes = {"ssl_ca_file": centre.other_ca_file}
    async with asyncio.timeout(LIMIT):
        with pytest.raises(Unavailable) as refused:
            await cluster_id_of(centre.options("console", **changes))
    assert said in str(refused.value)
    assert "guessed-wrong" not in repr(refused.value) + caplog.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"password_file": None, "password": "guessed-wrong"}, "password authentication failed"),
        ({"ssl_ca_file": "other"}, "certificate verify failed"),
        ({"ssl_mode": "disable"}, "no pg_hba.conf entry"),
    ],
)
async def test_the_database_lets_in_who_has_the_password_over_tls(
    centre: Centre, changes: dict[str, Any], said: str | None
) -> None:
    if "ssl_ca_file" in changes:
        changes = {"ssl_ca_file": centre.other_ca_file}
    desk = Desk(
        centre.connect_options(**changes),
        plan=read_plan(CITY),
        pack=load_pack("covid-19"),
        clock=SystemClock(),
        topic_prefix=PREFIX,
    )
    if said is None:
        await desk.open()
        await desk.close()
        return
    with pytest.raises(Unavailable, match=said) as refused:
        await desk.open()
    assert "guessed-wrong" not in repr(refused.value)
