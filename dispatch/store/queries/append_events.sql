-- Append events; returns what is unpublished before them in their streams ($10, $11), which this
-- sees as it was before. No COPY: no time limit ends one in which a process has stopped.
WITH new AS (
    SELECT * FROM unnest(
        $1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[],
        $8::json[]
    ) AS t (position, event_id, topic, key, sequence, type, cause, data)
), logged AS (
    INSERT INTO events (position, event_id, topic, key, sequence, type, at, cause, data)
    SELECT position, event_id, topic, key, sequence, type, $9, cause, data FROM new
), to_publish AS (
    INSERT INTO outbox (position, topic, key)
    SELECT position, topic, coalesce(key, '') FROM new
)
SELECT e.position, e.event_id, e.topic, e.key, e.sequence, e.type, e.at, e.cause, e.data
FROM unnest($10::text[], $11::text[]) AS t (topic, key)
JOIN outbox AS o ON o.topic = t.topic AND o.key = t.key
JOIN events AS e ON e.position = o.position
ORDER BY e.position
