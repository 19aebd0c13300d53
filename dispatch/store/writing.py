"""Write what a transaction changed, and turn its events into what is published."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, get_args

import asyncpg

from dispatch.domain.city import Changes, City, id_of
from dispatch.domain.model import (
    Assignment,
    CallRecord,
    Entity,
    Handover,
    Hospital,
    Incident,
    Job,
    Paper,
    Reservation,
    Timer,
    Unit,
    owner_of,
)
from dispatch.store import codec
from dispatch.store.sql import STATEMENTS
from dispatch.topics import TOPIC_OF, own_topic
from dispatch.topics.cloudevents import write_headers
from dispatch.topics.envelope import Outgoing

_PAPERS: Final = frozenset(get_args(Paper))

# For each kind: the statement, its id, and the further columns in the statement's order.
_TABLES: Final[tuple[tuple[type, str, str, tuple[Callable[[Any], Any], ...]], ...]] = (
    (Unit, "put_units", "unit_id", ()),
    (Hospital, "put_hospitals", "hospital_id", ()),
    (Incident, "put_incidents", "incident_id", (lambda e: e.status != "closed",)),
    (CallRecord, "put_calls", "call_id", (lambda e: e.incident_id,)),
    (Assignment, "put_assignments", "assignment_id", (lambda e: e.incident_id,)),
    (
        Handover,
        "put_handovers",
        "handover_id",
        (
            lambda e: e.incident_id,
            lambda e: e.hospital_id,
            lambda e: e.ended_at is None,
        ),
    ),
    (Job, "put_jobs", "job_id", (lambda e: e.incident_id, lambda e: e.ended_at is None)),
)


async def write_changes(
    connection: asyncpg.Connection,
    city: City,
    *,
    version: int,
    now: datetime,
    prefix: str,
    breathe: Callable[[], Awaitable[None]],
) -> list[Outgoing]:
    """Write records, occupations, timers and events; return what their keys have to publish.

    `breathe` is called often, so that much work is not taken for a stopped process.
    """
    changes = city.changes
    for kind, statement, id_field, columns in _TABLES:
        entities = [entity for (k, _), entity in changes.entities.items() if k is kind]
        if entities:
            await breathe()
            await connection.execute(
                STATEMENTS[statement],
                version,
                [getattr(entity, id_field) for entity in entities],
                [codec.dump(entity) for entity in entities],
                *([column(entity) for entity in entities] for column in columns),
            )
    await _write_papers(connection, changes, version)
    await _write_occupations(connection, changes)
    await _write_promises(connection, changes)
    await _write_timers(connection, changes)
    await breathe()
    return await _append(connection, changes, now=now, prefix=prefix, breathe=breathe)


def as_outgoing(row: Mapping[str, Any], prefix: str) -> Outgoing:
    """Return an event of the log as it is published."""
    own = own_topic(row["topic"], row["key"])
    return Outgoing(
        position=row["position"],
        topic=prefix + row["topic"],
        key=row["key"],
        headers=write_headers(
            event_id=str(row["event_id"]),
            event_type=row["type"],
            at=row["at"],
            subject=row["key"],
            sequence=row["sequence"],
            cause=row["cause"],
        ),
        value=row["data"].encode(),
        copy_to=None if own is None else prefix + own,
    )


async def _write_occupations(connection: asyncpg.Connection, changes: Changes) -> None:
    rows = [row for entity in changes.entities.values() if (row := _occupation(entity)) is not None]
    if rows:
        await connection.execute(
            STATEMENTS["put_occupations"], *(list(c) for c in zip(*rows, strict=True))
        )


def _occupation(
    entity: Entity,
) -> tuple[str, str, str, datetime, datetime | None] | None:
    if isinstance(entity, Assignment):
        return (
            entity.assignment_id,
            entity.unit_id,
            "assignment",
            entity.ordered_at,
            entity.ended_at,
        )
    if isinstance(entity, Job):
        return (entity.job_id, entity.unit_id, "disinfection", entity.ordered_at, entity.ended_at)
    return None


async def _write_papers(connection: asyncpg.Connection, changes: Changes, version: int) -> None:
    papers = [entity for (kind, _), entity in changes.entities.items() if kind in _PAPERS]
    if papers:
        await connection.execute(
            STATEMENTS["put_papers"],
            version,
            [type(paper).__name__ for paper in papers],
            [id_of(paper) for paper in papers],
            [owner_of(paper) for paper in papers],
            [getattr(paper, "ended_at", None) is None for paper in papers],
            [codec.dump(paper) for paper in papers],
        )


async def _write_promises(connection: asyncpg.Connection, changes: Changes) -> None:
    promises = [
        (id_of(entity), entity.hospital_id, entity.room, entity.place, entity.ended_at is None)
        for entity in changes.entities.values()
        if isinstance(entity, Handover | Reservation) and entity.place is not None
    ]
    if promises:
        await connection.execute(
            STATEMENTS["put_promises"], *(list(c) for c in zip(*promises, strict=True))
        )


async def _write_timers(connection: asyncpg.Connection, changes: Changes) -> None:
    last: dict[str, Timer | None] = dict(changes.timers)
    cancelled = [timer_id for timer_id, timer in last.items() if timer is None]
    timers = [timer for timer in last.values() if timer is not None]
    if cancelled:
        await connection.execute(STATEMENTS["cancel_timers"], cancelled)
    if timers:
        await connection.execute(
            STATEMENTS["set_timers"],
            [timer.timer_id for timer in timers],
            [timer.kind for timer in timers],
            [timer.subject for timer in timers],
            [timer.due_at for timer in timers],
        )


async def _append(
    connection: asyncpg.Connection,
    changes: Changes,
    *,
    now: datetime,
    prefix: str,
    breathe: Callable[[], Awaitable[None]],
) -> list[Outgoing]:
    """Append the events to log and outbox; return them after what is unpublished before them."""
    emissions = changes.emissions
    if not emissions:
        return []
    topics = [TOPIC_OF[emission.event.event_type].name for emission in emissions]
    streams = [
        (topic, emission.key or "") for topic, emission in zip(topics, emissions, strict=True)
    ]
    counts = Counter(streams)
    rows = await connection.fetch(
        STATEMENTS["next_sequences"],
        [topic for topic, _ in counts],
        [key for _, key in counts],
        list(counts.values()),
    )
    last = {(row["topic"], row["key"]): row["sequence"] for row in rows}
    following = {stream: last[stream] - count + 1 for stream, count in counts.items()}
    first: int = await connection.fetchval(STATEMENTS["take_positions"], len(emissions))
    events: list[dict[str, Any]] = []
    for offset, (emission, stream) in enumerate(zip(emissions, streams, strict=True)):
        events.append(
            {
                "position": first + offset,
                "event_id": emission.event_id,
                "topic": stream[0],
                "key": emission.key,
                "sequence": following[stream],
                "type": emission.event.event_type,
                "cause": emission.cause,
                "at": now,
                "data": emission.event.model_dump_json(),
            }
        )
        following[stream] += 1
        await breathe()
    columns = ("position", "event_id", "topic", "key", "sequence", "type", "cause", "data")
    await connection.execute(
        STATEMENTS["append_events"],
        *([event[column] for event in events] for column in columns),
        now,
    )
    earlier = await connection.fetch(
        STATEMENTS["earlier_unpublished"],
        [topic for topic, _ in counts],
        [key for _, key in counts],
        first,
    )
    outgoing = []
    for event in (*map(dict, earlier), *events):
        outgoing.append(as_outgoing(event, prefix))
        await breathe()
    return outgoing
