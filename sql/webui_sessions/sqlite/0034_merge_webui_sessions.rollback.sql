-- Take the migrated sessions and messages out of the chat tables, and give the old tables their names back
--
-- Only what the migration brought is deleted: rows that bear source and migrated_at of this run, and stand
-- in the old table, where each of them still is. The moment of the run is read from the row of 0.34.0 in
-- schema_version, which the run itself wrote; rows of another run, or from elsewhere, bear another.
--
-- By hand: sqlite3 -bail. It is one transaction there too.
--
-- sessmig: may-lose chat_sessions, chat_messages, schema_version
BEGIN;

-- Messages first. A session that is deleted takes its messages along (ON DELETE CASCADE), whoever wrote them.
DELETE FROM chat_messages
WHERE EXISTS (
    SELECT 1
    FROM webui_messages_legacy AS legacy
    WHERE legacy.message_id = chat_messages.message_id
)
  AND CASE
    WHEN typeof(metadata) = 'text' AND json_valid(metadata)
    THEN json_extract(metadata, '$.source') = 'webui_migration'
     AND json_extract(metadata, '$.migrated_at') = (SELECT applied_at FROM schema_version WHERE version = '0.34.0')
END;

-- A session with a message left in it stays, and the check that none stays then undoes the rollback.
DELETE FROM chat_sessions
WHERE EXISTS (
    SELECT 1
    FROM webui_sessions_legacy AS legacy
    WHERE legacy.session_id = chat_sessions.session_id
)
  AND NOT EXISTS (
    SELECT 1
    FROM chat_messages AS message
    WHERE message.session_id = chat_sessions.session_id
)
  AND CASE
    WHEN typeof(metadata) = 'text' AND json_valid(metadata)
    THEN json_extract(metadata, '$.source') = 'webui_migration'
     AND json_extract(metadata, '$.migrated_at') = (SELECT applied_at FROM schema_version WHERE version = '0.34.0')
END;

DROP INDEX IF EXISTS idx_chat_sessions_webui_migration;
DROP INDEX IF EXISTS idx_chat_messages_webui_migration;

ALTER TABLE webui_messages_legacy RENAME TO webui_messages;
ALTER TABLE webui_sessions_legacy RENAME TO webui_sessions;

-- Last, as the statements above read it.
DELETE FROM schema_version
WHERE version = '0.34.0';

COMMIT;
