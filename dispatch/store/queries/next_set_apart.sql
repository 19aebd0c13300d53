-- The oldest of the sender whose turn it is: the next after one ($1, $2), else the first.
SELECT number, topic, source, held FROM set_apart
WHERE number = coalesce(
    (SELECT number FROM set_apart WHERE (topic, source) > ($1, $2)
     ORDER BY topic, source, number LIMIT 1),
    (SELECT number FROM set_apart ORDER BY topic, source, number LIMIT 1)
)
