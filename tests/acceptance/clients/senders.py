"""What sends the lives of calls: each client in a process, or a thread, of its own."""

import asyncio
import contextlib
import json
import os
import subprocess
import uuid
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError as AioKafkaError
from cloudevents.core.bindings.kafka import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import KafkaError, Message, Producer

from tests.acceptance.clients.lives import Life, Mode, Said
from tests.apache_kafka import fetch
from tests.javascript import packages

_HERE: Final = Path(__file__).parent
LIMIT: Final = 90.0  # seconds
# So soon the brokers end a transaction that its client has left open.
LEFT_OPEN_MS: Final = 10_000

Headers = list[tuple[str, bytes]]
# Sends lives to a topic of some brokers; what must live until the end is given to the stack.
Sender = Callable[[str, str, Sequence[Life], AsyncExitStack], Coroutine[Any, Any, None]]


def written(said: Said) -> tuple[bytes, Headers]:
    """Return an event in binary mode, as value and headers."""
    headers = {
        "content-type" if name == "datacontenttype" else f"ce_{name}": value.encode()
        for name, value in said.attributes.items()
    }
    return json.dumps(said.data).encode(), list(headers.items())


def written_by_sdk(said: Said, mode: Mode) -> tuple[bytes, Headers]:
    """Return an event as the SDK of CloudEvents makes it, as value and headers."""
    write = to_binary if mode == "binary" else to_structured
    made = write(CloudEvent(attributes=dict(said.attributes), data=said.data), JSONFormat())
    return made.value, list(made.headers.items())


async def by_confluent_kafka(
    bootstrap: str, topic: str, lives: Sequence[Life], exits: AsyncExitStack
) -> None:
    """Send by librdkafka; a producer with an open transaction is kept, so that nothing ends it."""
    for life in lives:
        producer = await asyncio.to_thread(_by_librdkafka, bootstrap, topic, life)
        exits.callback(producer.poll, 0)


def _by_librdkafka(bootstrap: str, topic: str, life: Life) -> Producer:
    settings: dict[str, Any] = {
        "bootstrap.servers": bootstrap,
        "partitioner": life.partitioner,
        "compression.type": life.codec,
        "enable.idempotence": True,
    }
    if life.transaction is not None:
        settings["transactional.id"] = uuid.uuid4().hex
        settings["transaction.timeout.ms"] = LEFT_OPEN_MS
    producer = Producer(settings)
    if life.transaction is not None:
        producer.init_transactions(LIMIT)
        producer.begin_transaction()
    failed: list[KafkaError] = []

    def told(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failed.append(error)

    for said in life.events:
        value, headers = written(said)
        producer.produce(
            topic, value, key=life.call_id.encode(), headers=list(headers), on_delivery=told
        )
        assert not producer.flush(LIMIT)
        assert not failed, failed
    if life.transaction == "committed":
        producer.commit_transaction()
    elif life.transaction == "aborted":
        producer.abort_transaction()
    return producer


async def by_aiokafka(
    bootstrap: str, topic: str, lives: Sequence[Life], exits: AsyncExitStack
) -> None:
    """Send by aiokafka, some by the SDK; who has an open transaction is stopped at the end."""
    for life in lives:
        settings: dict[str, Any] = {
            "compression_type": None if life.codec == "none" else life.codec,
            "enable_idempotence": True,
        }
        if life.transaction is not None:
            settings["transactional_id"] = uuid.uuid4().hex
            settings["transaction_timeout_ms"] = LEFT_OPEN_MS
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, **settings)
        await producer.start()
        exits.push_async_callback(_stop, producer)
        if life.transaction is not None:
            await producer.begin_transaction()
        for said in life.events:
            value, headers = written(said) if life.sdk is None else written_by_sdk(said, life.sdk)
            await producer.send_and_wait(topic, value, key=life.call_id.encode(), headers=headers)
        if life.transaction == "committed":
            await producer.commit_transaction()
        elif life.transaction == "aborted":
            await producer.abort_transaction()


async def _stop(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(AioKafkaError):
        # The brokers have ended its transaction by now.
        await producer.stop()


async def by_java(bootstrap: str, topic: str, lives: Sequence[Life], exits: AsyncExitStack) -> None:
    """Send by Kafka's own client."""
    command = ["java", "-cp", f"{await asyncio.to_thread(fetch)}/*", str(_HERE / "Sender.java")]
    await _elsewhere([*command, bootstrap, topic], lives, exits, {})


async def by_kafkajs(
    bootstrap: str, topic: str, lives: Sequence[Life], exits: AsyncExitStack
) -> None:
    """Send by kafkajs, some by the SDK of CloudEvents."""
    environment = {"NODE_PATH": str(await asyncio.to_thread(packages))}
    command = ["node", str(_HERE / "sender.js"), bootstrap, topic]
    await _elsewhere(command, lives, exits, environment)


async def _elsewhere(
    command: Sequence[str],
    lives: Sequence[Life],
    exits: AsyncExitStack,
    environment: dict[str, str],
) -> None:
    """Tell a client in another language what to send, on its standard input, and let it end."""
    process = subprocess.Popen(
        [*command, str(LEFT_OPEN_MS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | environment,
    )
    exits.callback(process.kill)
    told = json.dumps([life.described() for life in lives]).encode()
    said, _ = await asyncio.to_thread(process.communicate, told, LIMIT)
    assert process.returncode == 0, said.decode()


SENDERS: Final[dict[str, Sender]] = {
    "confluent-kafka": by_confluent_kafka,
    "aiokafka": by_aiokafka,
    "java": by_java,
    "kafkajs": by_kafkajs,
}
