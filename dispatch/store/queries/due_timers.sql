-- At one instant clocks come last: what is done at the very end of a limit is in time.
-- Those of some kinds ($3) wait, as the first so many ($4) of the others do, and what was parked
-- after a time ($5).
SELECT timer_id, kind, subject, due_at FROM timers
WHERE due_at <= $1 AND kind <> ALL($3::text[])
  AND ($5::timestamptz IS NULL OR kind <> 'parked'
       OR ((SELECT at FROM inbox WHERE inbox.identity = timers.subject) > $5) IS NOT TRUE)
ORDER BY due_at, kind = 'clock', timer_id LIMIT $2 OFFSET $4
