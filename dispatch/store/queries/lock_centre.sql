-- The one writer, for so many milliseconds at most, however it was stopped: PostgreSQL 17 sees to it.
-- Where the time is the database's ($2), it is that of its clock, and never before the last one:
-- behind a clock that was ahead of this it goes on at the pace $3, until this has caught up.
UPDATE centre SET
    version = version + 1,
    last_now = CASE
        WHEN $2
        THEN greatest(
            clock_timestamp(),
            last_now + $3::float8 * greatest(clock_timestamp() - last_clock, interval '0')
        )
        ELSE last_now
    END,
    last_clock = CASE WHEN $2 THEN clock_timestamp() ELSE last_clock END
RETURNING
    version,
    mode,
    last_now,
    last_clock,
    parked_version,
    CASE
        WHEN current_setting('server_version_num')::integer >= 170000
        THEN set_config('transaction_timeout', $1, true)
    END AS bounded
