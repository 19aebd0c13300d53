SELECT incident_id FROM incidents WHERE open
UNION
SELECT incident_id FROM jobs WHERE open
