-- At one instant clocks come last: what is done at the very end of a limit is in time.
SELECT timer_id, kind, subject, due_at FROM timers
WHERE due_at <= $1 ORDER BY due_at, kind = 'clock', timer_id LIMIT $2
