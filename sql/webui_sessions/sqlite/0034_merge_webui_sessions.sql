-- Merge webui_sessions and webui_messages into chat_sessions and chat_messages
--
-- Nothing is deleted and nothing overwritten. A session or message that the chat tables hold already stays
-- as it is there; a message whose session is in neither table stays behind, and is counted. The old tables
-- keep every row under the names webui_sessions_legacy and webui_messages_legacy.
--
-- No OR IGNORE, no ON CONFLICT: what is left out is left out by a condition that can be read here, and
-- anything else that does not fit fails the step instead of being dropped without a word.
--
-- By hand: sqlite3 -bail. It is one transaction there too.
BEGIN;

-- The moment of this run, in UTC, taken once: CURRENT_TIMESTAMP may tick between two statements. Every
-- migrated row bears this value as migrated_at, and by it the rollback knows the rows of this very run.
INSERT INTO schema_version (version, applied_at)
VALUES ('0.34.0', CURRENT_TIMESTAMP);

-- Sessions. What metadata holds decides how it is kept:
--   none     NULL or '': nothing to keep
--   blob     no text at all: kept in hex
--   text     no JSON, or text with a NUL in it, behind which the JSON functions do not look
--   json     JSON, but no object; or an object in which a key that is written below occurs twice or
--            with escapes ("sour\u0063e"), so that json_set would miss it
--   object   the ordinary case
-- All but the object go whole under original_metadata. An object that uses one of the names that are
-- written below for something of its own is kept there too, beside its keys, so nothing is overwritten.
-- json_set and json_insert leave all else as it was written, numbers too; json_patch would drop nulls.
INSERT INTO chat_sessions (session_id, title, task_id, created_at, updated_at, metadata)
WITH
    run AS (
        SELECT applied_at AS migrated_at
        FROM schema_version
        WHERE version = '0.34.0'
    ),
    written (key) AS (
        VALUES
            ('source'),
            ('migrated_at'),
            ('original_user_id'),
            ('original_source'),
            ('original_metadata'),
            ('conversation_mode'),
            ('execution_phase')
    ),
    arriving AS (
        SELECT
            webui.session_id,
            webui.user_id,
            webui.created_at,
            webui.updated_at,
            webui.metadata,
            CASE
                WHEN webui.metadata IS NULL OR webui.metadata = '' THEN 'none'
                WHEN typeof(webui.metadata) <> 'text' THEN 'blob'
                WHEN instr(CAST(webui.metadata AS BLOB), x'00') > 0 THEN 'text'
                WHEN NOT json_valid(webui.metadata) THEN 'text'
                WHEN json_type(webui.metadata) <> 'object' THEN 'json'
                WHEN (
                    SELECT count(*)
                    FROM json_each(webui.metadata) AS field
                    JOIN written ON written.key = field.key
                ) <> (
                    SELECT count(*)
                    FROM written
                    WHERE json_type(webui.metadata, '$.' || written.key) IS NOT NULL
                ) THEN 'json'
                ELSE 'object'
            END AS form
        FROM webui_sessions AS webui
        WHERE NOT EXISTS (
            SELECT 1
            FROM chat_sessions AS chat
            WHERE chat.session_id = webui.session_id
        )
    ),
    parted AS (
        SELECT
            session_id,
            user_id,
            created_at,
            updated_at,
            -- A title is a text with more in it than blanks; a number is no title, and stays in metadata. Nor is
            -- a text with half a character in it ("\ud83d": JavaScript cut it within an emoji): as a column's
            -- value no driver could read it. GLOB sees such a half as U+FFFD.
            CASE
                WHEN form NOT IN ('object', 'json') THEN NULL
                WHEN json_type(metadata, '$.title') <> 'text' THEN NULL
                WHEN replace(json_extract(metadata, '$.title'), char(65533), '') GLOB '*[' || char(65533) || ']*'
                THEN NULL
                WHEN trim(json_extract(metadata, '$.title')) <> '' THEN json_extract(metadata, '$.title')
            END AS title,
            CASE form WHEN 'object' THEN metadata ELSE '{}' END AS own,
            CASE form
                WHEN 'blob' THEN json_object('hex', hex(metadata))
                WHEN 'text' THEN json_quote(metadata)
                WHEN 'json' THEN metadata
                WHEN 'object' THEN
                    CASE
                        WHEN json_type(metadata, '$.migrated_at') IS NOT NULL
                          OR json_type(metadata, '$.original_user_id') IS NOT NULL
                          OR json_type(metadata, '$.original_metadata') IS NOT NULL
                          OR (
                              json_type(metadata, '$.source') IS NOT NULL
                              AND json_type(metadata, '$.original_source') IS NOT NULL
                          )
                        THEN metadata
                    END
            END AS whole
        FROM arriving
    ),
    kept AS (
        SELECT
            session_id,
            user_id,
            created_at,
            updated_at,
            title,
            whole,
            CASE
                WHEN json_type(own, '$.source') IS NULL THEN own
                ELSE json_set(own, '$.original_source', json(own -> '$.source'))
            END AS own
        FROM parted
    )
