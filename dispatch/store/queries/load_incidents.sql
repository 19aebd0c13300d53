-- Everything that belongs to some incidents, transfers or batches; of the city, what is open.
SELECT 'Incident' AS kind, state FROM incidents WHERE incident_id = ANY($1::text[])
UNION ALL
SELECT 'CallRecord', state FROM calls WHERE incident_id = ANY($1::text[])
UNION ALL
SELECT 'Assignment', state FROM assignments WHERE incident_id = ANY($1::text[])
UNION ALL
SELECT 'Handover', state FROM handovers WHERE incident_id = ANY($1::text[])
UNION ALL
SELECT 'Job', state FROM jobs WHERE incident_id = ANY($1::text[])
UNION ALL
SELECT kind, state FROM papers WHERE owner = ANY($1::text[]) AND (open OR owner <> 'city')
