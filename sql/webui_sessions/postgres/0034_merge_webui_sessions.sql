-- Merge webui_sessions and webui_messages into chat_sessions and chat_messages
--
-- Nothing is deleted and nothing overwritten. A session or message that the chat tables hold already stays
-- as it is there; a message whose session is in neither table stays behind, and is counted. The old tables
-- keep every row under the names webui_sessions_legacy and webui_messages_legacy.
--
-- No ON CONFLICT: what is left out is left out by a condition that can be read here, and anything else that
-- does not fit fails the step instead of being dropped without a word.
--
-- By hand: psql -v ON_ERROR_STOP=1 -f. It is one transaction there too.
BEGIN;

-- The application may be running. Whoever writes waits until this step has committed, so no row slips in
-- between the reading of a table and its renaming; the chat tables can be read all the while.
LOCK TABLE webui_sessions, webui_messages IN ACCESS EXCLUSIVE MODE;
LOCK TABLE chat_sessions, chat_messages IN SHARE ROW EXCLUSIVE MODE;

-- The moment of this run. Every migrated row bears it as migrated_at, in UTC and to the second, and by it
-- the rollback knows the rows of this very run.
INSERT INTO schema_version (version, applied_at)
VALUES ('0.34.0', now());

-- Sessions. Metadata that is an object keeps all its keys, a source of its own as original_source. What is no
-- object goes whole under original_metadata; and so does, beside its keys, an object that uses one of the
-- names that are written here for something of its own, so nothing is overwritten.
INSERT INTO chat_sessions (session_id, title, task_id, created_at, updated_at, metadata)
WITH
    run AS (
        SELECT to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS migrated_at
        FROM schema_version
        WHERE version = '0.34.0'
    ),
    arriving AS (
        SELECT
            webui.session_id,
            webui.user_id,
            webui.created_at,
            webui.updated_at,
            -- A title is a text with more in it than blanks; a number is no title, and stays in metadata.
            CASE
                WHEN jsonb_typeof(webui.metadata -> 'title') = 'string' AND btrim(webui.metadata ->> 'title') <> ''
                THEN webui.metadata ->> 'title'
            END AS title,
            CASE jsonb_typeof(webui.metadata) WHEN 'object' THEN webui.metadata ELSE '{}' END AS own,
            CASE
                WHEN jsonb_typeof(webui.metadata) <> 'object'
                THEN webui.metadata
                WHEN webui.metadata ?| ARRAY['migrated_at', 'original_user_id', 'original_metadata']
                  OR webui.metadata ?& ARRAY['source', 'original_source']
                THEN webui.metadata
            END AS whole
        FROM webui_sessions AS webui
        WHERE NOT EXISTS (
            SELECT 1
            FROM chat_sessions AS chat
            WHERE chat.session_id = webui.session_id
        )
    )
SELECT
    arriving.session_id,
    -- The day in UTC, whatever TimeZone is set to; to_char gives nothing for infinity, and a title is never NULL.
    coalesce(
        arriving.title,
        'Chat ' || coalesce(
            nullif(to_char(arriving.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), ''),
            CAST(arriving.created_at AS TEXT)
        )
    ),
    NULL,
    arriving.created_at,
    arriving.updated_at,
    -- What stands further right wins: these two only where the session has none of its own.
    jsonb_build_object('conversation_mode', 'chat', 'execution_phase', 'planning')
    || arriving.own
    || CASE
        WHEN arriving.own ? 'source' THEN jsonb_build_object('original_source', arriving.own -> 'source')
        ELSE '{}'
    END
    || CASE
        WHEN arriving.whole IS NOT NULL THEN jsonb_build_object('original_metadata', arriving.whole)
        ELSE '{}'
    END
    || jsonb_build_object(
        'source', 'webui_migration',
        'migrated_at', run.migrated_at,
        'original_user_id', arriving.user_id
    )
FROM arriving
CROSS JOIN run;

-- Messages, with their metadata treated in the same way. All sessions that can come have come by now, so a
-- message has a session in one of the two tables exactly if chat_sessions holds it.
INSERT INTO chat_messages (message_id, session_id, role, content, created_at, metadata)
WITH
    run AS (
        SELECT to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS migrated_at
        FROM schema_version
        WHERE version = '0.34.0'
    ),
    arriving AS (
        SELECT
            webui.message_id,
            webui.session_id,
            webui.role,
            webui.content,
            webui.created_at,
            CASE jsonb_typeof(webui.metadata) WHEN 'object' THEN webui.metadata ELSE '{}' END AS own,
            CASE
                WHEN jsonb_typeof(webui.metadata) <> 'object'
                THEN webui.metadata
                WHEN webui.metadata ?| ARRAY['migrated_at', 'original_metadata']
                  OR webui.metadata ?& ARRAY['source', 'original_source']
                THEN webui.metadata
            END AS whole
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
    )
SELECT
    arriving.message_id,
    arriving.session_id,
    arriving.role,
    arriving.content,
    arriving.created_at,
    arriving.own
    || CASE
        WHEN arriving.own ? 'source' THEN jsonb_build_object('original_source', arriving.own -> 'source')
        ELSE '{}'
    END
    || CASE
        WHEN arriving.whole IS NOT NULL THEN jsonb_build_object('original_metadata', arriving.whole)
        ELSE '{}'
    END
    || jsonb_build_object(
        'source', 'webui_migration',
        'migrated_at', run.migrated_at
    )
FROM arriving
CROSS JOIN run;

-- The rename carries the indexes along, under the names they have.
ALTER TABLE webui_sessions RENAME TO webui_sessions_legacy;
ALTER TABLE webui_messages RENAME TO webui_messages_legacy;

-- Migrated rows only.
-- sessmig: allow require-concurrent-index-creation writers wait already, by the LOCK above, until the step has committed
CREATE INDEX idx_chat_sessions_webui_migration
ON chat_sessions (session_id)
WHERE metadata ->> 'source' = 'webui_migration';

-- sessmig: allow require-concurrent-index-creation writers wait already, by the LOCK above, until the step has committed
CREATE INDEX idx_chat_messages_webui_migration
ON chat_messages (session_id)
WHERE metadata ->> 'source' = 'webui_migration';

COMMIT;
