INSERT INTO handovers (handover_id, incident_id, version, hospital_id, open, state)
SELECT id, incident_id, $1, hospital_id, open, state
FROM unnest($2::text[], $3::json[], $4::text[], $5::text[], $6::boolean[])
     AS t (id, state, incident_id, hospital_id, open)
ON CONFLICT (handover_id) DO UPDATE
SET version = excluded.version, open = excluded.open, state = excluded.state
