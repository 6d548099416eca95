-- Make the index on (user_id, updated_at) again, and drop the new ones
--
-- Beside running readers and writers, each statement a commit of its own. It bears that only a part of the step was
-- done: what is there already, valid, is not built again, and what is not there need not be dropped.
--
-- By hand: psql -v ON_ERROR_STOP=1 -f, without -1. Where the index is there already, leave the CREATE out.
--
-- sessmig: no-transaction
CREATE INDEX CONCURRENTLY learning_sessions_user_id_updated_at_idx
ON learning_sessions (user_id, updated_at DESC);

DROP INDEX CONCURRENTLY IF EXISTS idx_sessions_user_status_activity;

DROP INDEX CONCURRENTLY IF EXISTS idx_sessions_user_type_status;

ANALYZE learning_sessions;
