-- Before the step.

-- require: the tables of both sides exist
WITH wanted (name) AS (
    VALUES ('webui_sessions'), ('webui_messages'), ('chat_sessions'), ('chat_messages'), ('schema_version')
)
SELECT wanted.name AS missing_table
FROM wanted
WHERE NOT EXISTS (
    SELECT 1
    FROM sqlite_master AS present
    WHERE present.type = 'table'
      AND lower(present.name) = wanted.name
);

-- require: the names that the old tables are to take are free
SELECT name AS taken, type
FROM sqlite_master
WHERE lower(name) IN ('webui_sessions_legacy', 'webui_messages_legacy');

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
SELECT applied_at
FROM schema_version
WHERE version = '0.34.0';

-- measure: sessions_migrated
SELECT count(*)
FROM webui_sessions_legacy AS legacy
JOIN chat_sessions AS chat ON chat.session_id = legacy.session_id
WHERE CASE
    WHEN typeof(chat.metadata) = 'text' AND json_valid(chat.metadata)
    THEN json_extract(chat.metadata, '$.source') = 'webui_migration'
     AND json_extract(chat.metadata, '$.migrated_at') = :migrated_at
END;

-- measure: messages_migrated
SELECT count(*)
FROM webui_messages_legacy AS legacy
JOIN chat_messages AS chat ON chat.message_id = legacy.message_id
WHERE CASE
    WHEN typeof(chat.metadata) = 'text' AND json_valid(chat.metadata)
    THEN json_extract(chat.metadata, '$.source') = 'webui_migration'
     AND json_extract(chat.metadata, '$.migrated_at') = :migrated_at
END;

-- measure: sessions_total
SELECT count(*)
FROM chat_sessions;

-- measure: messages_total
SELECT count(*)
FROM chat_messages;

-- check: chat_sessions has grown by the migrated sessions and nothing else
-- expect: :chat_sessions_before
SELECT :sessions_total - :sessions_migrated;

-- check: chat_messages has grown by the migrated messages and nothing else
-- expect: :chat_messages_before
SELECT :messages_total - :messages_migrated;

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
        END AS own_title
    FROM webui_sessions_legacy
    WHERE :sessions_before > 0
)
SELECT
    expected.session_id,
    expected.created_at AS was_created_at,
    chat.created_at,
    expected.updated_at AS was_updated_at,
    chat.updated_at,
    chat.title
FROM expected
JOIN chat_sessions AS chat ON chat.session_id = expected.session_id
WHERE CASE
    WHEN typeof(chat.metadata) = 'text' AND json_valid(chat.metadata)
    THEN json_extract(chat.metadata, '$.source') = 'webui_migration'
     AND json_extract(chat.metadata, '$.migrated_at') = :migrated_at
END
  AND (
    -- As text, since a column declared TIMESTAMP turns what looks like a number into one.
    CAST(chat.created_at AS TEXT) IS NOT expected.created_at
    OR CAST(chat.updated_at AS TEXT) IS NOT expected.updated_at
    OR chat.task_id IS NOT NULL
    OR (expected.own_title IS NOT NULL AND chat.title <> expected.own_title)
    OR (expected.own_title IS NULL AND chat.title NOT GLOB 'Chat ?*')
  );

-- All that metadata held is there again: whole under original_metadata, or key by key, source as original_source.
-- "->" gives the JSON as it is written, so that 1.0 is not taken for 1, nor "1" for 1.
-- No path leads to a key with a quotation mark in it, so such keys are looked for one by one.
-- check: no metadata of a migrated session is lost
SELECT legacy.session_id, legacy.metadata AS was, chat.metadata
FROM webui_sessions_legacy AS legacy
JOIN chat_sessions AS chat ON chat.session_id = legacy.session_id
WHERE :sessions_before > 0
  AND CASE
    WHEN typeof(chat.metadata) = 'text' AND json_valid(chat.metadata)
    THEN json_extract(chat.metadata, '$.source') = 'webui_migration'
     AND json_extract(chat.metadata, '$.migrated_at') = :migrated_at
