-- The incidents of calls, and batches whose ids calls have taken.
SELECT incident_id FROM calls WHERE call_id = ANY($1::text[])
UNION
SELECT owner FROM papers WHERE kind = 'Batch' AND owner = ANY($1::text[])
