-- JSON is read back whole: taken apart for jsonb and put together again, it costs twice.
ALTER TABLE units ALTER COLUMN state TYPE json;
ALTER TABLE hospitals ALTER COLUMN state TYPE json;
ALTER TABLE incidents ALTER COLUMN state TYPE json;
ALTER TABLE calls ALTER COLUMN state TYPE json;
ALTER TABLE assignments ALTER COLUMN state TYPE json;
ALTER TABLE handovers ALTER COLUMN state TYPE json;
ALTER TABLE jobs ALTER COLUMN state TYPE json;
ALTER TABLE papers ALTER COLUMN state TYPE json;
ALTER TABLE events ALTER COLUMN data TYPE json;

-- What changed last stands last in its table: a summary of each range of pages tells where.
DROP INDEX units_version_idx;
CREATE INDEX ON units USING brin (version) WITH (pages_per_range = 16, autosummarize = on);
DROP INDEX hospitals_version_idx;
CREATE INDEX ON hospitals USING brin (version) WITH (pages_per_range = 16, autosummarize = on);
DROP INDEX incidents_version_idx;
CREATE INDEX ON incidents USING brin (version) WITH (pages_per_range = 16, autosummarize = on);
DROP INDEX calls_version_idx;
CREATE INDEX ON calls USING brin (version) WITH (pages_per_range = 16, autosummarize = on);
DROP INDEX assignments_version_idx;
CREATE INDEX ON assignments USING brin (version) WITH (pages_per_range = 16, autosummarize = on);
DROP INDEX handovers_version_idx;
CREATE INDEX ON handovers USING brin (version) WITH (pages_per_range = 16, autosummarize = on);
DROP INDEX jobs_version_idx;
CREATE INDEX ON jobs USING brin (version) WITH (pages_per_range = 16, autosummarize = on);
DROP INDEX papers_version_idx;
CREATE INDEX ON papers USING brin (version) WITH (pages_per_range = 16, autosummarize = on);
