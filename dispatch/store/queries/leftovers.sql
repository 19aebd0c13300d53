-- Old enough, and nothing younger before them in their stream: a clock may have been set back.
-- Old enough at one instant, or an event would be found whose elders were still too young.
-- Each stream is gone through once: comparing its events in pairs takes minutes when it has many.
SELECT e.position, e.event_id, e.topic, e.key, e.sequence, e.type, e.at, e.cause, e.data
FROM (
    SELECT position, bool_or(written_at > statement_timestamp() - make_interval(secs => $1))
        OVER (PARTITION BY topic, key ORDER BY position) AS too_young
    FROM outbox
) AS o JOIN events AS e ON e.position = o.position
WHERE NOT o.too_young
ORDER BY o.position LIMIT $2
