-- How far refusals were counted. Rows of the same partition that are a million offsets behind go:
-- intakes begin where positions say, and those are noted with the count.
WITH noted AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::bigint[])
        AS t (incarnation, topic, partition, source, next_offset)
), gone AS (
    DELETE FROM counted AS c USING noted AS n
    WHERE (c.incarnation, c.topic, c.partition) = (n.incarnation, n.topic, n.partition)
        AND c.next_offset < n.next_offset - 1000000
        AND c.source NOT IN (SELECT source FROM noted)
)
INSERT INTO counted AS c (incarnation, topic, partition, source, next_offset)
SELECT * FROM noted
ON CONFLICT (incarnation, topic, partition, source) DO UPDATE
SET next_offset = greatest(c.next_offset, excluded.next_offset)
