-- What a worker may do; run as the tables' owner after each `dispatch migrate`.
\set ON_ERROR_STOP on
GRANT USAGE ON SCHEMA public TO dispatch_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO dispatch_worker;
GRANT SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO dispatch_worker;
REVOKE INSERT, UPDATE, DELETE ON schema_version FROM dispatch_worker;
REVOKE UPDATE, DELETE ON events FROM dispatch_worker;
