-- What is still in hand: inputs not read, batches without a plan, events logged since a position,
-- the next timer.
SELECT
    NOT EXISTS (
        SELECT
        FROM unnest($3::text[], $4::int[], $5::bigint[]) AS wanted (topic, partition, next_offset)
        LEFT JOIN positions
            ON positions.incarnation = $2
            AND positions.topic = wanted.topic
            AND positions.partition = wanted.partition
        WHERE coalesce(positions.next_offset, 0) < wanted.next_offset
    ) AS all_read,
    NOT EXISTS (
        SELECT FROM papers
        WHERE kind = 'Batch' AND open AND state ->> 'status' NOT IN ('completed', 'cancelled')
            AND (state ->> 'revision')::int > (state ->> 'planned_revision')::int
    ) AS all_planned,
    (SELECT min(due_at) FROM timers) AS next_timer,
    array(SELECT event_id::text FROM events WHERE position > $1 ORDER BY position) AS event_ids,
    array(SELECT topic FROM events WHERE position > $1 ORDER BY position) AS topics,
    (SELECT coalesce(max(position), 0) FROM events) AS last_position
