INSERT INTO hospitals (hospital_id, version, state)
SELECT id, $1, state FROM unnest($2::text[], $3::json[]) AS t (id, state)
ON CONFLICT (hospital_id) DO UPDATE SET version = excluded.version, state = excluded.state
