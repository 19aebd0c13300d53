-- What senders sent who were refused too often: kept as it came, and dealt with in their turn.
-- A row holds some records of one sender, in the order in which they were read.
CREATE TABLE set_apart (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    source text NOT NULL,
    records integer NOT NULL,
    held bytea NOT NULL
);
CREATE INDEX ON set_apart (topic, source, number);

-- How far refusals were counted that have no row in the inbox: what is read again counts once.
CREATE TABLE counted (
    incarnation text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    source text NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (incarnation, topic, partition, source)
);
