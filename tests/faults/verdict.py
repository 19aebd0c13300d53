"""The verdict: everything on the topics and in the database, before the checker."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import asyncpg

from dispatch.checker import Input, check, numbers_in, own_topics_that_differ
from dispatch.kafka.consumer import Consumer
from dispatch.simulation.seen import Seen
from dispatch.store.inbound import read
from dispatch.topics import INPUT_TOPICS, OUTPUT_TOPICS
from dispatch.topics.envelope import Record
from tests.acceptance.verdict import (
    orders_in,
    outcome_of,
    own_partitions,
    parties_of,
    partitions_on,
    records_of,
    seen_on,
)
from tests.faults.bench import Bench
from tests.faults.findings import (
    INVENTED,
    KINDS,
    LEFT,
    Finding,
    aborted_in_effect,
    as_a_reader,
    doubled,
    found_by_checker,
    lost_by_brokers,
    otherwise_in_the_log,
    parked_without_end,
    poison_not_refused,
    slow_answers,
    two_contents,
    unreadable_not_kept,
)
from tests.faults.poison import Bad

_PORTION: Final = 5_000  # rows of the event log at once


@dataclass
class Verdict:
    """What was found, and how much was looked at."""

    findings: list[Finding] = field(default_factory=list)
    inputs: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    delivered_again: int = 0

    @property
    def by_kind(self) -> dict[str, int]:
        """How often each thing was found that must not be."""
        found = Counter(finding.kind for finding in self.findings)
        return {kind: found[kind] for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Harm:
    """What clients did wrong: bad inputs, calls never committed, places of unreadable records.

    `waited` is for how long others' calls waited for their answers meanwhile, `usual` just before,
    in wall seconds.
    """

    poison: Sequence[Bad] = ()
    aborted: Collection[str] = ()
    unreadable: Sequence[tuple[str, int, int]] = ()
    waited: Sequence[float] = ()
    usual: Sequence[float] = ()


async def judge(bench: Bench, harm: Harm, now: datetime) -> Verdict:
    """Decide on everything that happened until `now` (aware): the workers have ended."""
    verdict = Verdict()
    options: dict[str, Any] = {"bootstrap_servers": bench.stack.bootstrap}
    consumer = Consumer(**options, enable_auto_commit=False)
    await consumer.start()
    try:
        names = [bench.prefix + topic.name for topic in INPUT_TOPICS]
        published = await records_of(consumer, options, await partitions_on(options, names))
        names = [bench.prefix + topic.name for topic in OUTPUT_TOPICS]
        told = await records_of(consumer, options, await partitions_on(options, names))
        own = await own_partitions(consumer, options, bench.prefix)
        copied = await records_of(consumer, options, own)
    finally:
        await consumer.stop()
    raw = [seen_on(record, bench.prefix) for record in told]
    copies = [seen_on(record, bench.prefix) for record in copied]
    del told, copied
    database = await asyncpg.connect(bench.dsn)
    try:
        rows = await database.fetch("SELECT identity, outcome FROM inbox")
        outcomes = {row["identity"]: row["outcome"] for row in rows}
        inputs = [_judged(record, bench.prefix, outcomes) for record in published]
        waiting = {row["identity"] for row in await database.fetch("SELECT identity FROM parked")}
        verdict.findings += await _against_the_log(database, raw)
        left = await database.fetchval("SELECT count(*) FROM outbox")
    finally:
        await database.close()
    history, verdict.delivered_again = as_a_reader(raw)
    verdict.inputs.update(each.topic for each in inputs)
    verdict.outcomes.update(each.outcome or "never dealt with" for each in inputs)
    verdict.events.update(event.topic for event in history)
    verdict.types.update(event.type for event in history)
    verdict.findings += [
        *lost_by_brokers(bench.world.acknowledged, verdict.inputs),
        *parked_without_end(inputs, waiting),
        *two_contents(raw),
        *doubled(history),
        *poison_not_refused(history, harm.poison),
        *aborted_in_effect(history, harm.aborted),
        *unreadable_not_kept(history, harm.unreadable, bench.prefix),
        *slow_answers(harm.waited, harm.usual),
    ]
    if left:
        verdict.findings.append(Finding(LEFT, f"{left} events were never marked as published"))
    pack = bench.world.pack
    violations = [
        *check(history, inputs, packs={pack.name: pack}, now=now, orders=orders_in(copies)),
        *own_topics_that_differ(history, copies, parties_of(own, bench.prefix)),
    ]
    verdict.findings += [found_by_checker(violation) for violation in violations]
    return verdict


def _judged(record: Record, prefix: str, outcomes: dict[str, str]) -> Input:
    """Return an input with what the inbox says of it."""
    topic = record.topic.removeprefix(prefix)
    inbound = read(record, topic=topic)
    identity, outcome = outcome_of(inbound, outcomes)
    key = None if record.key is None else record.key.decode("utf-8", "replace")
    place = (record.topic, record.partition, record.offset)
    numbers = numbers_in(inbound.event)
    return Input(identity, inbound.event_type, topic, key, outcome, place, numbers)


async def _against_the_log(database: asyncpg.Connection, raw: Sequence[Seen]) -> list[Finding]:
    """Compare the event log of the database with what is on Kafka."""
    seen = {each.id: each for each in raw}
    findings, last, logged = [], -1, 0
    while rows := await database.fetch(
        "SELECT position, event_id::text, topic, key, sequence, type, cause, data FROM events"
        " WHERE position > $1 ORDER BY position LIMIT $2",
        last,
        _PORTION,
    ):
        last, logged = rows[-1]["position"], logged + len(rows)
        compared = (otherwise_in_the_log(seen.get(row["event_id"]), dict(row)) for row in rows)
        findings += [finding for finding in compared if finding is not None]
    if len(seen) > logged:
        findings.append(Finding(INVENTED, f"{len(seen)} ids on Kafka, {logged} in the log"))
    return findings
