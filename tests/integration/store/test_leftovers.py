"""The relay finds no event without those before it, at whatever instant it looks."""

from collections import Counter

import asyncpg

from dispatch.store.desk import Desk

STREAMS = 5_000
ROWS = 2 * STREAMS  # first the first event of each stream, then the second
# Milliseconds that the rows are short of being old enough: they become so while they are read.
SHORT = range(0, 40, 2)

_FILL = """
WITH logged AS (
    INSERT INTO events (position, event_id, topic, key, sequence, type, at, cause, data)
    SELECT 1000000 + n, gen_random_uuid(), 'incidents', 'c' || n % $1, 1 + n / $1,
           'call.decided', now(), 'x', '{}'
    FROM generate_series(0, 2 * $1 - 1) AS n
    RETURNING position, topic, key
)
INSERT INTO outbox (position, topic, key) SELECT position, topic, key FROM logged
"""
_AGE = (
    "WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS present)"
    " UPDATE outbox SET written_at ="
    " (SELECT present FROM moment) - interval '1 s' + make_interval(secs => $1)"
)


async def test_no_event_is_found_without_those_before_it(desk: Desk, migrated: str) -> None:
    await desk.published(await desk.leftovers(0, ROWS))
    connection = await asyncpg.connect(migrated)
    try:
        await connection.execute(_FILL, STREAMS)
        for short in SHORT:
            # The update takes as long again as the rows then are short of their age.
            taken = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())")
            await connection.execute(_AGE, 0.0)
            took = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())")
            await connection.execute(_AGE, float(took - taken) + short / 1_000)
            found = await desk.leftovers(1.0, 2 * ROWS)
            numbers = Counter(event.key for event in found)
            late = {event.key for event in found if dict(event.headers)["ce_sequence"] == b"2"}
            assert all(numbers[key] == 2 for key in late)
    finally:
        await connection.close()
