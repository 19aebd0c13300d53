-- What waits is known by whom it waits for, which need be no call: `call_id` holds any subject.
ALTER TABLE parked
    ADD COLUMN source text NOT NULL DEFAULT '',
    ADD COLUMN unknown boolean NOT NULL DEFAULT true;
COMMENT ON TABLE parked IS 'Inputs that are not legal yet, until they are, or their time is over.';
COMMENT ON COLUMN parked.call_id IS
    'The subject: a call, incident, transfer or batch, or unit/<unit_id> or hospital/<hospital_id>.';
COMMENT ON COLUMN parked.source IS 'Whose it counts as, of those that wait.';
COMMENT ON COLUMN parked.unknown IS 'Whether it refers to what nobody has heard of.';

ALTER TABLE centre ADD COLUMN parked_version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN centre.parked_version IS 'The version that last changed what is parked.';

-- An input that crossed with something else was answered, and had no effect. What is there keeps to
-- the narrower check of before: NOT VALID spares a look at the whole inbox, with everybody waiting.
ALTER TABLE inbox DROP CONSTRAINT inbox_outcome_check;
ALTER TABLE inbox ADD CONSTRAINT inbox_outcome_check
    CHECK (outcome IN ('accepted', 'duplicate', 'rejected', 'parked', 'crossed')) NOT VALID;

-- Who stands at `handed_over` since before is assumed to set out, too, as after a handover of now.
INSERT INTO timers (timer_id, kind, subject, due_at)
SELECT 'setting_out/' || unit_id, 'setting_out', unit_id, clock_timestamp() + interval '1 hour'
FROM units
WHERE state ->> 'status' = 'handed_over' AND state ->> 'job_id' IS NULL;
