-- Let an input wait; `call_id` holds the subject that it waits for.
INSERT INTO parked (identity, call_id, source, unknown, topic, partition, "offset", timestamp_ms,
                    key, value, header_names, header_values)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
