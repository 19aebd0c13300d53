-- Rows that were taken ($1) are gone; of the last, $2, waits what is left of it ($4), if anything is.
WITH gone AS (
    DELETE FROM set_apart WHERE number = ANY($1) AND (number <> $2 OR $4::bytea IS NULL)
)
UPDATE set_apart SET records = $3, held = $4 WHERE number = $2 AND $4 IS NOT NULL
