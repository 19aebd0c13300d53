-- Whether any timer is due, but for those of some kinds ($2), and what was parked after a time ($3).
SELECT EXISTS (
    SELECT FROM timers
    WHERE due_at <= $1 AND kind <> ALL($2::text[])
      AND ($3::timestamptz IS NULL OR kind <> 'parked'
           OR ((SELECT at FROM inbox WHERE inbox.identity = timers.subject) > $3) IS NOT TRUE)
)
