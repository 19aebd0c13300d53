-- Of the sender whose turn it is, the next after one ($1, $2) or else the first, of some ($5, $6) or
-- of all (null): its oldest rows, until they hold so many records ($3) or bytes ($4). One that
-- trickles has a row for each batch.
WITH turn AS (
    SELECT topic, source FROM set_apart WHERE number = coalesce(
        (SELECT number FROM set_apart
         WHERE (topic, source) > ($1, $2)
         AND ($5::text[] IS NULL OR (topic, source) IN (SELECT * FROM unnest($5::text[], $6::text[])))
         ORDER BY topic, source, number LIMIT 1),
        (SELECT number FROM set_apart
         WHERE $5::text[] IS NULL OR (topic, source) IN (SELECT * FROM unnest($5::text[], $6::text[]))
         ORDER BY topic, source, number LIMIT 1)
    )
), oldest AS (
    SELECT number, topic, source, records, held FROM set_apart
    WHERE (topic, source) = (SELECT topic, source FROM turn)
    ORDER BY number LIMIT $3
)
SELECT number, topic, source, held FROM (
    SELECT number, topic, source, held,
        sum(records) OVER so_far - records AS records_before,
        sum(octet_length(held)) OVER so_far AS bytes,
        row_number() OVER so_far AS place
    FROM oldest WINDOW so_far AS (ORDER BY number)
) AS counted
WHERE place = 1 OR (records_before < $3 AND bytes <= $4)
ORDER BY number
