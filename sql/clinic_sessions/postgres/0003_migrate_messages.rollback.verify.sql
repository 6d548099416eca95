-- Before the rollback.

-- require: the tables of both sides exist
SELECT wanted.name AS missing_table
FROM (
    VALUES ('derma_sessions'), ('diagnosis_sessions'), ('sessions'), ('messages')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- What the rollback of steps 1 and 2 would have to take along, and cannot: so it begins with nothing. To go on, give
-- these messages a session that stays (UPDATE messages SET session_id = ...), or copy them elsewhere and delete them;
-- then run the same command again.
-- require: no message was written to a migrated session since (move these to a session that stays, or delete them)
SELECT
    message.session_id,
    count(*) AS messages,
    sum(count(*)) OVER () AS messages_in_all,
    min(message.id) AS first_message
FROM messages AS message
WHERE message.session_id IN (
    SELECT old.id
    FROM derma_sessions AS old
    WHERE NOT EXISTS (
      SELECT 1
      FROM derma_already_there AS kept
      WHERE kept.id = old.id
  )
    UNION ALL
    SELECT old.id
    FROM diagnosis_sessions AS old
    WHERE NOT EXISTS (
      SELECT 1
      FROM diagnosis_already_there AS kept
      WHERE kept.id = old.id
  )
)
  AND NOT EXISTS (
    SELECT 1
    FROM messages_already_there AS kept
    WHERE kept.id = message.id
)
  AND coalesce(NOT (
    CAST(message.structured_data AS TEXT)
    ~ '^{"migrated_from" : "(derma|diagnosis)_sessions", "position" : [0-9]+}$'
  ), true)
GROUP BY message.session_id
ORDER BY message.session_id;

-- A copy that somebody made since, with structured_data and all, would go with the one that it is a copy of.
-- require: no migrated message stands there twice (set structured_data of the copy to NULL, or delete it)
SELECT
    message.session_id,
    CAST(message.structured_data AS TEXT) AS structured_data,
    count(*) AS messages,
    max(message.id) AS last_message
FROM messages AS message
WHERE CAST(message.structured_data AS TEXT)
    ~ '^{"migrated_from" : "(derma|diagnosis)_sessions", "position" : [0-9]+}$'
  AND NOT EXISTS (
    SELECT 1
    FROM messages_already_there AS kept
    WHERE kept.id = message.id
)
GROUP BY message.session_id, CAST(message.structured_data AS TEXT)
HAVING count(*) > 1
ORDER BY message.session_id, CAST(message.structured_data AS TEXT);

-- What was written into them since stands nowhere else.
-- require: no migrated message was changed since
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
    ),
    same AS (
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
    )
SELECT changed.id, changed.session_id, changed.sender, changed.content, changed.created_at
FROM messages AS changed
WHERE changed.id IN (
    SELECT message.id
    FROM messages AS message
    WHERE (
    CAST(message.structured_data AS TEXT)
    ~ '^{"migrated_from" : "(derma|diagnosis)_sessions", "position" : [0-9]+}$'
  )
    EXCEPT
    SELECT id FROM messages_already_there
    EXCEPT
    SELECT id FROM same
)
ORDER BY changed.id;

-- measure before: messages_to_remove
SELECT count(*)
FROM messages AS message
WHERE (
    CAST(message.structured_data AS TEXT)
    ~ '^{"migrated_from" : "(derma|diagnosis)_sessions", "position" : [0-9]+}$'
  )
  AND NOT EXISTS (
    SELECT 1
    FROM messages_already_there AS kept
    WHERE kept.id = message.id
);

-- measure before: messages_left
SELECT count(*) - :messages_to_remove
FROM messages;

-- After the rollback.

-- What was counted before was counted before the locks: there may be more than there were, never fewer.
-- check: messages has lost nothing else
SELECT :messages_left AS expected, count(*) AS messages
FROM messages
HAVING count(*) < :messages_left;
