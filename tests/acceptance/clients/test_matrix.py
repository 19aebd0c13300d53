"""Clients that nobody here wrote, in every way that each can write: their calls are decided.

All of them speak to one service at once: Kafka's own client of Java, librdkafka, aiokafka and
kafkajs, with each codec and each partitioner that they have, in transactions that are committed,
aborted or left open, and with the SDKs of CloudEvents in both modes.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from dispatch.client import Event, Reader, open_reader
from dispatch.settings import KafkaSettings
from dispatch.stack.embedded import Stack
from tests.acceptance.clients.lives import Life, all_lives
from tests.acceptance.clients.senders import SENDERS
from tests.acceptance.service import Service, open_service
from tests.apache_kafka import ApacheKafka
from tests.faults.faults import until

# Transactions that are left open hold everybody up until the brokers end them.
LIMIT = 120.0  # seconds
# When all others are decided, nothing is to come of the calls that nobody may hear of.
SILENCE = 2.0

# What was heard of each call.
Heard = Mapping[str, Sequence[Event]]


@pytest.fixture
async def service(
    stack: Stack, migrated: str, topic_prefix: str, data_dir: Path, apache_kafka: ApacheKafka
) -> AsyncIterator[Service]:
    assert apache_kafka.replication == 3
    async with open_service(stack, migrated, topic_prefix, data_dir, units=8) as service:
        service.start_worker()
        yield service


@pytest.mark.timeout(600)
async def test_every_client_in_every_way_is_understood(service: Service) -> None:
    lives = all_lives(list(SENDERS))
    assert len(lives) >= 30
    left_out = ""
    heard: defaultdict[str, list[Event]] = defaultdict(list)
    async with AsyncExitStack() as exits:
        reader = await exits.enter_async_context(
            open_reader(
                KafkaSettings(**service.stack.kafka), service.prefix, ["incidents", "dead-letters"]
            )
        )
        listening = asyncio.create_task(listen(reader, heard))
        exits.callback(listening.cancel)
        topic = f"{service.prefix}calls"
        sending = {
            client: asyncio.create_task(
                send(service.stack.bootstrap, topic, of_client(client, lives), exits)
            )
            for client, send in SENDERS.items()
        }
        for client, task in sending.items():
            try:
                await task
            except pytest.skip.Exception as skipped:
                left_out = str(skipped)
                lives = [life for life in lives if life.client != client]
        await until(lambda: listening.done() or not shortcomings(lives, heard), LIMIT)
        await asyncio.sleep(SILENCE)
        assert not listening.done(), listening.exception()
        wrong = shortcomings(lives, heard)
    assert not wrong, "\n".join(wrong)
    # At last, so that the others have been heard.
    if left_out:
        pytest.skip(left_out)


async def listen(reader: Reader, heard: defaultdict[str, list[Event]]) -> None:
    """Note every event under its call, a refusal without one under "?"."""
    async for event in reader.new():
        about = event.data.get("call_id") or event.data.get("incident_id") or event.key or "?"
        heard[about].append(event)


def of_client(client: str, lives: Sequence[Life]) -> list[Life]:
    return [life for life in lives if life.client == client]


def shortcomings(lives: Sequence[Life], heard: Heard) -> list[str]:
    """Return what is not as it should be, a line a life."""
    found = [(life, shortcoming(life, heard.get(life.call_id, ()))) for life in lives]
    return [f"{life}: {why}" for life, why in found if why is not None]


def shortcoming(life: Life, events: Sequence[Event]) -> str | None:
    """Return what is wrong with what was heard of a life, None when nothing is."""
    types = [event.type for event in events]
    if not life.takes_effect:
        return f"heard of: {types}" if events else None
    refused = [event.data for event in events if event.type in REFUSALS]
    if refused:
        return f"refused: {refused}"
    decisions = [event.data["decision"] for event in events if event.type == "call.decided"]
    if not decisions:
        return f"not decided: {types}"
    if life.cancelled:
        return None if "incident.cancelled" in types else f"not cancelled: {types}"
    rules = [decision["rule"] for decision in decisions]
    return None if rules[-1] == "R6" else f"decided by {rules}"


REFUSALS = ("call.rejected", "call.warned", "input.rejected")
