-- What holds for the session, by names and values. Returns the timeline that the server writes on:
-- another one after each promotion; nothing from a server that only reads.
WITH set AS (
    SELECT set_config(name, value, false) AS value
    FROM unnest($1::text[], $2::text[]) AS t (name, value)
)
SELECT CASE
    WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8)
END AS timeline
FROM (SELECT count(value) FROM set) AS all_set
