-- A small sample in which every odd case that the migration survives occurs once. Load it into an empty
-- database, behind sqlite_1_schema.sql:
--   cat sqlite_1_schema.sql sqlite_2_sample.sql | sqlite3 sample.db

INSERT INTO sessions (id, user_id, created_at, last_activity)
VALUES
    ('6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11', 'ada', '2026-01-01 10:00:00', '2026-01-01 11:00:00'),
    -- Upper case, ISO with T and Z.
    ('0D8C2A54-9E0B-4B7C-8E55-3C1D2E9F0A77', 'bob', '2026-01-02T10:00:00Z', '2026-01-02T10:30:00.250Z'),
    -- No UUID, with quotation marks in it; NULL wherever the column lets it in.
    ('it''s "mine"', NULL, NULL, NULL),
    -- A session without interactions.
    ('9c0e6a3b-1111-4222-8333-444455556666', '用户-7', '', 'yesterday');

INSERT INTO session_interactions (id, session_id, user_query, sql_query, chart_config, summary, created_at)
VALUES
    ('i-1', '6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11', 'Sales by month?', 'SELECT 1', '{"type": "bar"}', 'Up.',
     '2026-01-01 10:00:00'),
    ('i-2', '6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11', '', NULL, NULL, NULL, NULL),
    ('i-3', '0D8C2A54-9E0B-4B7C-8E55-3C1D2E9F0A77', '''; DROP TABLE sessions; -- ${x} %s ? :name $1', '"no" SQL',
     '{"half": ', '🗺 مرحبا 你好', '1767225600'),
    ('i-4', 'it''s "mine"', 'line
break', '', 'null', '', '2026-01-03 10:00:00');

INSERT INTO report_snapshots (id, session_id, interaction_id, data_snapshot, created_at)
VALUES
    ('r-1', '6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11', 'i-1', '[{"month": "2026-01", "sales": 12.50}]',
     '2026-01-01 10:00:01'),
    ('r-2', '6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11', 'i-2', NULL, NULL),
    ('r-3', '0D8C2A54-9E0B-4B7C-8E55-3C1D2E9F0A77', 'i-3', '[{"half": ', '2026-01-02 10:00:00');

-- Left-over tables. Hyphens; a number of two digits, nought, and one with noughts in front.
CREATE TABLE "session_6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11_interaction_1" (month TEXT, sales REAL);
INSERT INTO "session_6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11_interaction_1" VALUES ('2026-01', 12.5), ('2026-02', NULL);
CREATE TABLE "session_6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11_interaction_10" ("a ""b""" TEXT, "select" INTEGER);
CREATE TABLE "session_6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11_interaction_0" (x);
CREATE TABLE "session_6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11_interaction_007" (x);
-- Its session in upper case, the name in lower case; an index and a trigger of its own.
CREATE TABLE "session_0d8c2a54-9e0b-4b7c-8e55-3c1d2e9f0a77_interaction_2" (id INTEGER PRIMARY KEY, note TEXT);
CREATE INDEX idx_leftover_note ON "session_0d8c2a54-9e0b-4b7c-8e55-3c1d2e9f0a77_interaction_2" (note);
CREATE TRIGGER leftover_stamp AFTER INSERT ON "session_0d8c2a54-9e0b-4b7c-8e55-3c1d2e9f0a77_interaction_2"
BEGIN
    UPDATE "session_0d8c2a54-9e0b-4b7c-8e55-3c1d2e9f0a77_interaction_2" SET note = 'new' WHERE id = NEW.id;
END;
-- All of the name in upper case.
CREATE TABLE "SESSION_0D8C2A54-9E0B-4B7C-8E55-3C1D2E9F0A77_INTERACTION_3" (x);
-- Its session is gone; it refers to a table that stays.
CREATE TABLE "session_deadbeef-0000-4000-8000-000000000000_interaction_4" (id TEXT REFERENCES sessions (id));
-- The session id is no UUID, but a session's; quotation marks in the name.
CREATE TABLE "session_it's ""mine""_interaction_1" (x);

-- These only look alike, and stay.
CREATE TABLE session_notes_interaction_log (note TEXT);
INSERT INTO session_notes_interaction_log VALUES ('kept');
CREATE TABLE session_notes_interaction_3 (note TEXT);
CREATE TABLE "session_6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11_interaction_" (x);
CREATE TABLE "session_6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11_interaction_1_backup" (x);
CREATE TABLE "session_6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11_interaction_1b" (x);
CREATE TABLE "my_session_6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11_interaction_1" (x);
CREATE TABLE "session_6b1f0c1e52a44f0e9b1e0d6a0f6f7a11_interaction_1" (x);
CREATE TABLE report_snapshots_archive (id TEXT);
CREATE TABLE session_interaction_5 (x);

-- A view and a trigger of tables that stay.
CREATE VIEW last_queries AS SELECT session_id, max(created_at) AS at FROM session_interactions GROUP BY session_id;
CREATE TRIGGER touch_session AFTER INSERT ON session_interactions
BEGIN
    UPDATE sessions SET last_activity = CURRENT_TIMESTAMP WHERE id = NEW.session_id;
END;
