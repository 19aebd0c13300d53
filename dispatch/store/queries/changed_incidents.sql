-- Incidents, transfers and batches of which anything but a clock was written after a version.
SELECT incident_id FROM incidents WHERE version > $1
UNION
SELECT incident_id FROM calls WHERE version > $1
UNION
SELECT incident_id FROM assignments WHERE version > $1
UNION
SELECT incident_id FROM handovers WHERE version > $1
UNION
SELECT incident_id FROM jobs WHERE version > $1
UNION
SELECT owner FROM papers WHERE version > $1 AND kind <> 'Clock' AND owner <> 'city'
