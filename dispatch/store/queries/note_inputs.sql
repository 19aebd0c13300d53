-- What became of inputs, and how far partitions were read.
WITH noted AS (
    INSERT INTO inbox (identity, digest, outcome, at)
    SELECT identity, digest, outcome, $4
    FROM unnest($1::text[], $2::bytea[], $3::text[]) AS t (identity, digest, outcome)
)
INSERT INTO positions AS p (incarnation, topic, partition, next_offset)
SELECT incarnation, topic, partition, next_offset
FROM unnest($5::text[], $6::text[], $7::integer[], $8::bigint[])
    AS t (incarnation, topic, partition, next_offset)
ON CONFLICT (incarnation, topic, partition) DO UPDATE
SET next_offset = greatest(p.next_offset, excluded.next_offset)