END
  AND NOT (
    json_extract(chat.metadata, '$.original_user_id') IS legacy.user_id
    AND json_type(chat.metadata, '$.conversation_mode') IS NOT NULL
    AND json_type(chat.metadata, '$.execution_phase') IS NOT NULL
    AND CASE
        WHEN legacy.metadata IS NULL OR legacy.metadata = ''
        THEN 1
        WHEN typeof(legacy.metadata) <> 'text'
        THEN json_extract(chat.metadata, '$.original_metadata.hex') IS hex(legacy.metadata)
        WHEN chat.metadata -> '$.original_metadata' IS json_quote(legacy.metadata)
        THEN 1
        WHEN NOT json_valid(legacy.metadata) OR instr(CAST(legacy.metadata AS BLOB), x'00') > 0
        THEN 0
        WHEN chat.metadata -> '$.original_metadata' IS json(legacy.metadata)
        THEN 1
        WHEN json_type(legacy.metadata) = 'object'
        THEN NOT EXISTS (
            SELECT 1
            FROM json_each(legacy.metadata) AS field
            WHERE (chat.metadata -> CASE field.key WHEN 'source' THEN '$.original_source' ELSE field.fullkey END)
                IS NOT (legacy.metadata -> field.fullkey)
               OR (
                instr(field.key, '"') > 0
                AND NOT EXISTS (
                    SELECT 1
                    FROM json_each(chat.metadata) AS kept
                    WHERE (kept.key, kept.type, kept.value) IS (field.key, field.type, field.value)
                )
               )
        )
        ELSE 0
    END
  );

-- check: no metadata of a migrated message is lost
SELECT legacy.message_id, legacy.metadata AS was, chat.metadata
FROM webui_messages_legacy AS legacy
JOIN chat_messages AS chat ON chat.message_id = legacy.message_id
WHERE :messages_before > 0
  AND CASE
    WHEN typeof(chat.metadata) = 'text' AND json_valid(chat.metadata)
    THEN json_extract(chat.metadata, '$.source') = 'webui_migration'
     AND json_extract(chat.metadata, '$.migrated_at') = :migrated_at
END
  AND NOT CASE
    WHEN legacy.metadata IS NULL OR legacy.metadata = ''
    THEN 1
    WHEN typeof(legacy.metadata) <> 'text'
    THEN json_extract(chat.metadata, '$.original_metadata.hex') IS hex(legacy.metadata)
    WHEN chat.metadata -> '$.original_metadata' IS json_quote(legacy.metadata)
    THEN 1
    WHEN NOT json_valid(legacy.metadata) OR instr(CAST(legacy.metadata AS BLOB), x'00') > 0
    THEN 0
    WHEN chat.metadata -> '$.original_metadata' IS json(legacy.metadata)
    THEN 1
    WHEN json_type(legacy.metadata) = 'object'
    THEN NOT EXISTS (
        SELECT 1
        FROM json_each(legacy.metadata) AS field
        WHERE (chat.metadata -> CASE field.key WHEN 'source' THEN '$.original_source' ELSE field.fullkey END)
            IS NOT (legacy.metadata -> field.fullkey)
           OR (
            instr(field.key, '"') > 0
            AND NOT EXISTS (
                SELECT 1
                FROM json_each(chat.metadata) AS kept
                WHERE (kept.key, kept.type, kept.value) IS (field.key, field.type, field.value)
            )
           )
    )
    ELSE 0
END;

-- An old build of the application that is started again may make the old tables anew, and write to them.
-- check: no table bears the old names
SELECT name, type
FROM sqlite_master
WHERE lower(name) IN ('webui_sessions', 'webui_messages');

-- check: schema_version says 0.34.0
-- expect: 1
SELECT count(*)
FROM schema_version
WHERE version = '0.34.0';

-- check: both chat tables have their index on migrated rows
-- expect: 2
SELECT count(*)
FROM sqlite_master
WHERE type = 'index'
  AND (tbl_name, name) IN (
      VALUES
          ('chat_sessions', 'idx_chat_sessions_webui_migration'),
          ('chat_messages', 'idx_chat_messages_webui_migration')
  );