SELECT
    kept.session_id,
    -- The day in UTC, where created_at is a date; else created_at as it is written: a title is never NULL.
    -- date() knows offsets as +02:00 only, so +02 and +0200 are put right for it.
    CASE
        WHEN kept.title IS NOT NULL THEN kept.title
        WHEN kept.created_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
        THEN 'Chat ' || coalesce(
            date(kept.created_at),
            date(kept.created_at || ':00'),
            date(substr(kept.created_at, 1, length(kept.created_at) - 2) || ':' || substr(kept.created_at, -2)),
            substr(kept.created_at, 1, 10)
        )
        ELSE 'Chat ' || coalesce(nullif(trim(kept.created_at), ''), kept.session_id)
    END,
    NULL,
    kept.created_at,
    kept.updated_at,
    json_insert(
        json_set(
            CASE
                WHEN kept.whole IS NULL THEN kept.own
                ELSE json_set(kept.own, '$.original_metadata', json(kept.whole))
            END,
            '$.source', 'webui_migration',
            '$.migrated_at', run.migrated_at,
            '$.original_user_id', kept.user_id
        ),
        -- Only where the session has none of its own.
        '$.conversation_mode', 'chat',
        '$.execution_phase', 'planning'
    )
FROM kept
CROSS JOIN run;

-- Messages, with their metadata treated in the same way. All sessions that can come have come by now, so a
-- message has a session in one of the two tables exactly if chat_sessions holds it.
INSERT INTO chat_messages (message_id, session_id, role, content, created_at, metadata)
WITH
    run AS (
        SELECT applied_at AS migrated_at
        FROM schema_version
        WHERE version = '0.34.0'
    ),
    written (key) AS (
        VALUES
            ('source'),
            ('migrated_at'),
            ('original_source'),
            ('original_metadata')
    ),
    arriving AS (
        SELECT
            webui.message_id,
            webui.session_id,
            webui.role,
            webui.content,
            webui.created_at,
            webui.metadata,
            CASE
                WHEN webui.metadata IS NULL OR webui.metadata = '' THEN 'none'
                WHEN typeof(webui.metadata) <> 'text' THEN 'blob'
                WHEN instr(CAST(webui.metadata AS BLOB), x'00') > 0 THEN 'text'
                WHEN NOT json_valid(webui.metadata) THEN 'text'
                WHEN json_type(webui.metadata) <> 'object' THEN 'json'
                WHEN (
                    SELECT count(*)
                    FROM json_each(webui.metadata) AS field
                    JOIN written ON written.key = field.key
                ) <> (
                    SELECT count(*)
                    FROM written
                    WHERE json_type(webui.metadata, '$.' || written.key) IS NOT NULL
                ) THEN 'json'
                ELSE 'object'
            END AS form
        FROM webui_messages AS webui
        WHERE EXISTS (
            SELECT 1
            FROM chat_sessions AS session
            WHERE session.session_id = webui.session_id
        )
          AND NOT EXISTS (
            SELECT 1
            FROM chat_messages AS chat
            WHERE chat.message_id = webui.message_id
        )
    ),
    parted AS (
        SELECT
            message_id,
            session_id,
            role,
            content,
            created_at,
            CASE form WHEN 'object' THEN metadata ELSE '{}' END AS own,
            CASE form
                WHEN 'blob' THEN json_object('hex', hex(metadata))
                WHEN 'text' THEN json_quote(metadata)
                WHEN 'json' THEN metadata
                WHEN 'object' THEN
                    CASE
                        WHEN json_type(metadata, '$.migrated_at') IS NOT NULL
                          OR json_type(metadata, '$.original_metadata') IS NOT NULL
                          OR (
                              json_type(metadata, '$.source') IS NOT NULL
                              AND json_type(metadata, '$.original_source') IS NOT NULL
                          )
                        THEN metadata
                    END
            END AS whole
        FROM arriving
    ),
    kept AS (
        SELECT
            message_id,
            session_id,
            role,
            content,
            created_at,
            whole,
            CASE
                WHEN json_type(own, '$.source') IS NULL THEN own
                ELSE json_set(own, '$.original_source', json(own -> '$.source'))
            END AS own
        FROM parted
    )
SELECT
    kept.message_id,
    kept.session_id,
    kept.role,
    kept.content,
    kept.created_at,
    json_set(
        CASE
            WHEN kept.whole IS NULL THEN kept.own
            ELSE json_set(kept.own, '$.original_metadata', json(kept.whole))
        END,
        '$.source', 'webui_migration',
        '$.migrated_at', run.migrated_at
    )
FROM kept
CROSS JOIN run;

-- The rename carries the indexes along, and the reference of the messages to their sessions.
ALTER TABLE webui_sessions RENAME TO webui_sessions_legacy;
ALTER TABLE webui_messages RENAME TO webui_messages_legacy;

-- Migrated rows only. json_extract raises on text that is no JSON, and behind an index it would do so at
-- every INSERT; CASE asks json_valid first, so the application may go on writing what it likes.
CREATE INDEX idx_chat_sessions_webui_migration
ON chat_sessions (session_id)
WHERE CASE
    WHEN typeof(metadata) = 'text' AND json_valid(metadata) THEN json_extract(metadata, '$.source')
END = 'webui_migration';

CREATE INDEX idx_chat_messages_webui_migration
ON chat_messages (session_id)
WHERE CASE
    WHEN typeof(metadata) = 'text' AND json_valid(metadata) THEN json_extract(metadata, '$.source')
END = 'webui_migration';

COMMIT;
