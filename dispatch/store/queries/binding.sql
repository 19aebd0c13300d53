SELECT database_id, name, bound_at, succeeds, cluster_id, topic_prefix, server, database_oid
FROM binding
