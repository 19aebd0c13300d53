-- What is known of some inputs: which came before and with what content; the incidents of calls,
-- and batches whose ids calls have taken; the calls that something waits for.
SELECT 'seen' AS kind, identity AS id, digest FROM inbox WHERE identity = ANY($1::text[])
UNION ALL
SELECT 'incident', incident_id, NULL FROM calls WHERE call_id = ANY($2::text[])
UNION ALL
SELECT 'incident', owner, NULL FROM papers WHERE kind = 'Batch' AND owner = ANY($2::text[])
UNION ALL
SELECT 'awaited', call_id, NULL FROM parked WHERE call_id = ANY($3::text[])
