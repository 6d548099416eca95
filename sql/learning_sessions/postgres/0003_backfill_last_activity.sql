-- Give every session that stood before its last activity: its updated_at
--
-- Only rows that have none (NULL) are written. A row that was inserted meanwhile has the moment of its insertion, and
-- one that newer code has used has the moment of that: neither is set back.
--
-- In ranges of the id, each a commit of its own: others read and write all the while. Whoever changes a row at the
-- same moment is waited for, and then the row is taken as it is, or passed over if it has its last activity by then.
--
-- A statement by hand has to name its bounds, and psql knows none: for all at once leave the line with :first out.
--
-- sessmig: batch learning_sessions by id
UPDATE learning_sessions
SET last_activity_at = updated_at
WHERE id BETWEEN :first AND :last
  AND last_activity_at IS NULL;
