-- Those that ended come first, so that a unit is free before it is occupied again.
INSERT INTO occupations (occupation_id, unit_id, kind, since, until)
SELECT id, unit_id, kind, since, until
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[])
     AS t (id, unit_id, kind, since, until)
ORDER BY until IS NULL
ON CONFLICT (occupation_id) DO UPDATE SET until = excluded.until
