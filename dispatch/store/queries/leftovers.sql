-- Old enough, and nothing younger before them in their stream: a clock may have been set back.
-- Old enough at one instant, or an event would be found whose elders were still too young.
SELECT e.position, e.event_id, e.topic, e.key, e.sequence, e.type, e.at, e.cause, e.data
FROM outbox AS o JOIN events AS e ON e.position = o.position
WHERE o.written_at <= statement_timestamp() - make_interval(secs => $1)
  AND NOT EXISTS (
    SELECT FROM outbox AS young
    WHERE young.topic = o.topic AND young.key = o.key AND young.position < o.position
      AND young.written_at > statement_timestamp() - make_interval(secs => $1)
  )
ORDER BY o.position LIMIT $2
