-- What holds for the session, by names and values.
SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS t (name, value)
