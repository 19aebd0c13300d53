-- Number events from now on above all numbers given so far, here or where this database is a copy
-- of: microseconds since 1970 pass faster than events.
UPDATE centre SET sequence_floor = greatest(
    sequence_floor, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint
)
