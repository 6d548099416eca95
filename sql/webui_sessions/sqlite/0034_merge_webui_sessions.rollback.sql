-- Take the migrated sessions and messages out of the chat tables, and give the old tables their names back
--
-- Only what the migration brought is deleted: rows that bear source and migrated_at of this run, and stand
-- in the old table, where each of them still is. The moment of the run is read from the row of 0.34.0 in
-- schema_version, which the run itself wrote; rows of another run, or from elsewhere, bear another.
--
-- By hand: sqlite3 -bail, and nothing else may write meanwhile. It is one transaction there too, and refuses by
-- itself what the verify file's requires refuse: the message is the name of a constraint below. Neither the verify
-- file's checks nor the loss guard take part, and the ledger hears nothing of it; docs/rollback.md says what to do.
--
-- sessmig: may-lose chat_sessions, chat_messages, schema_version
BEGIN;

-- What was written or changed since stands in the chat tables only: it stops this file before its first deletion.
CREATE TEMP TABLE rollback_34 (
    runs INTEGER
        CONSTRAINT "schema_version does not hold the moment of the run"
        CHECK (runs = 1),
    new_messages INTEGER
        CONSTRAINT "messages were written to migrated sessions since: move or delete them first"
        CHECK (new_messages = 0),
    changed_messages INTEGER
        CONSTRAINT "migrated messages were changed since: what they say now would be lost"
        CHECK (changed_messages = 0),
    changed_sessions INTEGER
        CONSTRAINT "migrated sessions were changed since: what they say now would be lost"
        CHECK (changed_sessions = 0)
);

INSERT INTO rollback_34 (runs, new_messages, changed_messages, changed_sessions)
WITH
    run AS (
        SELECT applied_at AS migrated_at
        FROM schema_version
        WHERE version = '0.34.0'
    ),
    arrived_session AS (
        SELECT
            chat.session_id,
            chat.title,
            chat.task_id,
            CAST(chat.created_at AS TEXT) AS created_at,
            CAST(chat.updated_at AS TEXT) AS updated_at,
            legacy.created_at AS legacy_created_at,
            legacy.updated_at AS legacy_updated_at,
            CASE
                WHEN typeof(legacy.metadata) <> 'text' OR instr(CAST(legacy.metadata AS BLOB), x'00') > 0 THEN NULL
                WHEN NOT json_valid(legacy.metadata) THEN NULL
                WHEN replace(json_extract(legacy.metadata, '$.title'), char(65533), '')
                    GLOB '*[' || char(65533) || ']*' THEN NULL
                WHEN json_type(legacy.metadata, '$.title') = 'text'
                 AND trim(json_extract(legacy.metadata, '$.title')) <> ''
                THEN json_extract(legacy.metadata, '$.title')
            END AS own_title,
            CASE
                WHEN legacy.created_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
                THEN 'Chat ' || coalesce(
                    date(legacy.created_at),
                    date(legacy.created_at || ':00'),
                    date(
                        substr(legacy.created_at, 1, length(legacy.created_at) - 2)
                        || ':' || substr(legacy.created_at, -2)
                    ),
                    substr(legacy.created_at, 1, 10)
                )
                ELSE 'Chat ' || coalesce(nullif(trim(legacy.created_at), ''), legacy.session_id)
            END AS made_title
        FROM chat_sessions AS chat
        JOIN webui_sessions_legacy AS legacy ON legacy.session_id = chat.session_id
        JOIN run
        WHERE CASE
            WHEN typeof(chat.metadata) = 'text' AND json_valid(chat.metadata)
            THEN json_extract(chat.metadata, '$.source') = 'webui_migration'
             AND json_extract(chat.metadata, '$.migrated_at') = run.migrated_at
        END
    ),
    arrived_message AS (
        SELECT
            chat.message_id,
            (chat.session_id, chat.role, chat.content, CAST(chat.created_at AS TEXT))
                IS NOT (legacy.session_id, legacy.role, legacy.content, legacy.created_at) AS is_changed
        FROM chat_messages AS chat
        JOIN webui_messages_legacy AS legacy ON legacy.message_id = chat.message_id
        JOIN run
        WHERE CASE
            WHEN typeof(chat.metadata) = 'text' AND json_valid(chat.metadata)
            THEN json_extract(chat.metadata, '$.source') = 'webui_migration'
             AND json_extract(chat.metadata, '$.migrated_at') = run.migrated_at
        END
    )
SELECT
    (SELECT count(migrated_at) FROM run),
    (
        SELECT count(*)
        FROM chat_messages AS message
        JOIN arrived_session AS session ON session.session_id = message.session_id
        WHERE NOT EXISTS (
            SELECT 1
            FROM arrived_message AS arrived
            WHERE arrived.message_id = message.message_id
        )
    ),
    (
        SELECT count(*)
        FROM arrived_message
        WHERE is_changed
    ),
    (
        SELECT count(*)
        FROM arrived_session
        WHERE title IS NOT coalesce(own_title, made_title)
           OR created_at IS NOT legacy_created_at
           OR updated_at IS NOT legacy_updated_at
           OR task_id IS NOT NULL
    );

-- The table has its row only if all of this held: a client that goes on behind the error deletes nothing.

-- Messages first. A session that is deleted takes its messages along (ON DELETE CASCADE), whoever wrote them.
DELETE FROM chat_messages
WHERE EXISTS (SELECT 1 FROM temp.rollback_34)
  AND EXISTS (
    SELECT 1
    FROM webui_messages_legacy AS legacy
    WHERE legacy.message_id = chat_messages.message_id
)
  AND CASE
    WHEN typeof(metadata) = 'text' AND json_valid(metadata)
    THEN json_extract(metadata, '$.source') = 'webui_migration'
     AND json_extract(metadata, '$.migrated_at') = (SELECT applied_at FROM schema_version WHERE version = '0.34.0')
END;

DELETE FROM chat_sessions
WHERE EXISTS (SELECT 1 FROM temp.rollback_34)
  AND EXISTS (
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
WHERE version = '0.34.0'
  AND EXISTS (SELECT 1 FROM temp.rollback_34);

DROP TABLE temp.rollback_34;

COMMIT;
