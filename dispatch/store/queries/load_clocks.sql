-- Some clocks, without what else belongs to their owners.
SELECT kind, state FROM papers WHERE kind = 'Clock' AND id = ANY($1::text[])
