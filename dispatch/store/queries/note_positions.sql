INSERT INTO positions AS p (incarnation, topic, partition, next_offset)
SELECT incarnation, topic, partition, next_offset
FROM unnest($1::text[], $2::text[], $3::integer[], $4::bigint[])
    AS t (incarnation, topic, partition, next_offset)
ON CONFLICT (incarnation, topic, partition) DO UPDATE
SET next_offset = greatest(p.next_offset, excluded.next_offset)
