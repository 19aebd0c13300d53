-- Those that ended come first, so that a place is free before it is promised again.
INSERT INTO promises (promise_id, hospital_id, room, place, open)
SELECT id, hospital_id, room, place, open
FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::boolean[])
     AS t (id, hospital_id, room, place, open)
ORDER BY open
ON CONFLICT (promise_id) DO UPDATE SET open = excluded.open
