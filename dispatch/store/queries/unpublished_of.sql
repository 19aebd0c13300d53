-- What some inputs caused and is not known to be published, with what stands before it in its stream.
SELECT e.position, e.event_id, e.topic, e.key, e.sequence, e.type, e.at, e.cause, e.data
FROM outbox AS o JOIN events AS e ON e.position = o.position
WHERE (o.topic, o.key) IN (
    SELECT o.topic, o.key FROM outbox AS o JOIN events AS e ON e.position = o.position
    WHERE e.cause = ANY($1::text[])
)
ORDER BY e.position
