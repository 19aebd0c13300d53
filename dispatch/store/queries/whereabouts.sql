SELECT
    current_database() AS name,
    oid::bigint AS oid,
    has_function_privilege('pg_control_system()', 'EXECUTE') AS may_know_server
FROM pg_database WHERE datname = current_database()
