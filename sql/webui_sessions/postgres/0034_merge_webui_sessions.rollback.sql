-- Take the migrated sessions and messages out of the chat tables, and give the old tables their names back
--
-- Only what the migration brought is deleted: rows that bear source and migrated_at of this run, and stand
-- in the old table, where each of them still is. The moment of the run is read from the row of 0.34.0 in
-- schema_version, which the run itself wrote; rows of another run, or from elsewhere, bear another.
--
-- By hand: psql -v ON_ERROR_STOP=1 -f. It is one transaction there too.
--
-- sessmig: may-lose chat_sessions, chat_messages, schema_version
BEGIN;

-- Whoever writes waits, so no message reaches a session between the look at it and its deletion.
LOCK TABLE webui_sessions_legacy, webui_messages_legacy IN ACCESS EXCLUSIVE MODE;
LOCK TABLE chat_sessions, chat_messages IN SHARE ROW EXCLUSIVE MODE;

-- What was changed or written after the requires were asked, but before the locks, is not deleted: it stays, and
-- the checks that nothing migrated is left then undo the rollback.

-- Messages first. A session that is deleted takes its messages along (ON DELETE CASCADE), whoever wrote them.
DELETE FROM chat_messages AS message
USING webui_messages_legacy AS legacy, schema_version AS run
WHERE legacy.message_id = message.message_id
  AND run.version = '0.34.0'
  AND message.metadata ->> 'source' = 'webui_migration'
  AND message.metadata ->> 'migrated_at' = to_char(run.applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
  AND (message.session_id, message.role, message.content, message.created_at)
    IS NOT DISTINCT FROM (legacy.session_id, legacy.role, legacy.content, legacy.created_at);

DELETE FROM chat_sessions AS session
USING webui_sessions_legacy AS legacy, schema_version AS run
WHERE legacy.session_id = session.session_id
  AND run.version = '0.34.0'
  AND session.metadata ->> 'source' = 'webui_migration'
  AND session.metadata ->> 'migrated_at' = to_char(run.applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
  AND session.updated_at = legacy.updated_at
  AND NOT EXISTS (
    SELECT 1
    FROM chat_messages AS message
    WHERE message.session_id = session.session_id
);

DROP INDEX IF EXISTS idx_chat_sessions_webui_migration;
DROP INDEX IF EXISTS idx_chat_messages_webui_migration;

ALTER TABLE webui_messages_legacy RENAME TO webui_messages;
ALTER TABLE webui_sessions_legacy RENAME TO webui_sessions;

-- Last, as the statements above read it.
DELETE FROM schema_version
WHERE version = '0.34.0';

COMMIT;
