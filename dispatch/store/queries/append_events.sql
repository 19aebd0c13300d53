-- No COPY: it costs as much, and no time limit ends one in which a process has stopped.
WITH new AS (
    SELECT * FROM unnest(
        $1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[],
        $8::json[]
    ) AS t (position, event_id, topic, key, sequence, type, cause, data)
), logged AS (
    INSERT INTO events (position, event_id, topic, key, sequence, type, at, cause, data)
    SELECT position, event_id, topic, key, sequence, type, $9, cause, data FROM new
)
INSERT INTO outbox (position, topic, key)
SELECT position, topic, coalesce(key, '') FROM new
