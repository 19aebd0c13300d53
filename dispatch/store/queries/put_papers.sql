INSERT INTO papers (kind, id, owner, version, open, state)
SELECT kind, id, owner, $1, open, state
FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::json[])
     AS t (kind, id, owner, open, state)
ON CONFLICT (kind, id) DO UPDATE
SET version = excluded.version, open = excluded.open, state = excluded.state
