SELECT position, event_id, topic, key, type, at, data FROM events
WHERE type = ANY ($1::text[]) ORDER BY position
