-- What waits for some subjects, and some inputs by what they are called; the inbox has since when.
SELECT identity, call_id AS subject, source, unknown, number, topic, partition, "offset",
       timestamp_ms, key, value, header_names, header_values,
       (SELECT at FROM inbox WHERE inbox.identity = parked.identity) AS since
FROM parked WHERE call_id = ANY($1::text[]) OR identity = ANY($2::text[])
