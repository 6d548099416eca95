-- Before the rollback.

-- require: the old tables stand under their legacy names
WITH wanted (name) AS (
    VALUES ('webui_sessions_legacy'), ('webui_messages_legacy')
)
SELECT wanted.name AS missing_table
FROM wanted
WHERE NOT EXISTS (
    SELECT 1
    FROM sqlite_master AS present
    WHERE present.type = 'table'
      AND lower(present.name) = wanted.name
);

-- An old build of the application that was started again may have made these tables anew, and written to them.
-- require: the old names are free
SELECT name AS taken, type
FROM sqlite_master
WHERE lower(name) IN ('webui_sessions', 'webui_messages');

-- Without it nothing tells the rows of this run from others.
-- require: schema_version holds the moment of the run
-- expect: 1
SELECT count(applied_at)
FROM schema_version
WHERE version = '0.34.0';

-- measure before: migrated_at
SELECT applied_at
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
WHERE CASE
    WHEN typeof(session.metadata) = 'text' AND json_valid(session.metadata)
    THEN json_extract(session.metadata, '$.source') = 'webui_migration'
     AND json_extract(session.metadata, '$.migrated_at') = :migrated_at
END
  AND NOT (
    EXISTS (
        SELECT 1
        FROM webui_messages_legacy AS old
        WHERE old.message_id = message.message_id
    )
    AND coalesce(
        CASE
            WHEN typeof(message.metadata) = 'text' AND json_valid(message.metadata)
            THEN json_extract(message.metadata, '$.source') = 'webui_migration'
             AND json_extract(message.metadata, '$.migrated_at') = :migrated_at
        END,
        0
    )
  )
GROUP BY session.session_id
ORDER BY session.session_id;

-- What was written into them since stands in the chat tables only. New metadata alone does not stop the rollback,
-- as applications write that without anybody's asking; a warn below counts it.
-- require: no migrated message was changed since
SELECT message.message_id, message.session_id, legacy.session_id AS was_in_session, message.role, message.created_at
FROM chat_messages AS message
JOIN webui_messages_legacy AS legacy ON legacy.message_id = message.message_id
WHERE CASE
    WHEN typeof(message.metadata) = 'text' AND json_valid(message.metadata)
    THEN json_extract(message.metadata, '$.source') = 'webui_migration'
     AND json_extract(message.metadata, '$.migrated_at') = :migrated_at
END
  AND (message.session_id, message.role, message.content, CAST(message.created_at AS TEXT))
    IS NOT (legacy.session_id, legacy.role, legacy.content, legacy.created_at)
ORDER BY message.message_id;

-- require: no migrated session was changed since
WITH expected AS (
    SELECT
        session_id,
        created_at,
        updated_at,
        CASE
            WHEN typeof(metadata) <> 'text' OR instr(CAST(metadata AS BLOB), x'00') > 0 THEN NULL
            WHEN NOT json_valid(metadata) THEN NULL
            WHEN replace(json_extract(metadata, '$.title'), char(65533), '') GLOB '*[' || char(65533) || ']*' THEN NULL
            WHEN json_type(metadata, '$.title') = 'text' AND trim(json_extract(metadata, '$.title')) <> ''
            THEN json_extract(metadata, '$.title')
        END AS own_title,
        CASE
            WHEN created_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
            THEN 'Chat ' || coalesce(
                date(created_at),
                date(created_at || ':00'),
                date(substr(created_at, 1, length(created_at) - 2) || ':' || substr(created_at, -2)),
                substr(created_at, 1, 10)
            )
            ELSE 'Chat ' || coalesce(nullif(trim(created_at), ''), session_id)
        END AS made_title
    FROM webui_sessions_legacy
)
SELECT
    session.session_id,
    session.title,
    coalesce(expected.own_title, expected.made_title) AS title_brought,
    session.updated_at,
    expected.updated_at AS updated_at_brought,
    session.task_id
FROM chat_sessions AS session
JOIN expected ON expected.session_id = session.session_id
WHERE CASE
    WHEN typeof(session.metadata) = 'text' AND json_valid(session.metadata)
    THEN json_extract(session.metadata, '$.source') = 'webui_migration'
     AND json_extract(session.metadata, '$.migrated_at') = :migrated_at
END
  AND (
    session.title IS NOT coalesce(expected.own_title, expected.made_title)
    OR CAST(session.created_at AS TEXT) IS NOT expected.created_at
    OR CAST(session.updated_at AS TEXT) IS NOT expected.updated_at
    OR session.task_id IS NOT NULL
  )
ORDER BY session.session_id;

