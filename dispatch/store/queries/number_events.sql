-- Give each stream as many numbers as it has new events, and all of them $4 positions in the log.
-- Returns the last number given to each, and the first position. Positions follow the order of
-- commits: the centre is locked.
WITH placed AS (
    SELECT setval('event_positions', nextval('event_positions') + $4::bigint - 1) - $4::bigint + 1
        AS first_position
), numbered AS (
    INSERT INTO streams AS s (topic, key, sequence)
    SELECT topic, key, sequence_floor + count
    FROM unnest($1::text[], $2::text[], $3::bigint[]) AS t (topic, key, count) CROSS JOIN centre
    ORDER BY topic, key
    ON CONFLICT (topic, key) DO UPDATE SET sequence = excluded.sequence
        + greatest(s.sequence - (SELECT sequence_floor FROM centre), 0)
    RETURNING topic, key, sequence
)
SELECT topic, key, sequence, first_position FROM numbered CROSS JOIN placed
