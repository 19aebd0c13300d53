"""The relay finds no event without those before it, at whatever instant it looks; and soon."""

from collections import Counter

import asyncpg
import pytest

from dispatch.store.desk import Desk

STREAMS = 5_000
ROWS = 2 * STREAMS  # first the first event of each stream, then the second
# Milliseconds that the rows are short of being old enough: they become so while they are read.
SHORT = range(0, 40, 2)
# Compared in pairs they take longer than a statement may.
OF_ONE_STREAM = 60_000

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


@pytest.mark.thorough
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


@pytest.mark.thorough
async def test_many_events_of_one_stream_are_found_in_a_moment(desk: Desk, migrated: str) -> None:
    await desk.published(await desk.leftovers(0, ROWS))
    connection = await asyncpg.connect(migrated)
    try:
        # Two events of each stream, then all of them in one.
        await connection.execute(_FILL, OF_ONE_STREAM // 2)
        await connection.execute("UPDATE outbox SET key = 'c1'")
        rows = await connection.fetch("SELECT position FROM outbox ORDER BY position")
        positions = [row["position"] for row in rows]
        found = await desk.leftovers(0, 1_000)
        assert [event.position for event in found] == positions[:1_000]
        # Those before one that is too young are found, those after it are not.
        half = OF_ONE_STREAM // 2
        await connection.execute(
            "UPDATE outbox SET written_at = now()"
            " + CASE WHEN position < $1 THEN -1 ELSE 1 END * interval '1 hour'",
            positions[half],
        )
        await connection.execute("ANALYZE outbox")
        found = await desk.leftovers(1, OF_ONE_STREAM)
        assert [event.position for event in found] == positions[:half]
        await connection.execute(
            "UPDATE outbox SET written_at = now() - interval '1 hour' WHERE position <> $1",
            positions[half],
        )
        found = await desk.leftovers(1, OF_ONE_STREAM)
        assert [event.position for event in found] == positions[:half]
    finally:
        await connection.close()
