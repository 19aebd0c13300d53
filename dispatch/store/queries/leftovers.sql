SELECT e.position, e.event_id, e.topic, e.key, e.sequence, e.type, e.at, e.cause, e.data
FROM outbox AS o JOIN events AS e ON e.position = o.position
WHERE o.written_at <= clock_timestamp() - make_interval(secs => $1)
ORDER BY o.position LIMIT $2
