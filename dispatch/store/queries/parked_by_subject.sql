-- How many wait, by whom they wait for and whose they are.
SELECT call_id AS subject, topic, source, count(*) AS inputs FROM parked GROUP BY 1, 2, 3
