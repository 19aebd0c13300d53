INSERT INTO incidents (incident_id, version, open, state)
SELECT id, $1, open, state
FROM unnest($2::text[], $3::json[], $4::boolean[]) AS t (id, state, open)
ON CONFLICT (incident_id) DO UPDATE
SET version = excluded.version, open = excluded.open, state = excluded.state
