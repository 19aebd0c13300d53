-- How far refusals were counted before, of some partitions and sources.
SELECT incarnation, topic, partition, source, next_offset
FROM counted
JOIN unnest($1::text[], $2::text[], $3::integer[], $4::text[])
    AS t (incarnation, topic, partition, source)
    USING (incarnation, topic, partition, source)
