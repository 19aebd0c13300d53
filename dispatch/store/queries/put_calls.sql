INSERT INTO calls (call_id, incident_id, version, state)
SELECT id, incident_id, $1, state
FROM unnest($2::text[], $3::json[], $4::text[]) AS t (id, state, incident_id)
ON CONFLICT (call_id) DO UPDATE
SET version = excluded.version, incident_id = excluded.incident_id, state = excluded.state
