-- Whether any timer is due, and whether anything is parked.
SELECT EXISTS (SELECT FROM timers WHERE due_at <= $1) AS due, EXISTS (SELECT FROM parked) AS parked