-- The plus in ORDER BY has only what was found sorted; without it the whole table would be read in the key's
-- order, row by row.

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
ORDER BY +legacy.message_id;

-- The chat row is the one that was kept. updated_at is not compared: it moves with every message.
-- warn: sessions that were in chat_sessions already, with another title or another created_at
WITH expected AS (
    SELECT
        session_id,
        created_at,
        CASE
            WHEN typeof(metadata) <> 'text' OR NOT json_valid(metadata) THEN NULL
            WHEN json_type(metadata, '$.title') = 'text' THEN json_extract(metadata, '$.title')
        END AS own_title
    FROM webui_sessions_legacy
)
SELECT
    expected.session_id,
    expected.own_title AS left_title,
    chat.title,
    expected.created_at AS left_created_at,
    chat.created_at
FROM expected
JOIN chat_sessions AS chat ON chat.session_id = expected.session_id
WHERE CASE
    WHEN typeof(chat.metadata) = 'text' AND json_valid(chat.metadata)
    THEN json_extract(chat.metadata, '$.source') IS NOT 'webui_migration'
      OR json_extract(chat.metadata, '$.migrated_at') IS NOT :migrated_at
    ELSE 1
END
  AND (
    chat.title <> expected.own_title
    OR CAST(chat.created_at AS TEXT) IS NOT expected.created_at
  )
ORDER BY +expected.session_id;

-- warn: messages that were in chat_messages already, with other metadata
SELECT legacy.message_id, legacy.metadata AS left_metadata, chat.metadata
FROM webui_messages_legacy AS legacy
JOIN chat_messages AS chat ON chat.message_id = legacy.message_id
WHERE CASE
    WHEN typeof(chat.metadata) = 'text' AND json_valid(chat.metadata)
    THEN json_extract(chat.metadata, '$.source') IS NOT 'webui_migration'
      OR json_extract(chat.metadata, '$.migrated_at') IS NOT :migrated_at
    ELSE 1
END
  AND chat.metadata IS NOT legacy.metadata
ORDER BY +legacy.message_id;

-- warn: metadata of migrated rows that was no JSON object, kept under original_metadata
SELECT 'chat_sessions' AS in_table, chat.session_id AS id, legacy.metadata AS was
FROM webui_sessions_legacy AS legacy
JOIN chat_sessions AS chat ON chat.session_id = legacy.session_id
WHERE legacy.metadata <> ''
  AND CASE
    WHEN typeof(legacy.metadata) = 'text' AND json_valid(legacy.metadata)
    THEN json_type(legacy.metadata) <> 'object'
    ELSE 1
END
  AND CASE
    WHEN typeof(chat.metadata) = 'text' AND json_valid(chat.metadata)
    THEN json_extract(chat.metadata, '$.migrated_at') = :migrated_at
END
UNION ALL
SELECT 'chat_messages', chat.message_id, legacy.metadata
FROM webui_messages_legacy AS legacy
JOIN chat_messages AS chat ON chat.message_id = legacy.message_id
WHERE legacy.metadata <> ''
  AND CASE
    WHEN typeof(legacy.metadata) = 'text' AND json_valid(legacy.metadata)
    THEN json_type(legacy.metadata) <> 'object'
    ELSE 1
END
  AND CASE
    WHEN typeof(chat.metadata) = 'text' AND json_valid(chat.metadata)
    THEN json_extract(chat.metadata, '$.migrated_at') = :migrated_at
END
ORDER BY in_table, id;

-- warn: orphaned chat messages, whose session is not in chat_sessions
SELECT chat.message_id, chat.session_id, chat.created_at
FROM chat_messages AS chat
WHERE NOT EXISTS (
    SELECT 1
    FROM chat_sessions AS session
    WHERE session.session_id = chat.session_id
)
ORDER BY +chat.message_id;

-- They keep the rollback from removing these sessions, as it would take the messages along.
-- warn: orphaned chat messages that got their session back
SELECT :orphans_with_session_arriving AS messages
WHERE :orphans_with_session_arriving > 0;
