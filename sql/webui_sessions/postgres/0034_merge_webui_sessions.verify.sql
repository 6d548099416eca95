-- Before the step.

-- require: the tables of both sides exist
SELECT wanted.name AS missing_table
FROM (
    VALUES ('webui_sessions'), ('webui_messages'), ('chat_sessions'), ('chat_messages'), ('schema_version')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- require: the names that the old tables are to take are free
SELECT taken.name
FROM (
    VALUES ('webui_sessions_legacy'), ('webui_messages_legacy')
) AS taken (name)
WHERE to_regclass(taken.name) IS NOT NULL;

-- The row of 0.34.0 bears the moment of this run, so it must be this run that writes it.
-- require: schema_version does not say 0.34.0 yet
SELECT version, applied_at
FROM schema_version
WHERE version = '0.34.0';

-- require: chat_messages knows the role of every message
SELECT role AS unknown_role, count(*) AS messages, min(message_id) AS first_message
FROM webui_messages
WHERE role NOT IN ('system', 'user', 'assistant', 'tool')
GROUP BY role
ORDER BY role;

-- The row accounts: where each row of the old tables goes.

-- A session that is in chat_sessions already stays as it is there.
-- merge: webui_sessions into chat_sessions on session_id comparing created_at, updated_at
-- source after: webui_sessions_legacy
-- differing: keep

-- A message whose session is in neither table stays behind, in webui_messages_legacy. Metadata is not compared: it
-- tells where a row came from, not what was said; a warn below names messages that differ in nothing else.
-- merge: webui_messages into chat_messages on message_id comparing session_id, role, content, created_at
-- source after: webui_messages_legacy
-- reject: no such session where NOT EXISTS (
--     SELECT 1 FROM webui_sessions AS own WHERE own.session_id = webui_messages.session_id
-- ) AND NOT EXISTS (
--     SELECT 1 FROM chat_sessions AS chat WHERE chat.session_id = webui_messages.session_id
-- ) AND NOT EXISTS (
--     SELECT 1 FROM chat_messages AS chat WHERE chat.message_id = webui_messages.message_id
-- )
-- differing: fail

-- measure before: sessions_before
SELECT count(*)
FROM webui_sessions;

-- measure before: messages_before
SELECT count(*)
FROM webui_messages;

-- measure before: chat_sessions_before
SELECT count(*)
FROM chat_sessions;

-- measure before: chat_messages_before
SELECT count(*)
FROM chat_messages;

-- measure before: orphans_before
SELECT count(*)
FROM chat_messages AS chat
WHERE NOT EXISTS (
    SELECT 1
    FROM chat_sessions AS session
    WHERE session.session_id = chat.session_id
);

-- Orphans whose session comes with this step: they are orphans no longer, and no row was touched.
-- measure before: orphans_with_session_arriving
SELECT count(*)
FROM chat_messages AS chat
WHERE NOT EXISTS (
    SELECT 1
    FROM chat_sessions AS session
    WHERE session.session_id = chat.session_id
)
  AND EXISTS (
    SELECT 1
    FROM webui_sessions AS arriving
    WHERE arriving.session_id = chat.session_id
);

-- After the step. A row is migrated if it stands in the old table, and bears source and migrated_at of this run.

-- measure: migrated_at
SELECT to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
FROM schema_version
WHERE version = '0.34.0';

-- measure: sessions_migrated
SELECT count(*)
FROM webui_sessions_legacy AS legacy
JOIN chat_sessions AS chat ON chat.session_id = legacy.session_id
WHERE chat.metadata ->> 'source' = 'webui_migration'
  AND chat.metadata ->> 'migrated_at' = :migrated_at;

-- measure: messages_migrated
SELECT count(*)
FROM webui_messages_legacy AS legacy
JOIN chat_messages AS chat ON chat.message_id = legacy.message_id
WHERE chat.metadata ->> 'source' = 'webui_migration'
  AND chat.metadata ->> 'migrated_at' = :migrated_at;

-- measure: sessions_total
SELECT count(*)
FROM chat_sessions;

-- measure: messages_total
SELECT count(*)
FROM chat_messages;

-- What was counted before the step was counted before its locks, so the application may have added rows since:
-- there may be more than there were, never fewer.
-- check: chat_sessions has what it had, and the migrated sessions
SELECT :chat_sessions_before AS before, :sessions_migrated AS migrated, :sessions_total AS total
WHERE :sessions_total < :chat_sessions_before + :sessions_migrated;

-- check: chat_messages has what it had, and the migrated messages
SELECT :chat_messages_before AS before, :messages_migrated AS migrated, :messages_total AS total
WHERE :messages_total < :chat_messages_before + :messages_migrated;

-- check: orphaned chat messages are as many as before, but for those whose session arrived
-- expect: :orphans_before
SELECT count(*) + :orphans_with_session_arriving
FROM chat_messages AS chat
WHERE NOT EXISTS (
    SELECT 1
    FROM chat_sessions AS session
    WHERE session.session_id = chat.session_id
);

-- The next three speak of the moment of the step: afterwards a user may give a session another title, and
-- each message moves its updated_at. That a measure from before stands in them makes it so.

-- check: every migrated session has its times, its title and no task
SELECT
    legacy.session_id,
    legacy.created_at AS was_created_at,
    chat.created_at,
    legacy.updated_at AS was_updated_at,
    chat.updated_at,
    chat.title
FROM webui_sessions_legacy AS legacy
JOIN chat_sessions AS chat ON chat.session_id = legacy.session_id
WHERE :sessions_before >= 0
  AND chat.metadata ->> 'source' = 'webui_migration'
  AND chat.metadata ->> 'migrated_at' = :migrated_at
  AND (
    chat.created_at IS DISTINCT FROM legacy.created_at
    OR chat.updated_at IS DISTINCT FROM legacy.updated_at
    OR chat.task_id IS NOT NULL
    OR CASE
        WHEN jsonb_typeof(legacy.metadata -> 'title') = 'string' AND btrim(legacy.metadata ->> 'title') <> ''
        THEN chat.title <> legacy.metadata ->> 'title'
        ELSE chat.title NOT LIKE 'Chat _%'
    END
  );

-- All that metadata held is there again: whole under original_metadata, or key by key, source as original_source.
-- check: no metadata of a migrated session is lost
SELECT legacy.session_id, legacy.metadata AS was, chat.metadata
FROM webui_sessions_legacy AS legacy
JOIN chat_sessions AS chat ON chat.session_id = legacy.session_id
WHERE :sessions_before >= 0
  AND chat.metadata ->> 'source' = 'webui_migration'
  AND chat.metadata ->> 'migrated_at' = :migrated_at
  AND NOT (
    chat.metadata -> 'original_user_id' = to_jsonb(legacy.user_id)
    AND chat.metadata ?& ARRAY['conversation_mode', 'execution_phase']
    AND CASE
        WHEN legacy.metadata IS NULL
        THEN true
        WHEN chat.metadata -> 'original_metadata' = legacy.metadata
        THEN true
        WHEN jsonb_typeof(legacy.metadata) = 'object'
        THEN NOT EXISTS (
            SELECT 1
            FROM jsonb_each(legacy.metadata) AS field
            WHERE chat.metadata -> CASE field.key WHEN 'source' THEN 'original_source' ELSE field.key END
                IS DISTINCT FROM field.value
        )
        ELSE false
    END
  );

-- check: no metadata of a migrated message is lost
SELECT legacy.message_id, legacy.metadata AS was, chat.metadata
FROM webui_messages_legacy AS legacy
JOIN chat_messages AS chat ON chat.message_id = legacy.message_id
WHERE :messages_before >= 0
  AND chat.metadata ->> 'source' = 'webui_migration'
  AND chat.metadata ->> 'migrated_at' = :migrated_at
  AND NOT CASE
    WHEN legacy.metadata IS NULL
    THEN true
    WHEN chat.metadata -> 'original_metadata' = legacy.metadata
    THEN true
    WHEN jsonb_typeof(legacy.metadata) = 'object'
    THEN NOT EXISTS (
        SELECT 1
        FROM jsonb_each(legacy.metadata) AS field
        WHERE chat.metadata -> CASE field.key WHEN 'source' THEN 'original_source' ELSE field.key END
            IS DISTINCT FROM field.value
    )
    ELSE false
END;

-- An old build of the application that is started again may make the old tables anew, and write to them.
-- check: no table bears the old names
SELECT old.name
FROM (
    VALUES ('webui_sessions'), ('webui_messages')
) AS old (name)
WHERE to_regclass(old.name) IS NOT NULL;

-- check: schema_version says 0.34.0
-- expect: 1
SELECT count(*)
FROM schema_version
WHERE version = '0.34.0';

-- check: both chat tables have their index on migrated rows
-- expect: 2
SELECT count(*)
FROM pg_index
WHERE indisvalid
  AND (indrelid, indexrelid) IN (
      (to_regclass('chat_sessions'), to_regclass('idx_chat_sessions_webui_migration')),
      (to_regclass('chat_messages'), to_regclass('idx_chat_messages_webui_migration'))
  );

-- They stay in webui_messages_legacy.
-- warn: messages rejected: no such session
SELECT legacy.message_id, legacy.session_id, legacy.role, legacy.created_at
FROM webui_messages_legacy AS legacy
WHERE NOT EXISTS (
    SELECT 1
    FROM chat_sessions AS session
    WHERE session.session_id = legacy.session_id
)
  AND NOT EXISTS (
    SELECT 1
    FROM webui_sessions_legacy AS session
    WHERE session.session_id = legacy.session_id
)
  AND NOT EXISTS (
    SELECT 1
    FROM chat_messages AS chat
    WHERE chat.message_id = legacy.message_id
)
ORDER BY legacy.message_id;

-- The chat row is the one that was kept. updated_at is not compared: it moves with every message.
-- warn: sessions that were in chat_sessions already, with another title or another created_at
SELECT
    legacy.session_id,
    legacy.metadata ->> 'title' AS left_title,
    chat.title,
    legacy.created_at AS left_created_at,
    chat.created_at
FROM webui_sessions_legacy AS legacy
JOIN chat_sessions AS chat ON chat.session_id = legacy.session_id
WHERE (
    chat.metadata ->> 'source' IS DISTINCT FROM 'webui_migration'
    OR chat.metadata ->> 'migrated_at' IS DISTINCT FROM :migrated_at
  )
  AND (
    (jsonb_typeof(legacy.metadata -> 'title') = 'string' AND chat.title <> legacy.metadata ->> 'title')
    OR chat.created_at IS DISTINCT FROM legacy.created_at
  )
ORDER BY legacy.session_id;

-- warn: messages that were in chat_messages already, with other metadata
SELECT legacy.message_id, legacy.metadata AS left_metadata, chat.metadata
FROM webui_messages_legacy AS legacy
JOIN chat_messages AS chat ON chat.message_id = legacy.message_id
WHERE (
    chat.metadata ->> 'source' IS DISTINCT FROM 'webui_migration'
    OR chat.metadata ->> 'migrated_at' IS DISTINCT FROM :migrated_at
  )
  AND chat.metadata IS DISTINCT FROM legacy.metadata
ORDER BY legacy.message_id;

-- warn: metadata of migrated rows that was no JSON object, kept under original_metadata
SELECT 'chat_sessions' AS in_table, chat.session_id AS id, legacy.metadata AS was
FROM webui_sessions_legacy AS legacy
JOIN chat_sessions AS chat ON chat.session_id = legacy.session_id
WHERE jsonb_typeof(legacy.metadata) <> 'object'
  AND chat.metadata ->> 'migrated_at' = :migrated_at
UNION ALL
SELECT 'chat_messages', chat.message_id, legacy.metadata
FROM webui_messages_legacy AS legacy
JOIN chat_messages AS chat ON chat.message_id = legacy.message_id
WHERE jsonb_typeof(legacy.metadata) <> 'object'
  AND chat.metadata ->> 'migrated_at' = :migrated_at
ORDER BY in_table, id;

-- warn: orphaned chat messages, whose session is not in chat_sessions
SELECT chat.message_id, chat.session_id, chat.created_at
FROM chat_messages AS chat
WHERE NOT EXISTS (
    SELECT 1
    FROM chat_sessions AS session
    WHERE session.session_id = chat.session_id
)
ORDER BY chat.message_id;

-- They keep the rollback from removing these sessions, as it would take the messages along.
-- warn: orphaned chat messages that got their session back
SELECT :orphans_with_session_arriving AS messages
WHERE :orphans_with_session_arriving > 0;
