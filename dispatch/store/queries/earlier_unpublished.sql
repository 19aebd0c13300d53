SELECT e.position, e.event_id, e.topic, e.key, e.sequence, e.type, e.at, e.cause, e.data
FROM unnest($1::text[], $2::text[]) AS t (topic, key)
JOIN outbox AS o ON o.topic = t.topic AND o.key = t.key AND o.position < $3
JOIN events AS e ON e.position = o.position
ORDER BY e.position
