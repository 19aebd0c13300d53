SELECT position, event_id::text, topic, key, type, at, data FROM events
WHERE position = ANY ($1::bigint[]) ORDER BY position
