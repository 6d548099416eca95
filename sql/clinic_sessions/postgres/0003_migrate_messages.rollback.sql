-- Take the messages that came from derma_sessions and diagnosis_sessions out of messages
--
-- Only what the migration brought is deleted: messages that say migrated_from and position, are what the old list
-- says there, and were not in messages before. One that was changed since stays: the verify file stops the rollback
-- there, and says which.
--
-- By hand: psql -v ON_ERROR_STOP=1 -f, and nothing else may write meanwhile; ask the requires of
-- the verify file first. docs/rollback.md says what to do.
--
-- sessmig: may-lose messages, messages_already_there
BEGIN;

-- Whoever writes waits, so no message is changed between the look at it and its deletion.
LOCK TABLE derma_sessions, diagnosis_sessions, sessions, messages IN SHARE ROW EXCLUSIVE MODE;

DELETE FROM messages
WHERE NOT EXISTS (
    SELECT 1
    FROM messages_already_there AS kept
    WHERE kept.id = messages.id
)
  AND id IN (
    WITH
        old AS (
            SELECT 'derma_sessions' AS old_table, id, messages, created_at
            FROM derma_sessions
            UNION ALL
            SELECT 'diagnosis_sessions', id, messages, created_at
            FROM diagnosis_sessions
        ),
        element AS (
            SELECT
                old.old_table,
                old.id AS session_id,
                part.number - 1 AS position,
                CASE
                    WHEN part.element ->> 'role' IN ('assistant', 'ai', 'system') THEN 'ai'
                    ELSE 'user'
                END AS sender,
                part.element ->> 'content' AS content,
                CASE
                    WHEN part.element ->> 'task_type' IN ('skin_analysis', 'analyze_skin') THEN 'image'
                    WHEN part.element ->> 'task_type' = 'report_interpret' THEN 'report'
                    ELSE 'text'
                END AS message_type,
                -- Day, hour and minute, second, fraction, zone: NULL unless it is a time as ISO 8601 writes it.
                CASE
                    WHEN json_typeof(part.element -> 'timestamp') = 'string' THEN regexp_match(
                        part.element ->> 'timestamp',
                        '^((?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))'
                        || '[T ]((?:[01][0-9]|2[0-3]):[0-5][0-9])(:[0-5][0-9])?([.][0-9]+)?'
                        || '(Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)?$'
                    )
                END AS stamp,
                old.created_at AS session_created_at
            FROM old
            CROSS JOIN LATERAL json_array_elements(
                CASE json_typeof(old.messages) WHEN 'array' THEN old.messages ELSE '[]' END
            ) WITH ORDINALITY AS part (element, number)
            WHERE json_typeof(part.element) = 'object'
        ),
        -- MATERIALIZED has each element taken apart once.
        spoken AS MATERIALIZED (
            SELECT old_table, session_id, position, sender, content, message_type, stamp, session_created_at
            FROM element
            WHERE content <> ''
        ),
        expected AS (
            SELECT
                old_table,
                session_id,
                position,
                sender,
                content,
                message_type,
                -- The day may be one that its month does not have. Without a zone it is UTC, whatever TimeZone
                -- is set to.
                CASE
                    WHEN CAST(substr(stamp[1], 9, 2) AS INTEGER) <= extract(
                        DAY FROM make_date(
                            CAST(left(stamp[1], 4) AS INTEGER),
                            CAST(substr(stamp[1], 6, 2) AS INTEGER),
                            1
                        ) + INTERVAL '1 month' - INTERVAL '1 day'
                    ) THEN CAST(
                        stamp[1] || ' ' || stamp[2] || coalesce(stamp[3], ':00')
                        || coalesce(left(stamp[4], 7), '') || coalesce(stamp[5], 'Z') AS TIMESTAMPTZ
                    )
                    ELSE session_created_at
                END AS created_at
            FROM spoken
        )
    SELECT message.id
    FROM expected
    JOIN messages AS message
      ON message.session_id = expected.session_id
      AND CAST(message.structured_data AS TEXT) = CAST(
          json_build_object('migrated_from', expected.old_table, 'position', expected.position) AS TEXT
      )
      AND (message.sender, message.content, message.message_type, message.created_at)
          IS NOT DISTINCT FROM (expected.sender, expected.content, expected.message_type, expected.created_at)
      AND message.attachment_url IS NULL
      AND message.attachments IS NULL
);

DROP TABLE messages_already_there;

COMMIT;
