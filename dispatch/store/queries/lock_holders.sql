-- Who holds what a process waits for: not those who only queue for it themselves.
SELECT
    a.pid,
    coalesce(nullif(a.application_name, ''), a.backend_type) AS name,
    a.usename AS account,
    coalesce(a.xact_start, a.backend_start) AS since,
    (SELECT l.relation::regclass::text FROM pg_locks AS l
     WHERE l.pid = %(pid)s AND NOT l.granted AND l.relation IS NOT NULL LIMIT 1) AS relation
FROM unnest(pg_blocking_pids(%(pid)s)) AS b (pid)
JOIN pg_stat_activity AS a ON a.pid = b.pid
ORDER BY since
