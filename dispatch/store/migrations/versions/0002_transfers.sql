-- Transfers, offers, reservations, batches, clocks, reports and known cases, kept alike: each
-- belongs to an incident, transfer or batch, or to the city, and is open until it has ended.
CREATE TABLE papers (
    kind text NOT NULL,
    id text NOT NULL,
    owner text NOT NULL,
    version bigint NOT NULL,
    open boolean NOT NULL,
    state jsonb NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX ON papers (version);
CREATE INDEX ON papers (owner);
CREATE INDEX ON papers (kind, owner) WHERE open;

-- A place is promised to one patient at a time, by a handover or by a reservation.
CREATE TABLE promises (
    promise_id text PRIMARY KEY,
    hospital_id text NOT NULL,
    room text NOT NULL,
    place integer NOT NULL,
    open boolean NOT NULL
);
INSERT INTO promises (promise_id, hospital_id, room, place, open)
SELECT handover_id, hospital_id, room, place, open FROM handovers WHERE place IS NOT NULL;
DROP INDEX no_room_is_promised_twice;
ALTER TABLE handovers DROP COLUMN room, DROP COLUMN place;
CREATE UNIQUE INDEX no_room_is_promised_twice ON promises (hospital_id, room, place) WHERE open;

-- Whom a hospital is for was told by its roles alone.
UPDATE hospitals SET state = state || jsonb_build_object(
    'service',
    CASE
        WHEN state -> 'roles' @> '["designated"]' THEN 'cases'
        WHEN state -> 'roles' @> '["temporary"]' THEN 'standby'
        ELSE 'ordinary'
    END
);
