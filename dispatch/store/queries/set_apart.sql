INSERT INTO set_apart (topic, source, records, held)
SELECT topic, source, records, held
FROM unnest($1::text[], $2::text[], $3::integer[], $4::bytea[])
    AS t (topic, source, records, held)
