-- What waits for some subjects, and some inputs by what they are called.
SELECT identity, call_id AS subject, source, unknown, number, topic, partition, "offset",
       timestamp_ms, key, value, header_names, header_values
FROM parked WHERE call_id = ANY($1::text[]) OR identity = ANY($2::text[])
