SELECT identity, call_id, topic, partition, "offset", timestamp_ms, key, value,
       header_names, header_values
FROM parked WHERE call_id = ANY($1::text[]) OR identity = ANY($2::text[]) ORDER BY number
