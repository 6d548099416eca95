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
-- By hand: psql -v ON_ERROR_STOP=1 -f. It is one transaction there too.
--
-- sessmig: wait 14 days after 34
-- sessmig: may-lose webui_sessions_legacy, webui_messages_legacy
-- sessmig: irreversible the old tables are gone; all but an old updated_at stands in the chat tables, or in leftovers
-- sessmig: allow copy-without-merge checks count instead: each old row is in its chat table, the same, or in leftovers
-- sessmig: allow drop-with-copy the tables were kept for two weeks; what stands only there is copied as they go
BEGIN;

-- Whoever writes waits, so nothing is changed between the comparison and the end of the old tables; the chat
-- tables can be read all the while.
LOCK TABLE webui_sessions_legacy, webui_messages_legacy IN ACCESS EXCLUSIVE MODE;
LOCK TABLE chat_sessions, chat_messages IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE webui_legacy_leftovers (
    source_table TEXT NOT NULL,
    id           TEXT NOT NULL,
    legacy_row   JSONB NOT NULL,
    reason       TEXT NOT NULL,
    copied_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (source_table, id)
);

-- Sessions. One has arrived if its row in chat_sessions has its created_at, its user and all its metadata.
-- updated_at is not compared, as it moves with every message; nor is the title, which users change: the one that
-- the session came with stands in metadata.
--
-- Metadata has arrived if it is there as it was; or whole, under original_metadata; or key by key, source as
-- original_source.
INSERT INTO webui_legacy_leftovers (source_table, id, legacy_row, reason)
SELECT
    'webui_sessions_legacy',
    legacy.session_id,
    to_jsonb(legacy),
    CASE
        WHEN chat.session_id IS NULL THEN 'not in chat_sessions'
        ELSE 'not the same as the row in chat_sessions'
    END
FROM webui_sessions_legacy AS legacy
LEFT JOIN chat_sessions AS chat ON chat.session_id = legacy.session_id
WHERE chat.session_id IS NULL
   OR NOT (
    chat.created_at IS NOT DISTINCT FROM legacy.created_at
    AND chat.metadata -> 'original_user_id' IS NOT DISTINCT FROM to_jsonb(legacy.user_id)
    AND CASE
        WHEN legacy.metadata IS NULL
        THEN true
        WHEN chat.metadata IS NOT DISTINCT FROM legacy.metadata
        THEN true
        WHEN chat.metadata -> 'original_metadata' IS NOT DISTINCT FROM legacy.metadata
        THEN true
        WHEN jsonb_typeof(legacy.metadata) = 'object' AND jsonb_typeof(chat.metadata) = 'object'
        THEN NOT EXISTS (
            SELECT 1
            FROM jsonb_each(legacy.metadata) AS field
            WHERE chat.metadata -> field.key IS DISTINCT FROM field.value
              AND (
                field.key <> 'source'
                OR chat.metadata -> 'original_source' IS DISTINCT FROM field.value
              )
        )
        ELSE false
    END
   );

-- Messages. One has arrived if its row in chat_messages says the same, in the same session and at the same time,
-- with all its metadata.
INSERT INTO webui_legacy_leftovers (source_table, id, legacy_row, reason)
SELECT
    'webui_messages_legacy',
    legacy.message_id,
    to_jsonb(legacy),
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
    (chat.session_id, chat.role, chat.content, chat.created_at)
        IS NOT DISTINCT FROM (legacy.session_id, legacy.role, legacy.content, legacy.created_at)
    AND CASE
        WHEN legacy.metadata IS NULL
        THEN true
        WHEN chat.metadata IS NOT DISTINCT FROM legacy.metadata
        THEN true
        WHEN chat.metadata -> 'original_metadata' IS NOT DISTINCT FROM legacy.metadata
        THEN true
        WHEN jsonb_typeof(legacy.metadata) = 'object' AND jsonb_typeof(chat.metadata) = 'object'
        THEN NOT EXISTS (
            SELECT 1
            FROM jsonb_each(legacy.metadata) AS field
            WHERE chat.metadata -> field.key IS DISTINCT FROM field.value
              AND (
                field.key <> 'source'
                OR chat.metadata -> 'original_source' IS DISTINCT FROM field.value
              )
        )
        ELSE false
    END
   );

DROP TABLE webui_messages_legacy;
DROP TABLE webui_sessions_legacy;

COMMIT;
