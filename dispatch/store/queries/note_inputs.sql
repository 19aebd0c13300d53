-- What became of inputs, and how far partitions were read.
WITH noted AS (
    INSERT INTO inbox (identity, digest, outcome, topic, at)
    SELECT identity, digest, outcome, topic, $5
    FROM unnest($1::text[], $2::bytea[], $3::text[], $4::text[])
        AS t (identity, digest, outcome, topic)
)
INSERT INTO positions AS p (incarnation, topic, partition, next_offset)
SELECT incarnation, topic, partition, next_offset
FROM unnest($6::text[], $7::text[], $8::integer[], $9::bigint[])
    AS t (incarnation, topic, partition, next_offset)
ON CONFLICT (incarnation, topic, partition) DO UPDATE
SET next_offset = greatest(p.next_offset, excluded.next_offset)
