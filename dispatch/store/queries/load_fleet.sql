-- Units and hospitals written after a version.
SELECT 'Unit' AS kind, state FROM units WHERE version > $1
UNION ALL
SELECT 'Hospital', state FROM hospitals WHERE version > $1
