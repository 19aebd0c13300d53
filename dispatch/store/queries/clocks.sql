-- The clocks that run; with the first parameter the latest that have ended, too.
SELECT kind, state FROM papers
WHERE kind = 'Clock' AND open AND ($2::text IS NULL OR state ->> 'kind' = $2)
UNION ALL
(
    SELECT kind, state FROM papers
    WHERE $1::boolean AND kind = 'Clock' AND NOT open
    AND ($2::text IS NULL OR state ->> 'kind' = $2)
    ORDER BY version DESC LIMIT $3
)
