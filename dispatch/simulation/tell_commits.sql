-- Tell the stage of every transaction of the service: each of them updates the centre.
CREATE OR REPLACE FUNCTION tell_stage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY dispatch_stage;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER tell_stage AFTER UPDATE ON centre
FOR EACH STATEMENT EXECUTE FUNCTION tell_stage();
