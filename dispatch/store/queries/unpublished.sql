-- Which of some events are not known to be published.
SELECT position FROM outbox WHERE position = ANY($1::bigint[])
