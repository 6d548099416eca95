-- Rename derma_sessions and diagnosis_sessions to derma_sessions_deprecated and diagnosis_sessions_deprecated
--
-- A week after the messages were copied. Every row stays; code that still reads or writes the old tables fails from
-- now on, and says so, instead of working on what nobody looks at any more.
--
-- By hand: sqlite3 -bail. It is one transaction there too.
--
-- sessmig: wait 7 days after 3
BEGIN;

-- The rename carries indexes and constraints along, under the names they have.
ALTER TABLE derma_sessions RENAME TO derma_sessions_deprecated;
ALTER TABLE diagnosis_sessions RENAME TO diagnosis_sessions_deprecated;

COMMIT;
