DELETE FROM parked WHERE identity = ANY($1::text[])
