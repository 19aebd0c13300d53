CREATE TABLE centre (id integer PRIMARY KEY);
INSERT INTO centre VALUES (1);

CREATE TABLE inbox (identity text PRIMARY KEY);

-- Not unique on purpose: an effect that happened twice must show.
CREATE TABLE effects (id bigserial PRIMARY KEY, key text NOT NULL, identity text NOT NULL);

CREATE TABLE sequences (key text PRIMARY KEY, last bigint NOT NULL);

CREATE TABLE log (
    position bigserial PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    type text NOT NULL,
    sequence bigint NOT NULL,
    value bytea NOT NULL,
    logged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    published boolean NOT NULL DEFAULT false
);

CREATE TABLE positions (
    incarnation text,
    topic text,
    partition integer,
    next bigint NOT NULL,
    PRIMARY KEY (incarnation, topic, partition)
);

-- How often somebody has asked for them.
CREATE SEQUENCE looks_at_positions;

CREATE TABLE leases (name text PRIMARY KEY, holder text NOT NULL, expires timestamptz NOT NULL);

CREATE TABLE timers (key text PRIMARY KEY, due timestamptz NOT NULL);
