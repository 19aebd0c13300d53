SELECT position, event_id::text, topic, key, type, at, data FROM events
WHERE type = ANY ($1::text[]) ORDER BY position
