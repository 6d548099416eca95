-- Index sessions by user, status and last activity, and by user, type and status
--
-- The indexes are built beside running readers and writers (CONCURRENTLY); each statement is a commit of its own. The
-- old index on (user_id, updated_at) goes only when both new ones stand, so no query is without one meanwhile.
--
-- CONCURRENTLY waits for every transaction that was open before: end the long ones first.
--
-- By hand: psql -v ON_ERROR_STOP=1 -f, without -1. Where a CREATE is broken off, drop what is invalid and go on there.
--
-- sessmig: no-transaction
CREATE INDEX CONCURRENTLY idx_sessions_user_status_activity
ON learning_sessions (user_id, status, last_activity_at DESC);

CREATE INDEX CONCURRENTLY idx_sessions_user_type_status
ON learning_sessions (user_id, type, status);

-- Somebody may have dropped it already.
DROP INDEX CONCURRENTLY IF EXISTS learning_sessions_user_id_updated_at_idx;

-- So that the planner knows what stands in the new columns.
ANALYZE learning_sessions;

ANALYZE learning_messages;
