-- Everything that belongs to some incidents.
SELECT 'Incident' AS kind, state FROM incidents WHERE incident_id = ANY($1::text[])
UNION ALL
SELECT 'CallRecord', state FROM calls WHERE incident_id = ANY($1::text[])
UNION ALL
SELECT 'Assignment', state FROM assignments WHERE incident_id = ANY($1::text[])
UNION ALL
SELECT 'Handover', state FROM handovers WHERE incident_id = ANY($1::text[])
UNION ALL
SELECT 'Job', state FROM jobs WHERE incident_id = ANY($1::text[])
