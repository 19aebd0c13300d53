INSERT INTO inbox (identity, digest, outcome, at)
SELECT identity, digest, outcome, $4
FROM unnest($1::text[], $2::bytea[], $3::text[]) AS t (identity, digest, outcome)
