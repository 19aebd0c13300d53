"""Write what a transaction changed, and turn its events into what is published."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, get_args

import asyncpg
import orjson

from dispatch.domain.city import Changes, City, id_of
from dispatch.domain.model import (
    Assignment,
    Batch,
    CallRecord,
    Entity,
    Handover,
    Hospital,
    Incident,
    Job,
    Offer,
    Paper,
    Reservation,
    Timer,
    Transfer,
    Unit,
    owner_of,
)
from dispatch.store import codec
from dispatch.store.sql import STATEMENTS
from dispatch.topics import TOPIC_OF, WITHHOLDING, Parties, has_own, own_topic_of
from dispatch.topics.cloudevents import write_headers
from dispatch.topics.envelope import Outgoing

_PAPERS: Final = get_args(Paper)
_OCCUPATIONS: Final = {Assignment: "assignment", Job: "disinfection"}

# The most that an event holds: with key and headers it fits into the 1 MiB that a topic takes
# where nobody has said otherwise.
EVENT_BYTES: Final = 1_000_000


class TooLarge(Exception):
    """An event that no topic would take: whatever causes it must not take effect."""


def _is_open(entity: Any) -> bool:
    return getattr(entity, "ended_at", None) is None


def _occupied_until(entity: Any) -> datetime | None:
    """Return until when a run or job occupies its unit; None while it does."""
    # What is owed after a run occupies nobody yet: the run does.
    owed = getattr(entity, "owed", False)
    until: datetime | None = entity.ordered_at if owed else entity.ended_at
    return until


_incident_of: Final = attrgetter("incident_id")
_hospital_of: Final = attrgetter("hospital_id")

# The tables of `put_records`: which records have rows there, and their columns in its order.
_TABLES: Final[tuple[tuple[Collection[type], tuple[Callable[[Any], Any], ...]], ...]] = (
    ((Unit,), (id_of, codec.dump)),
    ((Hospital,), (id_of, codec.dump)),
    ((Incident,), (id_of, codec.dump, lambda e: e.status != "closed")),
    ((CallRecord,), (id_of, codec.dump, _incident_of)),
    ((Assignment,), (id_of, codec.dump, _incident_of)),
    ((Handover,), (id_of, codec.dump, _incident_of, _hospital_of, _is_open)),
    ((Job,), (id_of, codec.dump, _incident_of, _is_open)),
    (_PAPERS, (id_of, codec.dump, lambda e: type(e).__name__, owner_of, _is_open)),
    (
        _OCCUPATIONS,
        (
            id_of,
            attrgetter("unit_id"),
            lambda e: _OCCUPATIONS[type(e)],
            attrgetter("ordered_at"),
            _occupied_until,
        ),
    ),
)
# A new one of these must not take the place of another: whose id is taken is refused, or read.
# Clocks run again under their ids, and cases are found again.
_NEVER_REPLACED: Final = frozenset(
    (Incident, CallRecord, Assignment, Handover, Job, Transfer, Offer, Reservation, Batch)
)
_PROMISES: Final[tuple[Callable[[Any], Any], ...]] = (
    id_of,
    _hospital_of,
    attrgetter("room"),
    attrgetter("place"),
    _is_open,
)


async def write_changes(
    connection: asyncpg.Connection,
    city: City,
    *,
    version: int,
    now: datetime,
    prefix: str,
    parties: Parties,
    breathe: Callable[[], Awaitable[None]],
) -> list[Outgoing]:
    """Write records, occupations, timers and events; return what their keys have to publish.

    Raises TooLarge when one of the events would not fit into a record of Kafka.

    `breathe` is called often, so that much work is not taken for a stopped process.
    """
    changes = city.changes
    await _write_records(connection, changes, version, breathe)
    await _write_timers(connection, changes)
    await breathe()
    return await _append(
        connection, changes, now=now, prefix=prefix, parties=parties, breathe=breathe
    )


def as_outgoing(
    row: Mapping[str, Any], prefix: str, parties: Parties, *, earlier: bool = False
) -> Outgoing:
    """Return an event of the log as it is published; `earlier` if another transaction decided it.

    `parties` are those of the city's plan: nobody else has a topic, and one that is not there
    would hold up everybody.
    """
    topic: str = row["topic"]
    value: bytes = row["data"].encode()
    copy_to = copy_value = None
    if has_own(topic):
        data = orjson.loads(value)
        own = own_topic_of(topic, row["key"], data, parties)
        copy_to = None if own is None else prefix + own
        if (model := WITHHOLDING.get(row["type"])) is not None:
            copy_value, value = value, orjson.dumps(model.for_everybody(data))
    return Outgoing(
        position=row["position"],
        topic=prefix + topic,
        key=row["key"],
        headers=write_headers(
            event_id=str(row["event_id"]),
            event_type=row["type"],
            at=row["at"],
            subject=row["key"],
            sequence=row["sequence"],
            cause=row["cause"],
        ),
        value=value,
        copy_to=copy_to,
        copy_value=copy_value,
        earlier=earlier,
    )


async def _write_records(
    connection: asyncpg.Connection,
    changes: Changes,
    version: int,
    breathe: Callable[[], Awaitable[None]],
) -> None:
    if not changes.entities:
        return
    created = changes.created
    of_kind: dict[type, list[Entity]] = defaultdict(list)
    new_of_kind: dict[type, list[Entity]] = defaultdict(list)
    for name, entity in changes.entities.items():
        new = name in created and name[0] in _NEVER_REPLACED
        (new_of_kind if new else of_kind)[name[0]].append(entity)
    columns: list[list[Any]] = []
    for kinds, getters in _TABLES:
        await breathe()
        entities = [entity for kind in kinds for entity in new_of_kind.get(kind, ())]
        number = len(entities)
        entities += [entity for kind in kinds for entity in of_kind.get(kind, ())]
        columns += ([column(entity) for entity in entities] for column in getters)
        if not _NEVER_REPLACED.isdisjoint(kinds) and kinds is not _OCCUPATIONS:
            columns.append([True] * number + [False] * (len(entities) - number))
    promised = [
        entity
        for of in (new_of_kind, of_kind)
        for entity in (*of.get(Handover, ()), *of.get(Reservation, ()))
        if isinstance(entity, Handover | Reservation) and entity.place is not None
    ]
    columns += ([column(entity) for entity in promised] for column in _PROMISES)
    await connection.execute(STATEMENTS["put_records"], version, *columns)


async def _write_timers(connection: asyncpg.Connection, changes: Changes) -> None:
    last: dict[str, Timer | None] = dict(changes.timers)
    timers = [timer for timer in last.values() if timer is not None]
    if last:
        await connection.execute(
            STATEMENTS["set_timers"],
            [timer_id for timer_id, timer in last.items() if timer is None],
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
    parties: Parties,
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
    of_streams = [topic for topic, _ in counts], [key for _, key in counts]
    rows = await connection.fetch(
        STATEMENTS["number_events"], *of_streams, list(counts.values()), len(emissions)
    )
    first: int = rows[0]["first_position"]
    last = {(row["topic"], row["key"]): row["sequence"] for row in rows}
    following = {stream: last[stream] - count + 1 for stream, count in counts.items()}
    events: list[dict[str, Any]] = []
    for offset, (emission, stream) in enumerate(zip(emissions, streams, strict=True)):
        data = emission.event.model_dump_json()
        if len(data) > EVENT_BYTES // 4 and len(data.encode()) > EVENT_BYTES:
            raise TooLarge(emission.event.event_type)
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
                "data": data,
            }
        )
        following[stream] += 1
        await breathe()
    columns = ("position", "event_id", "topic", "key", "sequence", "type", "cause", "data")
    earlier = await connection.fetch(
        STATEMENTS["append_events"],
        *([event[column] for event in events] for column in columns),
        now,
        *of_streams,
    )
    outgoing = []
    for row in earlier:
        outgoing.append(as_outgoing(dict(row), prefix, parties, earlier=True))
        await breathe()
    for event in events:
        outgoing.append(as_outgoing(event, prefix, parties))
        await breathe()
    return outgoing
