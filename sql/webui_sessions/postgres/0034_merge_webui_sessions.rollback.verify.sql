-- Before the rollback.

-- require: the old tables stand under their legacy names
SELECT wanted.name AS missing_table
FROM (
    VALUES ('webui_sessions_legacy'), ('webui_messages_legacy')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- An old build of the application that was started again may have made these tables anew, and written to them.
-- require: the old names are free
SELECT taken.name
FROM (
    VALUES ('webui_sessions'), ('webui_messages')
) AS taken (name)
WHERE to_regclass(taken.name) IS NOT NULL;

-- Without it nothing tells the rows of this run from others.
-- require: schema_version holds the moment of the run
-- expect: 1
SELECT count(applied_at)
FROM schema_version
WHERE version = '0.34.0';

-- measure before: migrated_at
SELECT to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
FROM schema_version
WHERE version = '0.34.0';

-- These were written in the application after the migration, or were orphans before and got their session back.
-- Deleting the session would take them along. To go on, give them a session that stays (UPDATE chat_messages SET
-- session_id = ...), or copy them elsewhere and delete them; then run the same command again.
-- require: no message was written to a migrated session since (move these to a session that stays, or delete them)
SELECT
    session.session_id,
    count(*) AS messages,
    sum(count(*)) OVER () AS messages_in_all,
    min(message.message_id) || CASE count(*)
        WHEN 1 THEN ''
        WHEN 2 THEN ', ' || max(message.message_id)
        ELSE ', ..., ' || max(message.message_id)
    END AS message_ids
FROM chat_sessions AS session
JOIN webui_sessions_legacy AS legacy ON legacy.session_id = session.session_id
JOIN chat_messages AS message ON message.session_id = session.session_id
WHERE session.metadata ->> 'source' = 'webui_migration'
  AND session.metadata ->> 'migrated_at' = :migrated_at
  AND NOT (
    EXISTS (
        SELECT 1
        FROM webui_messages_legacy AS old
        WHERE old.message_id = message.message_id
    )
    AND message.metadata ->> 'source' IS NOT DISTINCT FROM 'webui_migration'
    AND message.metadata ->> 'migrated_at' IS NOT DISTINCT FROM :migrated_at
  )
GROUP BY session.session_id
ORDER BY session.session_id;

-- What was written into them since stands in the chat tables only. New metadata alone does not stop the rollback,
-- as applications write that without anybody's asking; a warn below counts it.
-- require: no migrated message was changed since
SELECT message.message_id, message.session_id, legacy.session_id AS was_in_session, message.role, message.created_at
FROM chat_messages AS message
JOIN webui_messages_legacy AS legacy ON legacy.message_id = message.message_id
WHERE message.metadata ->> 'source' = 'webui_migration'
  AND message.metadata ->> 'migrated_at' = :migrated_at
  AND (message.session_id, message.role, message.content, message.created_at)
    IS DISTINCT FROM (legacy.session_id, legacy.role, legacy.content, legacy.created_at)
ORDER BY message.message_id;

-- require: no migrated session was changed since
WITH expected AS (
    SELECT
        session_id,
        created_at,
        updated_at,
        CASE
            WHEN jsonb_typeof(metadata -> 'title') = 'string' AND btrim(metadata ->> 'title') <> ''
            THEN metadata ->> 'title'
            ELSE 'Chat ' || coalesce(
                nullif(to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), ''),
                CAST(created_at AS TEXT)
            )
        END AS title
    FROM webui_sessions_legacy
)
SELECT
    session.session_id,
    session.title,
    expected.title AS title_brought,
    session.updated_at,
    expected.updated_at AS updated_at_brought,
    session.task_id
FROM chat_sessions AS session
JOIN expected ON expected.session_id = session.session_id
WHERE session.metadata ->> 'source' = 'webui_migration'
  AND session.metadata ->> 'migrated_at' = :migrated_at
  AND (
    session.title IS DISTINCT FROM expected.title
    OR session.created_at IS DISTINCT FROM expected.created_at
    OR session.updated_at IS DISTINCT FROM expected.updated_at
    OR session.task_id IS NOT NULL
  )
ORDER BY session.session_id;

-- measure before: sessions_to_remove
SELECT count(*)
FROM chat_sessions AS session
JOIN webui_sessions_legacy AS legacy ON legacy.session_id = session.session_id
WHERE session.metadata ->> 'source' = 'webui_migration'
  AND session.metadata ->> 'migrated_at' = :migrated_at;

-- measure before: messages_to_remove
SELECT count(*)
FROM chat_messages AS message
JOIN webui_messages_legacy AS legacy ON legacy.message_id = message.message_id
WHERE message.metadata ->> 'source' = 'webui_migration'
  AND message.metadata ->> 'migrated_at' = :migrated_at;

-- measure before: sessions_left
SELECT count(*) - :sessions_to_remove
FROM chat_sessions;

-- measure before: messages_left
SELECT count(*) - :messages_to_remove
FROM chat_messages;

