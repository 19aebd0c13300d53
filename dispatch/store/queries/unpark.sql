-- They wait no more; the inbox tells what became of them.
WITH unparked AS (DELETE FROM parked WHERE identity = ANY($1::text[]))
UPDATE inbox SET outcome = ended.outcome
FROM unnest($1::text[], $2::text[]) AS ended (identity, outcome)
WHERE inbox.identity = ended.identity