-- measure before: sessions_to_remove
SELECT count(*)
FROM chat_sessions AS session
JOIN webui_sessions_legacy AS legacy ON legacy.session_id = session.session_id
WHERE CASE
    WHEN typeof(session.metadata) = 'text' AND json_valid(session.metadata)
    THEN json_extract(session.metadata, '$.source') = 'webui_migration'
     AND json_extract(session.metadata, '$.migrated_at') = :migrated_at
END;

-- measure before: messages_to_remove
SELECT count(*)
FROM chat_messages AS message
JOIN webui_messages_legacy AS legacy ON legacy.message_id = message.message_id
WHERE CASE
    WHEN typeof(message.metadata) = 'text' AND json_valid(message.metadata)
    THEN json_extract(message.metadata, '$.source') = 'webui_migration'
     AND json_extract(message.metadata, '$.migrated_at') = :migrated_at
END;

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
WHERE CASE
    WHEN typeof(session.metadata) = 'text' AND json_valid(session.metadata)
    THEN json_extract(session.metadata, '$.source') = 'webui_migration'
     AND json_extract(session.metadata, '$.migrated_at') = :migrated_at
     AND EXISTS (
        SELECT 1
        FROM json_each(session.metadata) AS field
        WHERE field.key NOT IN ('source', 'migrated_at', 'original_user_id', 'original_source', 'original_metadata')
          AND (field.key, field.value) IS NOT ('conversation_mode', 'chat')
          AND (field.key, field.value) IS NOT ('execution_phase', 'planning')
          AND CASE
            WHEN typeof(legacy.metadata) = 'text' AND json_valid(legacy.metadata)
            THEN legacy.metadata -> field.fullkey
        END IS NOT (session.metadata -> field.fullkey)
    )
END;

-- measure before: messages_with_new_metadata
SELECT count(*)
FROM chat_messages AS message
JOIN webui_messages_legacy AS legacy ON legacy.message_id = message.message_id
WHERE CASE
    WHEN typeof(message.metadata) = 'text' AND json_valid(message.metadata)
    THEN json_extract(message.metadata, '$.source') = 'webui_migration'
     AND json_extract(message.metadata, '$.migrated_at') = :migrated_at
     AND EXISTS (
        SELECT 1
        FROM json_each(message.metadata) AS field
        WHERE field.key NOT IN ('source', 'migrated_at', 'original_source', 'original_metadata')
          AND CASE
            WHEN typeof(legacy.metadata) = 'text' AND json_valid(legacy.metadata)
            THEN legacy.metadata -> field.fullkey
        END IS NOT (message.metadata -> field.fullkey)
    )
END;

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
WHERE CASE
    WHEN typeof(session.metadata) = 'text' AND json_valid(session.metadata)
    THEN json_extract(session.metadata, '$.source') = 'webui_migration'
     AND json_extract(session.metadata, '$.migrated_at') = :migrated_at
END;

-- check: no migrated message is left
SELECT message.message_id, message.session_id
FROM chat_messages AS message
JOIN webui_messages AS old ON old.message_id = message.message_id
WHERE CASE
    WHEN typeof(message.metadata) = 'text' AND json_valid(message.metadata)
    THEN json_extract(message.metadata, '$.source') = 'webui_migration'
     AND json_extract(message.metadata, '$.migrated_at') = :migrated_at
END;

-- check: chat_sessions has lost as many rows as there were migrated sessions
-- expect: :sessions_left
SELECT count(*)
FROM chat_sessions;

-- check: chat_messages has lost as many rows as there were migrated messages
-- expect: :messages_left
SELECT count(*)
FROM chat_messages;

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
SELECT name, type
FROM sqlite_master
WHERE lower(name) IN ('webui_sessions_legacy', 'webui_messages_legacy');

-- check: no index on migrated rows is left
SELECT name, tbl_name
FROM sqlite_master
WHERE type = 'index'
  AND name IN ('idx_chat_sessions_webui_migration', 'idx_chat_messages_webui_migration');

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
SELECT 'chat_sessions' AS in_table, session.session_id AS id, json_extract(session.metadata, '$.migrated_at') AS run
FROM chat_sessions AS session
WHERE CASE
    WHEN typeof(session.metadata) = 'text' AND json_valid(session.metadata)
    THEN json_extract(session.metadata, '$.source') = 'webui_migration'
END
UNION ALL
SELECT 'chat_messages', message.message_id, json_extract(message.metadata, '$.migrated_at')
FROM chat_messages AS message
WHERE CASE
    WHEN typeof(message.metadata) = 'text' AND json_valid(message.metadata)
    THEN json_extract(message.metadata, '$.source') = 'webui_migration'
END
ORDER BY in_table, id;
