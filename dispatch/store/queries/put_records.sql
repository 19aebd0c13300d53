-- Everything that a transaction has changed, at once: each statement costs a way there and back.
-- What is new replaces nothing: an id that is taken makes this fail.
WITH put_units AS (
    INSERT INTO units (unit_id, version, state)
    SELECT id, $1, state FROM unnest($2::text[], $3::json[]) AS t (id, state)
    ON CONFLICT (unit_id) DO UPDATE SET version = excluded.version, state = excluded.state
), put_hospitals AS (
    INSERT INTO hospitals (hospital_id, version, state)
    SELECT id, $1, state FROM unnest($4::text[], $5::json[]) AS t (id, state)
    ON CONFLICT (hospital_id) DO UPDATE SET version = excluded.version, state = excluded.state
), the_incidents AS (
    SELECT * FROM unnest($6::text[], $7::json[], $8::boolean[], $9::boolean[])
        AS t (id, state, open, new)
), new_incidents AS (
    INSERT INTO incidents (incident_id, version, state, open)
    SELECT id, $1, state, open FROM the_incidents WHERE new
), changed_incidents AS (
    INSERT INTO incidents (incident_id, version, state, open)
    SELECT id, $1, state, open FROM the_incidents WHERE NOT new
    ON CONFLICT (incident_id) DO UPDATE
    SET version = excluded.version, open = excluded.open, state = excluded.state
), the_calls AS (
    SELECT * FROM unnest($10::text[], $11::json[], $12::text[], $13::boolean[])
        AS t (id, state, incident_id, new)
), new_calls AS (
    INSERT INTO calls (call_id, version, state, incident_id)
    SELECT id, $1, state, incident_id FROM the_calls WHERE new
), changed_calls AS (
    INSERT INTO calls (call_id, version, state, incident_id)
    SELECT id, $1, state, incident_id FROM the_calls WHERE NOT new
    ON CONFLICT (call_id) DO UPDATE
    SET version = excluded.version, incident_id = excluded.incident_id, state = excluded.state
), the_assignments AS (
    SELECT * FROM unnest($14::text[], $15::json[], $16::text[], $17::boolean[])
        AS t (id, state, incident_id, new)
), new_assignments AS (
    INSERT INTO assignments (assignment_id, version, state, incident_id)
    SELECT id, $1, state, incident_id FROM the_assignments WHERE new
), changed_assignments AS (
    INSERT INTO assignments (assignment_id, version, state, incident_id)
    SELECT id, $1, state, incident_id FROM the_assignments WHERE NOT new
    ON CONFLICT (assignment_id) DO UPDATE
    SET version = excluded.version, state = excluded.state
), the_handovers AS (
    SELECT * FROM unnest($18::text[], $19::json[], $20::text[], $21::text[], $22::boolean[], $23::boolean[])
        AS t (id, state, incident_id, hospital_id, open, new)
), new_handovers AS (
    INSERT INTO handovers (handover_id, version, state, incident_id, hospital_id, open)
    SELECT id, $1, state, incident_id, hospital_id, open FROM the_handovers WHERE new
), changed_handovers AS (
    INSERT INTO handovers (handover_id, version, state, incident_id, hospital_id, open)
    SELECT id, $1, state, incident_id, hospital_id, open FROM the_handovers WHERE NOT new
    ON CONFLICT (handover_id) DO UPDATE
    SET version = excluded.version, open = excluded.open, state = excluded.state
), the_jobs AS (
    SELECT * FROM unnest($24::text[], $25::json[], $26::text[], $27::boolean[], $28::boolean[])
        AS t (id, state, incident_id, open, new)
), new_jobs AS (
    INSERT INTO jobs (job_id, version, state, incident_id, open)
    SELECT id, $1, state, incident_id, open FROM the_jobs WHERE new
), changed_jobs AS (
    INSERT INTO jobs (job_id, version, state, incident_id, open)
    SELECT id, $1, state, incident_id, open FROM the_jobs WHERE NOT new
    ON CONFLICT (job_id) DO UPDATE
    SET version = excluded.version, open = excluded.open, state = excluded.state
), the_papers AS (
    SELECT * FROM unnest($29::text[], $30::json[], $31::text[], $32::text[], $33::boolean[], $34::boolean[])
        AS t (id, state, kind, owner, open, new)
), new_papers AS (
    INSERT INTO papers (id, version, state, kind, owner, open)
    SELECT id, $1, state, kind, owner, open FROM the_papers WHERE new
), changed_papers AS (
    INSERT INTO papers (id, version, state, kind, owner, open)
    SELECT id, $1, state, kind, owner, open FROM the_papers WHERE NOT new
    ON CONFLICT (kind, id) DO UPDATE
    SET version = excluded.version, open = excluded.open, state = excluded.state
), put_occupations AS (
    -- Those that ended come first, so that a unit is free before it is occupied again.
    INSERT INTO occupations (occupation_id, unit_id, kind, since, until)
    SELECT id, unit_id, kind, since, until
    FROM unnest($35::text[], $36::text[], $37::text[], $38::timestamptz[], $39::timestamptz[])
        AS t (id, unit_id, kind, since, until)
    ORDER BY until IS NULL
    ON CONFLICT (occupation_id) DO UPDATE SET until = excluded.until
)
-- And here, so that a place is free before it is promised again.
INSERT INTO promises (promise_id, hospital_id, room, place, open)
SELECT id, hospital_id, room, place, open
FROM unnest($40::text[], $41::text[], $42::text[], $43::integer[], $44::boolean[])
    AS t (id, hospital_id, room, place, open)
ORDER BY open
ON CONFLICT (promise_id) DO UPDATE SET open = excluded.open
