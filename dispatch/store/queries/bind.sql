-- The first of several workers binds the database.
INSERT INTO binding (
    database_id, name, bound_at, succeeds, cluster_id, topic_prefix, server, database_oid
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (single) DO NOTHING
