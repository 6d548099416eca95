-- Drop chat_sessions, as long as it is empty
--
-- No may-lose stands here: the rows are the users', not the migration's. While the table holds any, sessmig rolls this
-- back and says how many; sessmig rollback --allow-loss drops them, once that was agreed to.
--
-- chat_messages has to be gone before, as it refers to this table; DROP without CASCADE refuses otherwise.
--
-- By hand: psql asks nothing, and drops the rows too. Ask SELECT count(*) FROM chat_sessions first; then
--   psql -v ON_ERROR_STOP=1 -1 -f FILE
DROP TABLE chat_sessions;
