SELECT incident_id FROM calls WHERE call_id = ANY($1::text[])
