-- The spine: what the service remembers, what came in, what goes out.
-- State is the whole record as JSON; the columns beside it are what the database itself guards.

CREATE TABLE centre (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    version bigint NOT NULL DEFAULT 0,
    mode text NOT NULL DEFAULT 'epidemic' CHECK (mode IN ('epidemic', 'routine'))
);
COMMENT ON TABLE centre IS 'One row, locked by whoever writes: one writer at a time a city.';
INSERT INTO centre DEFAULT VALUES;

CREATE TABLE units (
    unit_id text PRIMARY KEY,
    version bigint NOT NULL,
    state jsonb NOT NULL
);
CREATE INDEX ON units (version);

CREATE TABLE hospitals (
    hospital_id text PRIMARY KEY,
    version bigint NOT NULL,
    state jsonb NOT NULL
);
CREATE INDEX ON hospitals (version);

CREATE TABLE incidents (
    incident_id text PRIMARY KEY,
    version bigint NOT NULL,
    open boolean NOT NULL,
    state jsonb NOT NULL
);
CREATE INDEX ON incidents (version);
CREATE INDEX ON incidents (incident_id) WHERE open;

CREATE TABLE calls (
    call_id text PRIMARY KEY,
    incident_id text NOT NULL,
    version bigint NOT NULL,
    state jsonb NOT NULL
);
CREATE INDEX ON calls (version);
CREATE INDEX ON calls (incident_id);

CREATE TABLE assignments (
    assignment_id text PRIMARY KEY,
    incident_id text NOT NULL,
    version bigint NOT NULL,
    state jsonb NOT NULL
);
CREATE INDEX ON assignments (version);
CREATE INDEX ON assignments (incident_id);

CREATE TABLE handovers (
    handover_id text PRIMARY KEY,
    incident_id text NOT NULL,
    version bigint NOT NULL,
    hospital_id text NOT NULL,
    room text NOT NULL,
    place integer,
    open boolean NOT NULL,
    state jsonb NOT NULL
);
CREATE INDEX ON handovers (version);
CREATE INDEX ON handovers (incident_id);
CREATE UNIQUE INDEX no_room_is_promised_twice
    ON handovers (hospital_id, room, place) WHERE open AND place IS NOT NULL;

CREATE TABLE jobs (
    job_id text PRIMARY KEY,
    incident_id text NOT NULL,
    version bigint NOT NULL,
    open boolean NOT NULL,
    state jsonb NOT NULL
);
CREATE INDEX ON jobs (version);
CREATE INDEX ON jobs (incident_id);
CREATE INDEX ON jobs (job_id) WHERE open;

-- A unit is on one assignment or in one disinfection at a time, never on two of any.
CREATE TABLE occupations (
    occupation_id text PRIMARY KEY,
    unit_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('assignment', 'disinfection')),
    since timestamptz NOT NULL,
    until timestamptz
);
CREATE UNIQUE INDEX no_unit_is_occupied_twice ON occupations (unit_id) WHERE until IS NULL;

CREATE TABLE timers (
    timer_id text PRIMARY KEY,
    kind text NOT NULL,
    subject text NOT NULL,
    due_at timestamptz NOT NULL
);
CREATE INDEX ON timers (due_at);

-- What came in: an identity that stands here has had its effect, and has it no second time.
CREATE TABLE inbox (
    identity text NOT NULL,
    digest bytea NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('accepted', 'duplicate', 'rejected', 'parked')),
    at timestamptz NOT NULL,
    PRIMARY KEY (identity)
) PARTITION BY HASH (identity);
CREATE TABLE inbox_0 PARTITION OF inbox FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE inbox_1 PARTITION OF inbox FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE inbox_2 PARTITION OF inbox FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE inbox_3 PARTITION OF inbox FOR VALUES WITH (MODULUS 4, REMAINDER 3);

-- Inputs that overtook the call they refer to, until it comes or their time is over.
CREATE TABLE parked (
    identity text PRIMARY KEY,
    call_id text NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    timestamp_ms bigint NOT NULL,
    key bytea,
    value bytea,
    header_names text[] NOT NULL,
    header_values bytea[] NOT NULL
);
CREATE INDEX ON parked (call_id);

-- How far each partition has been worked off, by the incarnation of the broker.
CREATE TABLE positions (
    incarnation text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (incarnation, topic, partition)
);

-- The event log. Positions follow the order of commits, for there is one writer at a time.
CREATE TABLE events (
    position bigint PRIMARY KEY,
    event_id uuid NOT NULL,
    topic text NOT NULL,
    key text,
    sequence bigint NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    cause text NOT NULL,
    data jsonb NOT NULL
);
CREATE INDEX ON events (topic, key, sequence);

CREATE TABLE streams (
    topic text NOT NULL,
    key text NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (topic, key)
);

-- What is in the log and not known to be published.
CREATE TABLE outbox (
    position bigint PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON outbox (topic, key, position);

CREATE SEQUENCE event_positions;

CREATE TABLE leases (
    name text PRIMARY KEY,
    holder text NOT NULL,
    expires_at timestamptz NOT NULL
);
