-- Clocks, and what belongs to the city, written after a version, and whose they are.
SELECT owner, kind, state FROM papers WHERE version > $1 AND (kind = 'Clock' OR owner = 'city')
