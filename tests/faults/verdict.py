"""The verdict: everything on the topics and in the database, before the checker."""

import base64
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer

from dispatch.checker import Input, Invariant, Violation, check
from dispatch.cluster import cluster_id_of
from dispatch.simulation.seen import Seen
from dispatch.store.inbound import read
from dispatch.topics import INPUT_TOPICS, OUTPUT_TOPICS
from dispatch.topics.envelope import Record
from tests.acceptance.verdict import partitions_on, records_of
from tests.faults.bench import Bench
from tests.faults.poison import Bad

_PORTION: Final = 5_000  # rows of the event log at once


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be: its kind, one sentence, and the fewest events that show it."""

    kind: str
    sentence: str
    events: tuple[Seen, ...] = ()


@dataclass
class Verdict:
    """What was found, and how much was looked at."""

    findings: list[Finding] = field(default_factory=list)
    inputs: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    delivered_again: int = 0
    came_late: int = 0

    @property
    def by_kind(self) -> dict[str, int]:
        """How often each thing was found that must not be."""
        found = Counter(finding.kind for finding in self.findings)
        return {kind: found[kind] for kind in KINDS}


INVARIANTS: Final = {
    Invariant.ONE_ASSIGNMENT_A_UNIT: "units on two assignments",
    Invariant.ONE_OUTCOME_A_CALL: "calls without one outcome",
    Invariant.NO_ORDER_BEFORE_DISINFECTION: "contaminated units ordered",
    Invariant.NO_ROOM_TWICE: "beds promised twice",
    Invariant.NO_INPUT_LOST: "inputs lost",
    Invariant.CAUSAL_ORDER: "events missing or out of order",
    Invariant.DECISIONS_REPLAY: "decisions that differ on replay",
}
ACKNOWLEDGED: Final = "inputs that the brokers lost"
PARKED: Final = "parked inputs without an end"
DOUBLED: Final = "orders doubled in effect"
POISON: Final = "bad inputs without their reason"
TWO_CONTENTS: Final = "ids with two contents"
UNPUBLISHED: Final = "events of the log that are not on Kafka"
INVENTED: Final = "events on Kafka that are not in the log"
LEFT: Final = "events left in the outbox"
KINDS: Final = (
    *INVARIANTS.values(),
    ACKNOWLEDGED,
    PARKED,
    DOUBLED,
    POISON,
    TWO_CONTENTS,
    UNPUBLISHED,
    INVENTED,
    LEFT,
)


async def judge(bench: Bench, poison: Sequence[Bad], now: datetime) -> Verdict:
    """Decide on everything that happened until `now` (aware): the workers have ended."""
    verdict = Verdict()
    options = {"bootstrap_servers": bench.stack.bootstrap}
    consumer = AIOKafkaConsumer(**options, enable_auto_commit=False)
    await consumer.start()
    try:
        names = [bench.prefix + topic.name for topic in INPUT_TOPICS]
        published = await records_of(consumer, await partitions_on(options, names))
        names = [bench.prefix + topic.name for topic in OUTPUT_TOPICS]
        told = await records_of(consumer, await partitions_on(options, names))
    finally:
        await consumer.stop()
    incarnation = await cluster_id_of(options)
    raw = [Seen.of(r, topic=r.topic.removeprefix(bench.prefix), wall=0.0) for r in told]
    del told
    database = await asyncpg.connect(bench.dsn)
    try:
        rows = await database.fetch("SELECT identity, outcome FROM inbox")
        outcomes = {row["identity"]: row["outcome"] for row in rows}
        inputs = [_judged(record, bench.prefix, incarnation, outcomes) for record in published]
        history = _as_a_reader(raw, verdict)
        verdict.inputs.update(each.topic for each in inputs)
        verdict.outcomes.update(each.outcome or "never dealt with" for each in inputs)
        verdict.events.update(event.topic for event in history)
        verdict.types.update(event.type for event in history)
        verdict.findings += _lost_by_brokers(bench, verdict)
        verdict.findings += await _parked(database, inputs, history)
        verdict.findings += await _against_the_log(database, raw)
        verdict.findings += await _left(database)
    finally:
        await database.close()
    verdict.findings += _two_contents(raw)
    verdict.findings += _doubled(history)
    verdict.findings += _poison(history, poison)
    pack = bench.world.pack
    violations = check(history, inputs, packs={pack.name: pack}, now=now)
    verdict.findings += [_finding(violation) for violation in violations]
    return verdict


def _finding(violation: Violation) -> Finding:
    events = tuple(event for event in violation.events if isinstance(event, Seen))
    return Finding(INVARIANTS[violation.invariant], violation.sentence, events)


def _judged(record: Record, prefix: str, incarnation: str, outcomes: dict[str, str]) -> Input:
    """Return an input with what the inbox says of it."""
    topic = record.topic.removeprefix(prefix)
    inbound = read(record, topic=topic, incarnation=incarnation)
    conflict = f"{inbound.identity}!{inbound.digest.hex()}"
    identity = conflict if conflict in outcomes else inbound.identity
    key = None if record.key is None else record.key.decode("utf-8", "replace")
    return Input(identity, inbound.event_type, topic, key, outcomes.get(identity))


def _as_a_reader(raw: Sequence[Seen], verdict: Verdict) -> list[Seen]:
    """Return what a reader takes, who drops what is not newer than what it has of a key."""
    latest: dict[tuple[str, str | None], int] = {}
    known: set[str] = set()
    taken = []
    for seen in raw:
        stream = (seen.topic, seen.key)
        if seen.sequence > latest.get(stream, 0):
            latest[stream] = seen.sequence
            taken.append(seen)
        elif seen.id in known:
            verdict.delivered_again += 1
        else:
            # The gap that it leaves is for the checker.
            verdict.came_late += 1
        known.add(seen.id)
    return taken


def _lost_by_brokers(bench: Bench, verdict: Verdict) -> Iterator[Finding]:
    for topic, acknowledged in bench.world.acknowledged.items():
        if verdict.inputs[topic] < acknowledged:
            sentence = f"{topic}: {acknowledged} acknowledged, {verdict.inputs[topic]} there"
            yield Finding(ACKNOWLEDGED, sentence)


async def _parked(
    database: asyncpg.Connection, inputs: Sequence[Input], history: Sequence[Seen]
) -> list[Finding]:
    """Find inputs that were parked, wait no more, and had no effect either."""
    waiting = {row["identity"] for row in await database.fetch("SELECT identity FROM parked")}
    causes = {seen.cause for seen in history}
    return [
        Finding(PARKED, f"{each.type} {each.identity} was parked, and nothing came of it")
        for each in inputs
        if each.outcome == "parked"
        and each.identity not in waiting
        and each.identity not in causes
        and not any(cause.startswith(f"timer/parked/{each.identity}@") for cause in causes)
    ]


async def _against_the_log(database: asyncpg.Connection, raw: Sequence[Seen]) -> list[Finding]:
    """Compare the event log of the database with what is on Kafka, by id, place and content."""
    seen = {each.id: each for each in raw}
    findings, last, logged = [], -1, 0
    while rows := await database.fetch(
        "SELECT position, event_id::text, topic, key, sequence, type, cause, data FROM events"
        " WHERE position > $1 ORDER BY position LIMIT $2",
        last,
        _PORTION,
    ):
        last, logged = rows[-1]["position"], logged + len(rows)
        for row in rows:
            each = seen.get(row["event_id"])
            what = f"{row['type']} {row['event_id']} (position {row['position']})"
            if each is None:
                findings.append(Finding(UNPUBLISHED, f"{what} is not on Kafka"))
            elif _place(each) != (row["topic"], row["key"], row["sequence"], row["cause"]):
                findings.append(Finding(UNPUBLISHED, f"{what} has another place there", (each,)))
            elif orjson.loads(row["data"]) != each.data:
                findings.append(Finding(UNPUBLISHED, f"{what} says something else there", (each,)))
    if len(seen) > logged:
        findings.append(Finding(INVENTED, f"{len(seen)} ids on Kafka, {logged} in the log"))
    return findings


def _place(seen: Seen) -> tuple[str, str | None, int, str]:
    return seen.topic, seen.key, seen.sequence, seen.cause


async def _left(database: asyncpg.Connection) -> list[Finding]:
    left = await database.fetchval("SELECT count(*) FROM outbox")
    return [Finding(LEFT, f"{left} events were never marked as published")] if left else []


def _two_contents(raw: Sequence[Seen]) -> Iterator[Finding]:
    """Find ids under which two different things were said."""
    first: dict[str, Seen] = {}
    for seen in raw:
        known = first.setdefault(seen.id, seen)
        # From the log it comes with its fields in another order.
        same = known.value == seen.value or known.data == seen.data
        if not same or _place(known) != _place(seen):
            yield Finding(TWO_CONTENTS, f"{seen.id} was published with two contents", (known, seen))


def _doubled(history: Sequence[Seen]) -> Iterator[Finding]:
    """Find assignments ordered twice, and inputs that came to be twice what they are once."""
    first: dict[tuple[str, str], Seen] = {}
    for seen in history:
        if seen.type == "order.issued":
            name = seen.data["assignment_id"]
        elif seen.type in ("call.linked", "incident.closed") or (
            seen.type == "call.decided" and seen.data["because"] == "the call came in"
        ):
            name = seen.key or ""
            if seen.type == "call.linked":
                name = seen.data["call_id"]
        else:
            continue
        known = first.setdefault((seen.type, name), seen)
        if known is not seen:
            yield Finding(DOUBLED, f"{seen.type} of {name} happened twice", (known, seen))


def _poison(history: Sequence[Seen], poison: Sequence[Bad]) -> Iterator[Finding]:
    """Find bad inputs that are no dead letters, or whose letters don't give the reason."""
    reasons: defaultdict[tuple[object, ...], set[str]] = defaultdict(set)
    for seen in history:
        if seen.type == "input.rejected":
            letter = seen.data
            headers = tuple(tuple(header) for header in letter["headers_base64"])
            about = {reason["field"] for reason in letter["reasons"]}
            reasons[letter["key_base64"], letter["value_base64"], headers] |= about
    for bad in poison:
        headers = tuple((name, _base64(value)) for name, value in bad.headers)
        about = reasons[_base64(bad.key), _base64(bad.value), headers]
        if bad.field not in about:
            sentence = f"{bad.kind} ({bad.key!r}) was refused for {sorted(about) or 'nothing'}"
            yield Finding(POISON, sentence)


def _base64(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode("ascii")
