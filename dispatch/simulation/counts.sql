-- What the database holds, for a summary.
SELECT
    (SELECT count(*) FROM calls) AS calls,
    (SELECT count(*) FROM incidents) AS incidents,
    (SELECT count(*) FROM incidents WHERE open) AS open_incidents,
    (SELECT count(*) FROM assignments) AS assignments,
    (SELECT count(*) FROM handovers) AS handovers,
    (SELECT count(*) FROM jobs WHERE open) AS open_jobs,
    (SELECT count(*) FROM inbox) AS inputs,
    (SELECT count(*) FROM parked) AS parked,
    (SELECT count(*) FROM events) AS events,
    (SELECT count(*) FROM outbox) AS unpublished
