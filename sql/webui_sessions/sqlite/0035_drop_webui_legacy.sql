-- Drop webui_sessions_legacy and webui_messages_legacy, and keep what stands nowhere else
--
-- Two weeks after the merge nobody has asked for the old tables. What lives only there goes first, row by row as
-- JSON, into webui_legacy_leftovers: messages that were rejected, rows whose copy was deleted since, and rows that
-- say something else than the row that was kept. All others stand in the chat tables.
--
-- One thing is kept nowhere: the updated_at of an old session where chat_sessions has another one by now, as it
-- moves with every message. All else that the others held stands in the chat tables.
--
-- There is no deadline for the leftovers: they may be looked at, put right and deleted one by one.
--
-- By hand: sqlite3 -bail. It is one transaction there too.
--
-- sessmig: wait 14 days after 34
-- sessmig: may-lose webui_sessions_legacy, webui_messages_legacy
-- sessmig: irreversible the old tables are gone; all but an old updated_at stands in the chat tables, or in leftovers
-- sessmig: allow copy-without-merge checks count instead: each old row is in its chat table, the same, or in leftovers
-- sessmig: allow drop-with-copy the tables were kept for two weeks; what stands only there is copied as they go
BEGIN;

CREATE TABLE webui_legacy_leftovers (
    source_table TEXT NOT NULL,
    id           TEXT NOT NULL,
    legacy_row   TEXT NOT NULL,
    reason       TEXT NOT NULL,
    copied_at    TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (source_table, id)
);

-- Sessions. One has arrived if its row in chat_sessions has its created_at, its user and all its metadata.
-- updated_at is not compared, as it moves with every message; nor is the title, which users change: the one that
-- the session came with stands in metadata.
--
-- Metadata has arrived if it is there as it was; or whole, under original_metadata; or key by key, source as
-- original_source. "->" gives JSON as it is written, so that 1.0 is not taken for 1, nor "1" for 1. No path leads
-- to a key with a quotation mark in it, so such keys are looked for one by one.
--
-- legacy_row holds metadata as the text that it was, which need not be JSON; what is no text stands there in hex.
INSERT INTO webui_legacy_leftovers (source_table, id, legacy_row, reason)
SELECT
    'webui_sessions_legacy',
    legacy.session_id,
    json_object(
        'session_id', legacy.session_id,
        'user_id', legacy.user_id,
        'created_at', legacy.created_at,
        'updated_at', legacy.updated_at,
        'metadata', json(
            CASE typeof(legacy.metadata)
                WHEN 'blob' THEN json_object('hex', hex(legacy.metadata))
                ELSE json_quote(legacy.metadata)
            END
        )
    ),
    CASE
        WHEN chat.session_id IS NULL THEN 'not in chat_sessions'
        ELSE 'not the same as the row in chat_sessions'
    END
FROM webui_sessions_legacy AS legacy
LEFT JOIN chat_sessions AS chat ON chat.session_id = legacy.session_id
WHERE chat.session_id IS NULL
   OR NOT (
    -- As text, since a column declared TIMESTAMP turns what looks like a number into one.
    CAST(chat.created_at AS TEXT) IS legacy.created_at
    AND CASE
        WHEN typeof(chat.metadata) = 'text' AND json_valid(chat.metadata)
        THEN json_extract(chat.metadata, '$.original_user_id') IS legacy.user_id
        ELSE 0
    END
    AND CASE
        WHEN legacy.metadata IS NULL OR legacy.metadata = ''
        THEN 1
        WHEN chat.metadata IS legacy.metadata
        THEN 1
        WHEN typeof(chat.metadata) <> 'text' OR NOT json_valid(chat.metadata)
        THEN 0
        WHEN typeof(legacy.metadata) <> 'text'
        THEN json_extract(chat.metadata, '$.original_metadata.hex') IS hex(legacy.metadata)
        WHEN chat.metadata -> '$.original_metadata' IS json_quote(legacy.metadata)
        THEN 1
        WHEN NOT json_valid(legacy.metadata) OR instr(CAST(legacy.metadata AS BLOB), x'00') > 0
        THEN 0
        WHEN chat.metadata -> '$.original_metadata' IS json(legacy.metadata)
        THEN 1
        WHEN json_type(legacy.metadata) = 'object' AND json_type(chat.metadata) = 'object'
        THEN NOT EXISTS (
            SELECT 1
            FROM json_each(legacy.metadata) AS field
            WHERE (
                (chat.metadata -> field.fullkey) IS NOT (legacy.metadata -> field.fullkey)
                AND (
                    field.key <> 'source'
                    OR (chat.metadata -> '$.original_source') IS NOT (legacy.metadata -> field.fullkey)
                )
            )
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

-- Messages. One has arrived if its row in chat_messages says the same, in the same session and at the same time,
-- with all its metadata.
INSERT INTO webui_legacy_leftovers (source_table, id, legacy_row, reason)
SELECT
    'webui_messages_legacy',
    legacy.message_id,
    json_object(
        'message_id', legacy.message_id,
        'session_id', legacy.session_id,
        'role', legacy.role,
        'content', json(
            CASE typeof(legacy.content)
                WHEN 'blob' THEN json_object('hex', hex(legacy.content))
                ELSE json_quote(legacy.content)
            END
        ),
        'created_at', legacy.created_at,
        'metadata', json(
            CASE typeof(legacy.metadata)
                WHEN 'blob' THEN json_object('hex', hex(legacy.metadata))
                ELSE json_quote(legacy.metadata)
            END
        )
    ),
    CASE
        WHEN chat.message_id IS NOT NULL THEN 'not the same as the row in chat_messages'
        WHEN EXISTS (SELECT 1 FROM chat_sessions AS session WHERE session.session_id = legacy.session_id)
        THEN 'not in chat_messages'
        ELSE 'no such session'
    END
FROM webui_messages_legacy AS legacy
LEFT JOIN chat_messages AS chat ON chat.message_id = legacy.message_id
WHERE chat.message_id IS NULL
   OR NOT (
    (chat.session_id, chat.role, chat.content, CAST(chat.created_at AS TEXT))
        IS (legacy.session_id, legacy.role, legacy.content, legacy.created_at)
    AND CASE
        WHEN legacy.metadata IS NULL OR legacy.metadata = ''
        THEN 1
        WHEN chat.metadata IS legacy.metadata
        THEN 1
        WHEN typeof(chat.metadata) <> 'text' OR NOT json_valid(chat.metadata)
        THEN 0
        WHEN typeof(legacy.metadata) <> 'text'
        THEN json_extract(chat.metadata, '$.original_metadata.hex') IS hex(legacy.metadata)
        WHEN chat.metadata -> '$.original_metadata' IS json_quote(legacy.metadata)
        THEN 1
        WHEN NOT json_valid(legacy.metadata) OR instr(CAST(legacy.metadata AS BLOB), x'00') > 0
        THEN 0
        WHEN chat.metadata -> '$.original_metadata' IS json(legacy.metadata)
        THEN 1
        WHEN json_type(legacy.metadata) = 'object' AND json_type(chat.metadata) = 'object'
        THEN NOT EXISTS (
            SELECT 1
            FROM json_each(legacy.metadata) AS field
            WHERE (
                (chat.metadata -> field.fullkey) IS NOT (legacy.metadata -> field.fullkey)
                AND (
                    field.key <> 'source'
                    OR (chat.metadata -> '$.original_source') IS NOT (legacy.metadata -> field.fullkey)
                )
            )
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

-- Messages first, as they refer to the sessions.
DROP TABLE webui_messages_legacy;
DROP TABLE webui_sessions_legacy;

COMMIT;
