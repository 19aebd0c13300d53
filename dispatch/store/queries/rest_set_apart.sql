-- What is left of a row waits on; without anything left ($3) it is gone.
WITH gone AS (DELETE FROM set_apart WHERE number = $1 AND $3::bytea IS NULL)
UPDATE set_apart SET records = $2, held = $3 WHERE number = $1 AND $3 IS NOT NULL
