-- Give derma_sessions and diagnosis_sessions their names back
--
-- By hand: psql -v ON_ERROR_STOP=1 -f. It is one transaction there too; docs/rollback.md says what else to do.
BEGIN;

ALTER TABLE derma_sessions_deprecated RENAME TO derma_sessions;
ALTER TABLE diagnosis_sessions_deprecated RENAME TO diagnosis_sessions;

COMMIT;
