-- Before the step.

-- require: the tables of both sides exist
SELECT wanted.name AS missing_table
FROM (
    VALUES ('sessions'), ('messages'), ('derma_sessions'), ('diagnosis_sessions')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- They tell by which sessions the messages came. This step can be run by itself once they have (--only 3).
-- require: steps 1 and 2 stand applied
SELECT wanted.name AS missing_table
FROM (
    VALUES ('derma_already_there'), ('diagnosis_already_there')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- One that came into an old table after step 1 or 2: sessmig rollback --to 0, then migrate again.
-- require: every old session is in sessions
SELECT old.id, old.old_table, old.user_id, old.created_at
FROM (
    SELECT id, 'derma_sessions' AS old_table, user_id, created_at FROM derma_sessions
    UNION ALL
    SELECT id, 'diagnosis_sessions', user_id, created_at FROM diagnosis_sessions
) AS old
WHERE NOT EXISTS (
    SELECT 1
    FROM sessions AS there
    WHERE there.id = old.id
)
ORDER BY old.id;

-- A text cannot hold \u0000, nor half a character (\ud83d: JavaScript cut it within an emoji). Put it right: UPDATE
-- ... SET messages = replace(messages::text, '\u0000', '')::json.
-- require: PostgreSQL can read all messages (no \u0000 and no half character)
SELECT old.id, old.old_table
FROM (
    SELECT id, 'derma_sessions' AS old_table, CAST(messages AS TEXT) AS content FROM derma_sessions
    UNION ALL
    SELECT id, 'diagnosis_sessions', CAST(messages AS TEXT) FROM diagnosis_sessions
) AS old
WHERE CASE
    WHEN old.content ~ '\\u(0000|[dD][89a-fA-F])' THEN regexp_replace(
        old.content,
        '\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}',
        ' ',
        'g'
    ) ~ '\\u(0000|[dD][89a-fA-F])'
END
ORDER BY old.id;

-- The row account: the k-th element that says this, in this session, by this sender, at this time, is the k-th message
-- that does. Not one may be missing. What was there already stays as it is.
-- merge: (
--     SELECT session_id, sender, content, at, occurrence, message_type
--     FROM (
--         WITH
--             old AS (
--                 SELECT 'derma_sessions' AS old_table, id, messages, created_at
--                 FROM derma_sessions
--                 UNION ALL
--                 SELECT 'diagnosis_sessions', id, messages, created_at
--                 FROM diagnosis_sessions
--             ),
--             element AS (
--                 SELECT
--                     old.old_table,
--                     old.id AS session_id,
--                     part.number - 1 AS position,
--                     CASE
--                         WHEN part.element ->> 'role' IN ('assistant', 'ai', 'system') THEN 'ai'
--                         ELSE 'user'
--                     END AS sender,
--                     part.element ->> 'content' AS content,
--                     CASE
--                         WHEN part.element ->> 'task_type' IN ('skin_analysis', 'analyze_skin') THEN 'image'
--                         WHEN part.element ->> 'task_type' = 'report_interpret' THEN 'report'
--                         ELSE 'text'
--                     END AS message_type,
--                     CASE
--                         WHEN json_typeof(part.element -> 'timestamp') = 'string' THEN regexp_match(
--                             part.element ->> 'timestamp',
--                             '^((?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))'
--                             || '[T ]((?:[01][0-9]|2[0-3]):[0-5][0-9])(:[0-5][0-9])?([.][0-9]+)?'
--                             || '(Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)?$'
--                         )
--                     END AS stamp,
--                     old.created_at AS session_created_at
--                 FROM old
--                 CROSS JOIN LATERAL json_array_elements(
--                     CASE json_typeof(old.messages) WHEN 'array' THEN old.messages ELSE '[]' END
--                 ) WITH ORDINALITY AS part (element, number)
--                 WHERE json_typeof(part.element) = 'object'
--             ),
--             spoken AS MATERIALIZED (
--                 SELECT old_table, session_id, position, sender, content, message_type, stamp, session_created_at
--                 FROM element
--                 WHERE content <> ''
--             ),
--             expected AS (
--                 SELECT
--                     old_table,
--                     session_id,
--                     position,
--                     sender,
--                     content,
--                     message_type,
--                     CASE
--                         WHEN CAST(substr(stamp[1], 9, 2) AS INTEGER) <= extract(
--                             DAY FROM make_date(
--                                 CAST(left(stamp[1], 4) AS INTEGER),
--                                 CAST(substr(stamp[1], 6, 2) AS INTEGER),
--                                 1
--                             ) + INTERVAL '1 month' - INTERVAL '1 day'
--                         ) THEN CAST(
--                             stamp[1] || ' ' || stamp[2] || coalesce(stamp[3], ':00')
--                             || coalesce(left(stamp[4], 7), '') || coalesce(stamp[5], 'Z') AS TIMESTAMPTZ
--                         )
--                         ELSE session_created_at
--                     END AS created_at
--                 FROM spoken
--             )
--         SELECT
--             session_id,
--             sender,
--             content,
--             coalesce(created_at, '-infinity') AS at,
--             row_number() OVER (
--                 PARTITION BY session_id, sender, content, created_at
--                 ORDER BY old_table, position
--             ) AS occurrence,
--             message_type
--         FROM expected
--     ) AS said
-- ) into (
--     SELECT
--         session_id,
--         sender,
--         content,
--         coalesce(created_at, '-infinity') AS at,
--         row_number() OVER (PARTITION BY session_id, sender, content, created_at ORDER BY id) AS occurrence,
--         message_type
--     FROM messages
--     WHERE session_id IN (
--         SELECT id FROM derma_sessions
--         UNION ALL
--         SELECT id FROM diagnosis_sessions
--     )
-- ) on session_id, sender, content, at, occurrence
--     comparing message_type
-- differing: keep

-- measure before: old_sessions
SELECT (SELECT count(*) FROM derma_sessions) + (SELECT count(*) FROM diagnosis_sessions);

-- After the step.

-- measure: messages_total
SELECT count(*)
FROM messages;

-- The next ones speak of the old tables under their old names, and so of the time before step 4: that a measure from
-- before stands in them makes it so.

-- measure: elements
SELECT count(*)
FROM (
    SELECT messages FROM derma_sessions
    UNION ALL
    SELECT messages FROM diagnosis_sessions
) AS old
CROSS JOIN LATERAL json_array_elements(
    CASE json_typeof(old.messages) WHEN 'array' THEN old.messages ELSE '[]' END
) AS part (element)
WHERE :old_sessions >= 0;

-- measure: elements_without_content
SELECT count(*)
FROM (
    SELECT messages FROM derma_sessions
    UNION ALL
    SELECT messages FROM diagnosis_sessions
) AS old
CROSS JOIN LATERAL json_array_elements(
    CASE json_typeof(old.messages) WHEN 'array' THEN old.messages ELSE '[]' END
) AS part (element)
WHERE :old_sessions >= 0
  AND CASE json_typeof(part.element)
    WHEN 'object' THEN coalesce(part.element ->> 'content', '') = ''
    ELSE true
END;

-- measure: messages_migrated
SELECT count(*) - (SELECT count(*) FROM messages_already_there)
FROM messages
WHERE :old_sessions >= 0
  AND session_id IN (
    SELECT id FROM derma_sessions
    UNION ALL
    SELECT id FROM diagnosis_sessions
);

-- Elements that messages held already, each counted once.
-- measure: already_there
SELECT :elements - :elements_without_content - :messages_migrated;

-- check: every migrated message says where it came from
SELECT message.id, message.session_id, message.structured_data
FROM messages AS message
WHERE :old_sessions >= 0
  AND message.session_id IN (
    SELECT id FROM derma_sessions
    UNION ALL
    SELECT id FROM diagnosis_sessions
)
  AND NOT EXISTS (
    SELECT 1
    FROM messages_already_there AS kept
    WHERE kept.id = message.id
)
  AND coalesce(CAST(message.structured_data AS TEXT), '')
    !~ '^{"migrated_from" : "(derma|diagnosis)_sessions", "position" : [0-9]+}$';

-- check: no element came twice
SELECT message.session_id, CAST(message.structured_data AS TEXT) AS structured_data, count(*) AS messages
FROM messages AS message
WHERE CAST(message.structured_data AS TEXT)
    ~ '^{"migrated_from" : "(derma|diagnosis)_sessions", "position" : [0-9]+}$'
  AND :old_sessions >= 0
  AND NOT EXISTS (
    SELECT 1
    FROM messages_already_there AS kept
    WHERE kept.id = message.id
)
GROUP BY message.session_id, CAST(message.structured_data AS TEXT)
HAVING count(*) > 1;

-- They are no messages either, and stay in original_messages.
-- warn: what stands where a list of messages should, and is none
SELECT old.id, old.old_table, json_typeof(old.messages) AS kind
FROM (
    SELECT id, 'derma_sessions' AS old_table, messages FROM derma_sessions
    UNION ALL
    SELECT id, 'diagnosis_sessions', messages FROM diagnosis_sessions
) AS old
WHERE :old_sessions >= 0
  AND json_typeof(old.messages) NOT IN ('array', 'null')
ORDER BY old.id;

-- Their messages bear the time of their session. What is no time at all (no timestamp, null) is not told.
-- warn: timestamps of messages that cannot be read
WITH
    old AS (
        SELECT 'derma_sessions' AS old_table, id, messages, created_at
        FROM derma_sessions
        UNION ALL
        SELECT 'diagnosis_sessions', id, messages, created_at
        FROM diagnosis_sessions
    ),
    element AS MATERIALIZED (
        SELECT
            old.old_table,
            old.id AS session_id,
            part.number - 1 AS position,
            part.element ->> 'content' AS content,
            -- Day, hour and minute, second, fraction, zone: NULL unless it is a time as ISO 8601 writes it.
            CASE
                WHEN json_typeof(part.element -> 'timestamp') = 'string' THEN regexp_match(
                    part.element ->> 'timestamp',
                    '^((?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))'
                    || '[T ]((?:[01][0-9]|2[0-3]):[0-5][0-9])(:[0-5][0-9])?([.][0-9]+)?'
                    || '(Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)?$'
                )
            END AS stamp,
            part.element -> 'timestamp' AS said
        FROM old
        CROSS JOIN LATERAL json_array_elements(
            CASE json_typeof(old.messages) WHEN 'array' THEN old.messages ELSE '[]' END
        ) WITH ORDINALITY AS part (element, number)
        WHERE :old_sessions >= 0
          AND json_typeof(part.element) = 'object'
    )
    SELECT session_id, old_table, position, said AS timestamp
    FROM element
    WHERE content <> ''
      AND json_typeof(said) <> 'null'
      AND (
        stamp IS NULL
        OR NOT CAST(substr(stamp[1], 9, 2) AS INTEGER) <= extract(
            DAY FROM make_date(
                CAST(left(stamp[1], 4) AS INTEGER),
                CAST(substr(stamp[1], 6, 2) AS INTEGER),
                1
            ) + INTERVAL '1 month' - INTERVAL '1 day'
        )
      )
ORDER BY session_id, old_table, position;

-- Somebody else reads them now: look whether they are the same person.
-- warn: messages that came to a session of another user
SELECT old.id, old.old_table, old.user_id AS old_user_id, there.user_id
FROM (
    SELECT id, 'derma_sessions' AS old_table, user_id, messages FROM derma_sessions
    UNION ALL
    SELECT id, 'diagnosis_sessions', user_id, messages FROM diagnosis_sessions
) AS old
JOIN sessions AS there ON there.id = old.id
WHERE :old_sessions >= 0
  AND there.user_id <> old.user_id
ORDER BY old.id, old.old_table;

-- The quality of what is there now, migrated or not: sessmig verify --quality.

-- warn: sessions by agent_type
SELECT agent_type, count(*) AS sessions
FROM sessions
GROUP BY agent_type
ORDER BY agent_type;

-- warn: sessions without agent_state
SELECT id, agent_type, created_at
FROM sessions
WHERE coalesce(trim(CAST(agent_state AS TEXT)), '') IN ('', 'null', '{}')
ORDER BY id;

-- warn: sessions without messages
SELECT session.id, session.agent_type, session.created_at
FROM sessions AS session
WHERE NOT EXISTS (
    SELECT 1
    FROM messages AS message
    WHERE message.session_id = session.id
)
ORDER BY session.id;

-- warn: sessions with an empty chief complaint
SELECT id, agent_type, created_at
FROM sessions
WHERE CAST(agent_state AS TEXT) ~ '"chief_complaint"\s*:\s*(null|"\s*")'
ORDER BY id;
