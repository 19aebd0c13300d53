-- Those that ended come first, so that a room is free before it is promised again.
INSERT INTO handovers (handover_id, incident_id, version, hospital_id, room, place, open, state)
SELECT id, incident_id, $1, hospital_id, room, place, open, state
FROM unnest($2::text[], $3::jsonb[], $4::text[], $5::text[], $6::text[], $7::integer[],
            $8::boolean[]) AS t (id, state, incident_id, hospital_id, room, place, open)
ORDER BY open
ON CONFLICT (handover_id) DO UPDATE
SET version = excluded.version, open = excluded.open, state = excluded.state
