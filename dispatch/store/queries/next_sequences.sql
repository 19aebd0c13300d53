-- Give each stream as many numbers as it has new events; returns the last one given.
INSERT INTO streams AS s (topic, key, sequence)
SELECT topic, key, count FROM unnest($1::text[], $2::text[], $3::bigint[]) AS t (topic, key, count)
ORDER BY topic, key
ON CONFLICT (topic, key) DO UPDATE SET sequence = s.sequence + excluded.sequence
RETURNING topic, key, sequence
