INSERT INTO binding (
    database_id, name, bound_at, succeeds, cluster_id, topic_prefix, server, database_oid
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (single) DO UPDATE SET
    database_id = excluded.database_id, name = excluded.name, bound_at = excluded.bound_at,
    succeeds = excluded.succeeds, cluster_id = excluded.cluster_id,
    topic_prefix = excluded.topic_prefix, server = excluded.server,
    database_oid = excluded.database_oid
