SELECT
    (SELECT count(*) FROM outbox) AS unpublished,
    coalesce((SELECT extract(epoch FROM clock_timestamp() - min(written_at)) FROM outbox), 0)
        AS oldest_unpublished_seconds,
    (SELECT count(*) FROM incidents WHERE open AND state ->> 'status' = 'waiting') AS waiting,
    (SELECT min((state ->> 'waiting_since')::timestamptz) FROM incidents
     WHERE open AND state ->> 'status' = 'waiting') AS waiting_since,
    (SELECT count(*) FROM parked) AS parked,
    (SELECT coalesce(sum(records), 0) FROM set_apart) AS set_apart
