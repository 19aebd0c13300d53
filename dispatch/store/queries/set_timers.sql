INSERT INTO timers (timer_id, kind, subject, due_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
ON CONFLICT (timer_id) DO UPDATE SET due_at = excluded.due_at
