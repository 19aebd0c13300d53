-- The worker's role, made once when the database is empty; its password is read from its secret.
\set ON_ERROR_STOP on
\set password `cat /run/secrets/database_worker_password`
CREATE ROLE dispatch_worker LOGIN PASSWORD :'password';
