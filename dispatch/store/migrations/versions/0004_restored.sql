ALTER TABLE centre ADD COLUMN sequence_floor bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN centre.sequence_floor IS
    'Every number given to an event is above it: what a restored database tells is new to readers.';
