CREATE TABLE binding (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    database_id text NOT NULL,
    name text NOT NULL,
    bound_at timestamptz NOT NULL,
    succeeds text[] NOT NULL,
    cluster_id text NOT NULL,
    topic_prefix text NOT NULL,
    server text NOT NULL,
    database_oid bigint NOT NULL
);
COMMENT ON TABLE binding IS 'Whose topics this database alone reads; no row before the first worker.';
COMMENT ON COLUMN binding.succeeds IS 'Ids of the databases whose place this one has taken.';
COMMENT ON COLUMN binding.server IS
    'The server''s system identifier; another one, or another oid, and this is a copy. Empty where it can''t be read.';
