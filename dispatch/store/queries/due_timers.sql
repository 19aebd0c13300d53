-- At one instant clocks come last: what is done at the very end of a limit is in time.
-- Those of some kinds ($3) wait, as the first so many ($4) of the others do.
SELECT timer_id, kind, subject, due_at FROM timers
WHERE due_at <= $1 AND kind <> ALL($3::text[])
ORDER BY due_at, kind = 'clock', timer_id LIMIT $2 OFFSET $4
