-- The mode before the first switch; without one, the mode it still is.
SELECT coalesce(
    (SELECT data ->> 'before' FROM events WHERE type = 'city.mode_changed' ORDER BY position LIMIT 1),
    (SELECT mode FROM centre)
)
