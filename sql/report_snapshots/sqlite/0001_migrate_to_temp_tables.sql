-- Drop report_snapshots and the left-over interaction tables; session_interactions gets temp_table_name
--
-- The application no longer keeps a snapshot of the first ten rows. It puts the whole result of an interaction into a
-- table of its own, and writes that table's name into session_interactions.temp_table_name.
--
-- Left-over tables of earlier versions go as well. They were made at run time, one an interaction, and are named
-- session_{session_id}_interaction_{n}; n is digits, and {session_id} is
--   * a UUID, whether or not sessions still has it (its table is a left-over all the more), or
--   * the id of a row of sessions, whatever it looks like.
-- Upper and lower case are one, as SQLite takes them for the same table. Every other name stays, however much it
-- looks alike: session_interactions itself, session_notes_interaction_log, session_notes_interaction_3. The verify
-- file warns of those that one might have meant.
--
-- Kept: every other table, with all its rows. Lost: report_snapshots and the left-over tables, with theirs. The way
-- back is the backup that the run begins with: sessmig restore (docs/series/report_snapshots.md).
--
-- By hand, in two steps, as the last query only writes the DROP statements down:
--   sqlite3 -bail app.db < 0001_migrate_to_temp_tables.sql > drops.sql     read drops.sql, then
--   sqlite3 -bail app.db < drops.sql
-- Copy app.db first: no backup is made then. The verify file's requires take no part either; ask them before.
--
-- sessmig: may-lose report_snapshots, session_*_interaction_*
-- sessmig: irreversible the dropped rows stand nowhere else; the way back is the backup from before it
BEGIN;

DROP TABLE report_snapshots;

ALTER TABLE session_interactions ADD COLUMN temp_table_name TEXT;

-- stem is the name without the number at its end. Between session_ (8 characters) and _interaction_ (13) stands the
-- session id. Names are quoted: a UUID has hyphens, and an id may have quotation marks.
-- sessmig: run-each-row
WITH candidate AS (
    SELECT name, lower(rtrim(name, '0123456789')) AS stem
    FROM sqlite_master
    WHERE type = 'table'
),
named AS (
    SELECT name, substr(stem, 9, length(stem) - 21) AS session_id
    FROM candidate
    WHERE stem LIKE 'session\_%\_interaction\_' ESCAPE '\'
      AND length(stem) < length(name)
),
leftover AS (
    SELECT name
    FROM named
    WHERE (
        session_id LIKE '________-____-____-____-____________'
        AND length(replace(session_id, '-', '')) = 32
        AND replace(session_id, '-', '') NOT GLOB '*[^0-9a-f]*'
    )
       OR session_id IN (SELECT lower(id) FROM sessions)
)
SELECT 'DROP TABLE "' || replace(name, '"', '""') || '";'
FROM leftover
ORDER BY name;

COMMIT;
