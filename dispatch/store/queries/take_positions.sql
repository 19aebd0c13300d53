-- Positions follow the order of commits: the centre is locked.
SELECT setval('event_positions', nextval('event_positions') + $1::bigint - 1) - $1::bigint + 1
