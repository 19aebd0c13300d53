-- Cancel timers ($1), and set others.
WITH cancelled AS (DELETE FROM timers WHERE timer_id = ANY($1::text[]))
INSERT INTO timers (timer_id, kind, subject, due_at)
SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[])
ON CONFLICT (timer_id) DO UPDATE SET due_at = excluded.due_at
