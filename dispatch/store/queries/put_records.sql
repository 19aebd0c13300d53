-- Everything that a transaction has changed, at once: each statement costs a way there and back.
WITH put_units AS (
    INSERT INTO units (unit_id, version, state)
    SELECT id, $1, state FROM unnest($2::text[], $3::json[]) AS t (id, state)
    ON CONFLICT (unit_id) DO UPDATE SET version = excluded.version, state = excluded.state
), put_hospitals AS (
    INSERT INTO hospitals (hospital_id, version, state)
    SELECT id, $1, state FROM unnest($4::text[], $5::json[]) AS t (id, state)
    ON CONFLICT (hospital_id) DO UPDATE SET version = excluded.version, state = excluded.state
), put_incidents AS (
    INSERT INTO incidents (incident_id, version, open, state)
    SELECT id, $1, open, state
    FROM unnest($6::text[], $7::json[], $8::boolean[]) AS t (id, state, open)
    ON CONFLICT (incident_id) DO UPDATE
    SET version = excluded.version, open = excluded.open, state = excluded.state
), put_calls AS (
    INSERT INTO calls (call_id, incident_id, version, state)
    SELECT id, incident_id, $1, state
    FROM unnest($9::text[], $10::json[], $11::text[]) AS t (id, state, incident_id)
    ON CONFLICT (call_id) DO UPDATE
    SET version = excluded.version, incident_id = excluded.incident_id, state = excluded.state
), put_assignments AS (
    INSERT INTO assignments (assignment_id, incident_id, version, state)
    SELECT id, incident_id, $1, state
    FROM unnest($12::text[], $13::json[], $14::text[]) AS t (id, state, incident_id)
    ON CONFLICT (assignment_id) DO UPDATE SET version = excluded.version, state = excluded.state
), put_handovers AS (
    INSERT INTO handovers (handover_id, incident_id, version, hospital_id, open, state)
    SELECT id, incident_id, $1, hospital_id, open, state
    FROM unnest($15::text[], $16::json[], $17::text[], $18::text[], $19::boolean[])
        AS t (id, state, incident_id, hospital_id, open)
    ON CONFLICT (handover_id) DO UPDATE
    SET version = excluded.version, open = excluded.open, state = excluded.state
), put_jobs AS (
    INSERT INTO jobs (job_id, incident_id, version, open, state)
    SELECT id, incident_id, $1, open, state
    FROM unnest($20::text[], $21::json[], $22::text[], $23::boolean[])
        AS t (id, state, incident_id, open)
    ON CONFLICT (job_id) DO UPDATE
    SET version = excluded.version, open = excluded.open, state = excluded.state
), put_papers AS (
    INSERT INTO papers (id, state, kind, owner, version, open)
    SELECT id, state, kind, owner, $1, open
    FROM unnest($24::text[], $25::json[], $26::text[], $27::text[], $28::boolean[])
        AS t (id, state, kind, owner, open)
    ON CONFLICT (kind, id) DO UPDATE
    SET version = excluded.version, open = excluded.open, state = excluded.state
), put_occupations AS (
    -- Those that ended come first, so that a unit is free before it is occupied again.
    INSERT INTO occupations (occupation_id, unit_id, kind, since, until)
    SELECT id, unit_id, kind, since, until
    FROM unnest($29::text[], $30::text[], $31::text[], $32::timestamptz[], $33::timestamptz[])
        AS t (id, unit_id, kind, since, until)
    ORDER BY until IS NULL
    ON CONFLICT (occupation_id) DO UPDATE SET until = excluded.until
)
-- And here, so that a place is free before it is promised again.
INSERT INTO promises (promise_id, hospital_id, room, place, open)
SELECT id, hospital_id, room, place, open
FROM unnest($34::text[], $35::text[], $36::text[], $37::integer[], $38::boolean[])
    AS t (id, hospital_id, room, place, open)
ORDER BY open
ON CONFLICT (promise_id) DO UPDATE SET open = excluded.open
