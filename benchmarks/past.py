"""A past for a database: the rows of one call's finished life, as often as there were calls.

The life is a real one: the service's desk takes each of its inputs, from the call to both
signatures under the handover record, and writes what it always writes. Every row of it is then
copied under other ids; what is keyed by a unit or hospital goes on in its numbering.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Final

import orjson

from benchmarks.bed import Bed
from benchmarks.city import ordinary_call
from dispatch.store.desk import Desk
from dispatch.topics import TOPIC_OF, key_of
from dispatch.topics.cloudevents import write_headers
from dispatch.topics.envelope import Outgoing, Record
from dispatch.topics.fields import Content
from dispatch.topics.hospitals import HandoverSignedByHospital
from dispatch.topics.units import HandoverSignedByCrew, OrderAcknowledged, UnitReported, UnitStatus

LIFE: Final = "one-past-life"
INCARNATION: Final = "past"
PORTION: Final = 200  # lives sent to the database at once
ON_THE_WAY: Final[tuple[UnitStatus, ...]] = ("rolling", "on_scene", "transporting", "at_hospital")
BACK: Final[tuple[UnitStatus, ...]] = ("returning", "available")
HOSPITAL: Final = "H1"

_TABLES: Final = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
ORDER BY relname
"""
# They are made again when all is written, which is much quicker.
_INDEXES: Final = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index
JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = 'public'::regnamespace AND NOT relispartition AND NOT indisprimary
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""
# Their places in a row of `events`.
POSITION: Final = 0
EVENT_ID: Final = 1
KEY: Final = 3
SEQUENCE: Final = 4
SEQUENCES: Final = 100  # of the events of one life on a unit's or hospital's stream, at most
RANDOM_DIGITS: Final = 24  # of a UUID as text, before its last group


async def live_through(bed: Bed, calls: int) -> dict[str, int]:
    """Give the bed's database so many past calls; return how many rows a life has, by table."""
    async with bed.desk() as desk:
        await _Life(desk, bed.prefix).live()
    # Nobody waits for these events, and no partition was read for them.
    await bed.database.execute("DELETE FROM outbox")
    await bed.database.execute("DELETE FROM positions WHERE incarnation = $1", INCARNATION)
    return await _multiply(bed, calls)


class _Life:
    """One call from its beginning to its end."""

    def __init__(self, desk: Desk, prefix: str) -> None:
        self._desk = desk
        self._prefix = prefix
        self._inputs = 0

    async def live(self) -> None:
        """Let everything happen that happens to an ordinary call."""
        call = ordinary_call(0, datetime.now(UTC)).model_copy(update={"call_id": LIFE})
        order = _the(await self._say(call), "order.issued")
        unit_id, assignment_id = order["unit_id"], order["assignment_id"]
        now = datetime.now(UTC)
        outgoing = await self._say(
            OrderAcknowledged(unit_id=unit_id, assignment_id=assignment_id, at=now)
        )
        for status in ON_THE_WAY:
            outgoing += await self._say(
                UnitReported(unit_id=unit_id, at=datetime.now(UTC), status=status)
            )
        handover_id = _the(outgoing, "handover.announced")["handover_id"]
        now = datetime.now(UTC)
        await self._say(
            HandoverSignedByCrew(unit_id=unit_id, handover_id=handover_id, at=now, by="medic")
        )
        await self._say(
            HandoverSignedByHospital(
                hospital_id=HOSPITAL, handover_id=handover_id, at=now, by="nurse"
            )
        )
        for status in BACK:
            now = datetime.now(UTC)
            await self._say(UnitReported(unit_id=unit_id, at=now, status=status))

    async def _say(self, event: Content) -> list[Outgoing]:
        self._inputs += 1
        key = key_of(event)
        headers = write_headers(
            event_id=f"{LIFE}/{self._inputs}",
            event_type=event.event_type,
            at=datetime.now(UTC),
            subject=key,
            source="past",
        )
        record = Record(
            topic=self._prefix + TOPIC_OF[event.event_type].name,
            partition=0,
            offset=self._inputs,
            timestamp_ms=round(datetime.now(UTC).timestamp() * 1_000),
            key=key.encode(),
            value=event.model_dump_json().encode(),
            headers=tuple(headers),
            incarnation=INCARNATION,
        )
        return list(await self._desk.take([record]))


def _the(outgoing: Sequence[Outgoing], event_type: str) -> dict[str, Any]:
    """Return what the last event of a type says."""
    *_, last = (e for e in outgoing if dict(e.headers)["ce_type"] == event_type.encode())
    found: dict[str, Any] = orjson.loads(last.value)
    return found


async def _multiply(bed: Bed, calls: int) -> dict[str, int]:
    database = bed.database
    await database.execute("SET synchronous_commit = off")
    indexes = await database.fetch(_INDEXES)
    for index in indexes:
        await database.execute(f"DROP INDEX {index['name']}")
    rows = {}
    for (table,) in await database.fetch(_TABLES):
        written = BytesIO()
        await database.copy_from_query(
            f"SELECT * FROM {table} AS row WHERE row::text LIKE '%{LIFE}%'",  # noqa: S608
            output=written,
        )
        lines = written.getvalue().splitlines()
        if lines:
            rows[table] = len(lines)
            position = await database.fetchval("SELECT nextval('event_positions')")
            template = _template(lines, numbered=table == "events")
            await database.copy_to_table(table, source=_lives(template, calls, position))
    await database.execute("SELECT setval('event_positions', (SELECT max(position) FROM events))")
    for index in indexes:
        await database.execute(index["definition"])
    await database.execute("VACUUM ANALYZE")
    # A past is not being written any more: it is on the disk before anything is measured.
    await database.execute("CHECKPOINT")
    return rows


def _template(lines: Sequence[bytes], *, numbered: bool) -> bytes:
    """Return the rows of a life with places for its number, and for those of its events."""
    made = []
    for row, line in enumerate(lines):
        columns = line.replace(b"%", b"%%").split(b"\t")
        if numbered:
            columns[POSITION] = b"%%(position%d)d" % row
            columns[EVENT_ID] = columns[EVENT_ID][:RANDOM_DIGITS] + b"%(life)012x"
            if LIFE.encode() not in columns[KEY]:
                columns[SEQUENCE] = b"%%(sequence%d)d" % int(columns[SEQUENCE])
        made.append(b"\t".join(columns).replace(LIFE.encode(), b"past-%(life)d") + b"\n")
    return b"".join(made)


async def _lives(template: bytes, calls: int, position: int) -> AsyncIterator[bytes]:
    """Yield the rows of all lives but the first, which was lived."""
    rows = template.count(b"\n")
    for first in range(1, calls, PORTION):
        yield b"".join(
            template
            % {
                b"life": life,
                **{b"position%d" % row: position + life * rows + row for row in range(rows)},
                **{b"sequence%d" % n: life * SEQUENCES + n for n in range(SEQUENCES)},
            }
            for life in range(first, min(first + PORTION, calls))
        )
