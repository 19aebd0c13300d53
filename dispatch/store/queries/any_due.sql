-- Whether any timer is due, but for those of some kinds ($2).
SELECT EXISTS (SELECT FROM timers WHERE due_at <= $1 AND kind <> ALL($2::text[]))
