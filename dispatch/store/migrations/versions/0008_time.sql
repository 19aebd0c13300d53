-- The city's time, as it was committed last: a server whose clock is behind goes on from there.
ALTER TABLE centre ADD COLUMN last_now timestamptz, ADD COLUMN last_clock timestamptz;
COMMENT ON COLUMN centre.last_now IS 'The time at which was decided last; null before the first.';
COMMENT ON COLUMN centre.last_clock IS 'What the server''s own clock said then.';
