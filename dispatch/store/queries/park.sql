INSERT INTO parked (identity, call_id, topic, partition, "offset", timestamp_ms, key, value,
                    header_names, header_values)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
