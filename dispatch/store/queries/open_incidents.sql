-- What is not over. Clocks and reports of what is over are read when they are due.
SELECT incident_id FROM incidents WHERE open
UNION
SELECT incident_id FROM jobs WHERE open
UNION
SELECT owner FROM papers WHERE open AND kind NOT IN ('Clock', 'Report')
UNION
SELECT 'city'