-- measure before: legacy_sessions
SELECT count(*)
FROM webui_sessions_legacy;

-- measure before: legacy_messages
SELECT count(*)
FROM webui_messages_legacy;

-- measure before: sessions_with_new_metadata
SELECT count(*)
FROM chat_sessions AS session
JOIN webui_sessions_legacy AS legacy ON legacy.session_id = session.session_id
WHERE session.metadata ->> 'source' = 'webui_migration'
  AND session.metadata ->> 'migrated_at' = :migrated_at
  AND EXISTS (
    SELECT 1
    FROM jsonb_each(session.metadata) AS field
    WHERE field.key NOT IN ('source', 'migrated_at', 'original_user_id', 'original_source', 'original_metadata')
      AND (field.key, field.value) IS DISTINCT FROM ('conversation_mode', CAST('"chat"' AS JSONB))
      AND (field.key, field.value) IS DISTINCT FROM ('execution_phase', CAST('"planning"' AS JSONB))
      AND legacy.metadata -> field.key IS DISTINCT FROM field.value
);

-- measure before: messages_with_new_metadata
SELECT count(*)
FROM chat_messages AS message
JOIN webui_messages_legacy AS legacy ON legacy.message_id = message.message_id
WHERE message.metadata ->> 'source' = 'webui_migration'
  AND message.metadata ->> 'migrated_at' = :migrated_at
  AND EXISTS (
    SELECT 1
    FROM jsonb_each(message.metadata) AS field
    WHERE field.key NOT IN ('source', 'migrated_at', 'original_source', 'original_metadata')
      AND legacy.metadata -> field.key IS DISTINCT FROM field.value
);

-- measure before: sessions_deleted_since
SELECT count(*)
FROM webui_sessions_legacy AS legacy
WHERE NOT EXISTS (
    SELECT 1
    FROM chat_sessions AS session
    WHERE session.session_id = legacy.session_id
);

-- After the rollback.

-- check: no migrated session is left
SELECT session.session_id, session.title
FROM chat_sessions AS session
JOIN webui_sessions AS old ON old.session_id = session.session_id
WHERE session.metadata ->> 'source' = 'webui_migration'
  AND session.metadata ->> 'migrated_at' = :migrated_at;

-- check: no migrated message is left
SELECT message.message_id, message.session_id
FROM chat_messages AS message
JOIN webui_messages AS old ON old.message_id = message.message_id
WHERE message.metadata ->> 'source' = 'webui_migration'
  AND message.metadata ->> 'migrated_at' = :migrated_at;

-- What was counted before was counted before the locks: there may be more than there were, never fewer.
-- check: chat_sessions has lost no more than the migrated sessions
SELECT :sessions_left AS expected, count(*) AS sessions
FROM chat_sessions
HAVING count(*) < :sessions_left;

-- check: chat_messages has lost no more than the migrated messages
SELECT :messages_left AS expected, count(*) AS messages
FROM chat_messages
HAVING count(*) < :messages_left;

-- check: webui_sessions has every session
-- expect: :legacy_sessions
SELECT count(*)
FROM webui_sessions;

-- check: webui_messages has every message
-- expect: :legacy_messages
SELECT count(*)
FROM webui_messages;

-- check: orphaned chat messages are the same
-- expect: same
SELECT chat.message_id, chat.session_id
FROM chat_messages AS chat
WHERE NOT EXISTS (
    SELECT 1
    FROM chat_sessions AS session
    WHERE session.session_id = chat.session_id
);

-- check: no table bears the legacy names
SELECT legacy.name
FROM (
    VALUES ('webui_sessions_legacy'), ('webui_messages_legacy')
) AS legacy (name)
WHERE to_regclass(legacy.name) IS NOT NULL;

-- check: no index on migrated rows is left
SELECT old.name
FROM (
    VALUES ('idx_chat_sessions_webui_migration'), ('idx_chat_messages_webui_migration')
) AS old (name)
WHERE to_regclass(old.name) IS NOT NULL;

-- check: schema_version does not say 0.34.0 any more
SELECT version, applied_at
FROM schema_version
WHERE version = '0.34.0';

-- warn: metadata that was written to migrated rows since has gone with them
SELECT :sessions_with_new_metadata AS sessions, :messages_with_new_metadata AS messages
WHERE :sessions_with_new_metadata + :messages_with_new_metadata > 0;

-- warn: sessions that were deleted since stand in webui_sessions again
SELECT :sessions_deleted_since AS sessions
WHERE :sessions_deleted_since > 0;

-- warn: rows of another migration run, which stay
SELECT 'chat_sessions' AS in_table, session.session_id AS id, session.metadata ->> 'migrated_at' AS run
FROM chat_sessions AS session
WHERE session.metadata ->> 'source' = 'webui_migration'
UNION ALL
SELECT 'chat_messages', message.message_id, message.metadata ->> 'migrated_at'
FROM chat_messages AS message
WHERE message.metadata ->> 'source' = 'webui_migration'
ORDER BY in_table, id;
