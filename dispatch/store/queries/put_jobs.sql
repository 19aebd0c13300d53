INSERT INTO jobs (job_id, incident_id, version, open, state)
SELECT id, incident_id, $1, open, state
FROM unnest($2::text[], $3::json[], $4::text[], $5::boolean[]) AS t (id, state, incident_id, open)
ON CONFLICT (job_id) DO UPDATE
SET version = excluded.version, open = excluded.open, state = excluded.state
