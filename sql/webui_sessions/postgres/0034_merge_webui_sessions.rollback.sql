-- Take the migrated sessions and messages out of the chat tables, and give the old tables their names back
--
-- Only what the migration brought is deleted: rows that bear source and migrated_at of this run, and stand
-- in the old table, where each of them still is. The moment of the run is read from the row of 0.34.0 in
-- schema_version, which the run itself wrote; rows of another run, or from elsewhere, bear another.
--
-- By hand: psql -v ON_ERROR_STOP=1 -f. It is one transaction there too, and refuses by itself what the verify
-- file's requires refuse. Neither the verify file's checks nor the loss guard take part, and the ledger hears
-- nothing of it; docs/rollback.md says what to do.
--
-- sessmig: may-lose chat_sessions, chat_messages, schema_version
BEGIN;

-- Whoever writes waits, so no message reaches a session between the look at it and its deletion.
LOCK TABLE webui_sessions_legacy, webui_messages_legacy IN ACCESS EXCLUSIVE MODE;
LOCK TABLE chat_sessions, chat_messages IN SHARE ROW EXCLUSIVE MODE;

-- What was written or changed since stands in the chat tables only: it stops this file before its first deletion,
-- also where it came after the verify file's requires were asked, but before the locks.
DO $$
DECLARE
    moment TEXT;
    number BIGINT;
BEGIN
    SELECT to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
    INTO moment
    FROM schema_version
    WHERE version = '0.34.0';
    IF moment IS NULL THEN
        RAISE EXCEPTION 'schema_version does not hold the moment of the run (0.34.0)';
    END IF;

    SELECT count(*)
    INTO number
    FROM chat_messages AS message
    JOIN chat_sessions AS session ON session.session_id = message.session_id
    JOIN webui_sessions_legacy AS legacy ON legacy.session_id = session.session_id
    WHERE session.metadata ->> 'source' = 'webui_migration'
      AND session.metadata ->> 'migrated_at' = moment
      AND NOT (
        EXISTS (
            SELECT 1
            FROM webui_messages_legacy AS old
            WHERE old.message_id = message.message_id
        )
        AND message.metadata ->> 'source' IS NOT DISTINCT FROM 'webui_migration'
        AND message.metadata ->> 'migrated_at' IS NOT DISTINCT FROM moment
      );
    IF number > 0 THEN
        RAISE EXCEPTION '% messages were written to migrated sessions since: move or delete them first', number;
    END IF;

    SELECT count(*)
    INTO number
    FROM chat_messages AS message
    JOIN webui_messages_legacy AS legacy ON legacy.message_id = message.message_id
    WHERE message.metadata ->> 'source' = 'webui_migration'
      AND message.metadata ->> 'migrated_at' = moment
      AND (message.session_id, message.role, message.content, message.created_at)
        IS DISTINCT FROM (legacy.session_id, legacy.role, legacy.content, legacy.created_at);
    IF number > 0 THEN
        RAISE EXCEPTION '% migrated messages were changed since: what they say now would be lost', number;
    END IF;

    SELECT count(*)
    INTO number
    FROM chat_sessions AS session
    JOIN webui_sessions_legacy AS legacy ON legacy.session_id = session.session_id
    WHERE session.metadata ->> 'source' = 'webui_migration'
      AND session.metadata ->> 'migrated_at' = moment
      AND (
        session.title IS DISTINCT FROM CASE
            WHEN jsonb_typeof(legacy.metadata -> 'title') = 'string' AND btrim(legacy.metadata ->> 'title') <> ''
            THEN legacy.metadata ->> 'title'
            ELSE 'Chat ' || coalesce(
                nullif(to_char(legacy.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), ''),
                CAST(legacy.created_at AS TEXT)
            )
        END
        OR session.created_at IS DISTINCT FROM legacy.created_at
        OR session.updated_at IS DISTINCT FROM legacy.updated_at
        OR session.task_id IS NOT NULL
      );
    IF number > 0 THEN
        RAISE EXCEPTION '% migrated sessions were changed since: what they say now would be lost', number;
    END IF;
END $$;

-- Messages first. A session that is deleted takes its messages along (ON DELETE CASCADE), whoever wrote them.
DELETE FROM chat_messages AS message
USING webui_messages_legacy AS legacy, schema_version AS run
WHERE legacy.message_id = message.message_id
  AND run.version = '0.34.0'
  AND message.metadata ->> 'source' = 'webui_migration'
  AND message.metadata ->> 'migrated_at' = to_char(run.applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS');

DELETE FROM chat_sessions AS session
USING webui_sessions_legacy AS legacy, schema_version AS run
WHERE legacy.session_id = session.session_id
  AND run.version = '0.34.0'
  AND session.metadata ->> 'source' = 'webui_migration'
  AND session.metadata ->> 'migrated_at' = to_char(run.applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
  AND NOT EXISTS (
    SELECT 1
    FROM chat_messages AS message
    WHERE message.session_id = session.session_id
);

-- sessmig: allow require-concurrent-index-deletion writers wait already, by the LOCK above; readers for the rest of it
DROP INDEX IF EXISTS idx_chat_sessions_webui_migration;
-- sessmig: allow require-concurrent-index-deletion writers wait already, by the LOCK above; readers for the rest of it
DROP INDEX IF EXISTS idx_chat_messages_webui_migration;

ALTER TABLE webui_messages_legacy RENAME TO webui_messages;
ALTER TABLE webui_sessions_legacy RENAME TO webui_sessions;

-- Last, as the statements above read it.
DELETE FROM schema_version
WHERE version = '0.34.0';

COMMIT;
