-- What is known of some inputs: which came before, on what topic and with what content; whose the
-- ids are that they name or bring in, as calls, transfers or batches; the calls that look like trips
-- of batches that they bring in.
SELECT 'seen' AS kind, identity AS id, digest, topic FROM inbox WHERE identity = ANY($1::text[])
UNION ALL
SELECT 'incident', incident_id, NULL, NULL FROM calls WHERE call_id = ANY($2::text[])
UNION ALL
SELECT 'incident', owner, NULL, NULL FROM papers WHERE kind = 'Batch' AND owner = ANY($2::text[])
UNION ALL
SELECT 'incident', incident_id, NULL, NULL FROM calls
WHERE call_id ~ '\.T[0-9]+$' AND substring(call_id FROM '^(.+)\.T[0-9]+$') = ANY($3::text[])
