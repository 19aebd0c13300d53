"""The verdict at the end of an acceptance test: everything on the topics, before the checker."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import TopicPartition

from dispatch.checker import Input, Violation, check, numbers_in, own_topics_that_differ
from dispatch.cluster import cluster_id_of, partitions_of
from dispatch.kafka.consumer import Consumer, record_of
from dispatch.log_end import ends_of_logs
from dispatch.policy.pack import load_pack
from dispatch.simulation.seen import Seen
from dispatch.stack.addresses import running
from dispatch.store.identities import other_identities
from dispatch.store.inbound import Inbound, read
from dispatch.topics import INPUT_TOPICS, OUTPUT_TOPICS, Parties
from dispatch.topics.envelope import Record

FETCH_MS = 200
SETTLED_LIMIT = 60.0  # seconds for the last inputs to have their effect


@dataclass
class History:
    """What was published on the input topics and what a reader of the others has taken."""

    inputs: list[Input] = field(default_factory=list)
    events: list[Seen] = field(default_factory=list)
    copies: list[Seen] = field(default_factory=list)
    parties: Parties = field(default_factory=Parties)

    def of_type(self, event_type: str) -> list[Seen]:
        """Return the events of one type."""
        return [event for event in self.events if event.type == event_type]

    def violations(self) -> list[Violation]:
        """Let the checker decide every invariant, now."""
        packs = {"covid-19": load_pack("covid-19")}
        now = datetime.now(UTC)
        return [
            *check(self.events, self.inputs, packs=packs, now=now, orders=orders_in(self.copies)),
            *own_topics_that_differ(self.events, self.copies, self.parties),
        ]


async def read_history(bootstrap: str, dsn: str, prefix: str) -> History:
    """Read every topic from its beginning to its end, and the inbox of the database."""
    options: dict[str, Any] = {"bootstrap_servers": bootstrap}
    consumer = Consumer(**options, enable_auto_commit=False)
    await consumer.start()
    try:
        inputs = await partitions_on(options, [prefix + topic.name for topic in INPUT_TOPICS])
        outputs = await partitions_on(options, [prefix + topic.name for topic in OUTPUT_TOPICS])
        published = await records_of(consumer, options, inputs)
        told = await records_of(consumer, options, outputs)
        own = await own_partitions(consumer, options, prefix)
        copied = await records_of(consumer, options, own)
    finally:
        await consumer.stop()
    history = History(inputs=await _judged(published, dsn, prefix))
    history.parties = parties_of(own, prefix)
    history.copies = [seen_on(record, prefix) for record in copied]
    latest: dict[tuple[str, str | None], int] = {}
    for record in told:
        seen = seen_on(record, prefix)
        # As every reader does: what is not newer than what it has of topic and key is dropped.
        if seen.sequence > latest.get((seen.topic, seen.key), 0):
            latest[seen.topic, seen.key] = seen.sequence
            history.events.append(seen)
    return history


def seen_on(record: Record, prefix: str) -> Seen:
    """Return the event that a record of an output topic holds."""
    return Seen.of(record, topic=record.topic.removeprefix(prefix), wall=0.0)


async def own_partitions(
    consumer: Consumer, options: dict[str, Any], prefix: str
) -> list[TopicPartition]:
    """Return every partition of the topics of one reader's own."""
    beginnings = tuple(f"{prefix}{topic.name}." for topic in OUTPUT_TOPICS if topic.own)
    topics = [name for name in await consumer.topics() if name.startswith(beginnings)]
    return await partitions_on(options, topics)


def parties_of(own: Iterable[TopicPartition], prefix: str) -> Parties:
    """Return who has these topics of their own."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for partition in own:
        topic, _, owner = partition.topic.removeprefix(prefix).partition(".")
        found[topic].add(owner)
    return Parties(
        hospitals=frozenset(found["disinfections"]),
        units=frozenset(found["orders"]),
        institutions=frozenset(found["placements"]),
    )


def orders_in(copies: Iterable[Seen]) -> list[Seen]:
    """Return what crews read on their units' own topics."""
    return [each for each in copies if each.topic.startswith("orders.")]


async def partitions_on(options: dict[str, Any], topics: list[str]) -> list[TopicPartition]:
    """Return every partition of some topics."""
    found = await partitions_of(options, topics)
    assert found.keys() == set(topics)
    return [TopicPartition(topic, number) for topic in topics for number in found[topic]]


async def records_of(
    consumer: Consumer, options: dict[str, Any], partitions: list[TopicPartition]
) -> list[Record]:
    """Read partitions from their beginning to their end, in the order of each."""
    incarnation = await cluster_id_of(options)
    consumer.assign(partitions)
    told = await consumer.end_offsets(partitions)
    ends = await ends_of_logs(consumer, {tp: end for tp, end in told.items() if end})
    await consumer.seek_to_beginning(*partitions)
    found: list[Record] = []
    left = set(ends)
    while left:
        for messages in (await consumer.getmany(*left, timeout_ms=FETCH_MS)).values():
            found += [record_of(message, incarnation) for message in messages]
        # What was aborted, and where a transaction ended, stands in the log and is no record.
        left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
    return found


def outcome_of(inbound: Inbound, outcomes: Mapping[str, str]) -> tuple[str, str | None]:
    """Return under what an input stands in the inbox, and what became of it, if it does."""
    for identity in (*other_identities(inbound), inbound.identity):
        if identity in outcomes:
            return identity, outcomes[identity]
    return inbound.identity, None


async def _judged(records: list[Record], dsn: str, prefix: str) -> list[Input]:
    """Return every input with what the inbox says of it."""
    database = await asyncpg.connect(dsn)
    try:
        rows = await database.fetch("SELECT identity, outcome FROM inbox")
    finally:
        await database.close()
    outcomes = {row["identity"]: row["outcome"] for row in rows}
    judged = []
    for record in records:
        topic = record.topic.removeprefix(prefix)
        inbound = read(record, topic=topic)
        identity, outcome = outcome_of(inbound, outcomes)
        key = None if record.key is None else record.key.decode("utf-8", "replace")
        place = (record.topic, record.partition, record.offset)
        numbers = numbers_in(inbound.event)
        judged.append(Input(identity, inbound.event_type, topic, key, outcome, place, numbers))
    return judged


def judge_running(data_dir: Path) -> None:
    """Assert that every invariant holds for the `dispatch up` of a data directory."""
    found = running(data_dir)
    assert found is not None, "the stack has stopped already"
    deadline = time.monotonic() + SETTLED_LIMIT
    while True:
        history = asyncio.run(read_history(found.bootstrap, found.dsn, "dispatch."))
        violations = [violation.sentence for violation in history.violations()]
        # It goes on while one topic is read after the other.
        if not violations or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert history.inputs
    assert not violations, violations
