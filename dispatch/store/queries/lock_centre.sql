-- The one writer, for so many milliseconds at most, however it was stopped: PostgreSQL 17 sees to it.
UPDATE centre SET version = version + 1
RETURNING
    version,
    mode,
    CASE
        WHEN current_setting('server_version_num')::integer >= 170000
        THEN set_config('transaction_timeout', $1, true)
    END AS bounded
