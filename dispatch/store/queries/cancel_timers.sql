DELETE FROM timers WHERE timer_id = ANY($1::text[])
