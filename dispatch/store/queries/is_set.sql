SELECT EXISTS (SELECT FROM timers WHERE timer_id = $1 AND due_at = $2)
