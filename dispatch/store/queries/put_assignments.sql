INSERT INTO assignments (assignment_id, incident_id, version, state)
SELECT id, incident_id, $1, state
FROM unnest($2::text[], $3::json[], $4::text[]) AS t (id, state, incident_id)
ON CONFLICT (assignment_id) DO UPDATE SET version = excluded.version, state = excluded.state
