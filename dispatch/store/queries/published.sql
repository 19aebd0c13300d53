-- This commit need not wait for the disk: what a crash makes of it is published once more.
DELETE FROM outbox
WHERE position = ANY($1::bigint[]) AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
