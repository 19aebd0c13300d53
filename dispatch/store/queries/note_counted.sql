INSERT INTO counted AS c (incarnation, topic, partition, source, next_offset)
SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::bigint[])
ON CONFLICT (incarnation, topic, partition, source) DO UPDATE
SET next_offset = greatest(c.next_offset, excluded.next_offset)
