-- Batches of which something has changed that the plan in force has not taken into account.
SELECT id FROM papers
WHERE kind = 'Batch' AND open AND state ->> 'status' NOT IN ('completed', 'cancelled')
  AND (state ->> 'revision')::int > (state ->> 'planned_revision')::int
