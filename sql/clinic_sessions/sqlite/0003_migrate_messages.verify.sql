-- Before the step.

-- require: the tables of both sides exist
WITH wanted (name) AS (
    VALUES ('sessions'), ('messages'), ('derma_sessions'), ('diagnosis_sessions')
)
SELECT wanted.name AS missing_table
FROM wanted
WHERE NOT EXISTS (
    SELECT 1
    FROM sqlite_master AS present
    WHERE present.type = 'table'
      AND lower(present.name) = wanted.name
);

-- They tell by which sessions the messages came. This step can be run by itself once they have (--only 3).
-- require: steps 1 and 2 stand applied
SELECT wanted.name AS missing_table
FROM (
    SELECT 'derma_already_there' AS name UNION ALL SELECT 'diagnosis_already_there'
) AS wanted
WHERE NOT EXISTS (
    SELECT 1
    FROM sqlite_master AS present
    WHERE present.type = 'table'
      AND present.name = wanted.name
);

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

-- U+10FFFD stands for \u0000 while the step reads them.
-- require: no message holds both \u0000 and U+10FFFD
SELECT old.id, old.old_table
FROM (
    SELECT id, 'derma_sessions' AS old_table, messages FROM derma_sessions
    UNION ALL
    SELECT id, 'diagnosis_sessions', messages FROM diagnosis_sessions
) AS old
WHERE instr(old.messages, '\u0000') > 0
  AND (instr(old.messages, char(1114109)) > 0 OR old.messages LIKE '%\udbff\udffd%')
ORDER BY old.id;

-- Half a character ("\ud83d": JavaScript cut it within an emoji) is no text that a driver could read from a column.
-- GLOB sees it as U+FFFD. Put it right: UPDATE ... SET messages = replace(messages, '\ud83d', '').
-- require: every message can be read as text (no half character)
SELECT old.id, old.old_table, part.key AS position
FROM (
    SELECT id, 'derma_sessions' AS old_table, messages FROM derma_sessions
    UNION ALL
    SELECT id, 'diagnosis_sessions', messages FROM diagnosis_sessions
) AS old
JOIN json_each(
    CASE
        WHEN old.messages IS NULL OR instr(CAST(old.messages AS BLOB), x'00') > 0 THEN '[]'
        WHEN old.messages NOT LIKE '%\ud%' OR NOT json_valid(old.messages) THEN '[]'
        WHEN json_type(old.messages) <> 'array' THEN '[]'
        ELSE old.messages
    END
) AS part
JOIN json_each(part.value) AS field
WHERE part.type = 'object'
  AND field.key = 'content'
  AND replace(field.value, char(65533), '') GLOB '*[' || char(65533) || ']*'
ORDER BY old.id, part.key;

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
--             listed AS (
--                 SELECT
--                     old_table,
--                     id,
--                     created_at,
--                     instr(messages, '\u0000') > 0 AS has_nul,
--                     CASE
--                         WHEN messages IS NULL OR instr(CAST(messages AS BLOB), x'00') > 0 THEN '[]'
--                         WHEN NOT json_valid(messages) THEN '[]'
--                         WHEN json_type(messages) <> 'array' THEN '[]'
--                         WHEN instr(messages, '\u0000') > 0
--                         THEN replace(replace(messages, '\\', '\u005c'), '\u0000', char(1114109))
--                         ELSE messages
--                     END AS messages
--                 FROM old
--             ),
--             element AS (
--                 SELECT
--                     listed.old_table,
--                     listed.id AS session_id,
--                     part.key AS position,
--                     (
--                         SELECT field.value
--                         FROM json_each(part.value) AS field
--                         WHERE field.key = 'role'
--                         ORDER BY field.id DESC
--                         LIMIT 1
--                     ) AS role,
--                     (
--                         SELECT CASE
--                             WHEN field.type IN ('true', 'false') THEN field.type
--                             WHEN field.type IN ('integer', 'real')
--                              AND field.type = json_type(part.value, field.fullkey)
--                             THEN part.value -> field.fullkey
--                             WHEN listed.has_nul
--                             THEN replace(field.value, char(1114109), char(0))
--                             ELSE field.value
--                         END
--                         FROM json_each(part.value) AS field
--                         WHERE field.key = 'content'
--                         ORDER BY field.id DESC
--                         LIMIT 1
--                     ) AS content,
--                     (
--                         SELECT field.value
--                         FROM json_each(part.value) AS field
--                         WHERE field.key = 'task_type'
--                         ORDER BY field.id DESC
--                         LIMIT 1
--                     ) AS task_type,
--                     (
--                         SELECT CASE field.type WHEN 'text' THEN field.value END
--                         FROM json_each(part.value) AS field
--                         WHERE field.key = 'timestamp'
--                         ORDER BY field.id DESC
--                         LIMIT 1
--                     ) AS stamp,
--                     listed.created_at AS session_created_at
--                 FROM listed
--                 JOIN json_each(listed.messages) AS part
--                 WHERE part.type = 'object'
--             ),
--             line AS MATERIALIZED (
--                 SELECT
--                     old_table,
--                     session_id,
--                     position,
--                     CASE WHEN role IN ('assistant', 'ai', 'system') THEN 'ai' ELSE 'user' END AS sender,
--                     content,
--                     CASE
--                         WHEN task_type IN ('skin_analysis', 'analyze_skin') THEN 'image'
--                         WHEN task_type = 'report_interpret' THEN 'report'
--                         ELSE 'text'
--                     END AS message_type,
--                     stamp,
--                     session_created_at
--                 FROM element
--                 WHERE content <> ''
--             ),
--             stamp AS (
--                 SELECT CAST(stamp AS TEXT) AS text
--                 FROM line
--                 UNION
--                 SELECT CAST(session_created_at AS TEXT)
--                 FROM line
--             ),
--             cut AS (
--                 SELECT
--                     text,
--                     CASE substr(text, 17, 1) WHEN ':' THEN substr(text, 1, 19) ELSE substr(text, 1, 16) END AS clock,
--                     CASE substr(text, 17, 1) WHEN ':' THEN substr(text, 20) ELSE substr(text, 17) END AS rest,
--                     ltrim(
--                         CASE substr(text, 17, 1) WHEN ':' THEN substr(text, 20) ELSE substr(text, 17) END,
--                         '.0123456789'
--                     ) AS zone
--                 FROM stamp
--             ),
--             moment AS MATERIALIZED (
--                 SELECT
--                     text,
--                     CASE
--                         WHEN clock GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ][0-2][0-9]:[0-5][0-9]*'
--                          AND clock >= '0001'
--                          AND date(substr(clock, 1, 10), '+0 days') = substr(clock, 1, 10)
--                          AND substr(clock, 12, 2) < '24'
--                          AND (
--                             zone IN ('', 'Z')
--                             OR zone GLOB '[+-][0-9][0-9]'
--                             OR zone GLOB '[+-][0-9][0-9][0-9][0-9]'
--                             OR zone GLOB '[+-][0-9][0-9]:[0-9][0-9]'
--                          )
--                          AND (rest = zone OR (rest GLOB '.[0-9]*' AND ltrim(substr(rest, 2), '0123456789') = zone))
--                         THEN datetime(
--                             clock
--                             || CASE
--                                 WHEN zone GLOB '[+-][0-9][0-9]' THEN zone || ':00'
--                                 WHEN zone GLOB '[+-][0-9][0-9][0-9][0-9]'
--                                 THEN substr(zone, 1, 3) || ':' || substr(zone, 4)
--                                 ELSE zone
--                             END
--                         )
--                         || rtrim(rtrim(substr(rest, 1, min(7, length(rest) - length(zone))), '0'), '.')
--                     END AS utc
--                 FROM cut
--             ),
--             expected AS (
--                 SELECT
--                     line.old_table,
--                     line.session_id,
--                     line.position,
--                     line.sender,
--                     line.content,
--                     line.message_type,
--                     coalesce(own.utc, begun.utc, line.session_created_at) AS created_at
--                 FROM line
--                 LEFT JOIN moment AS own ON own.text = line.stamp
--                 LEFT JOIN moment AS begun ON begun.text = line.session_created_at
--             )
--         SELECT
--             session_id,
--             sender,
--             content,
--             coalesce(created_at, '') AS at,
--             row_number() OVER (
--                 PARTITION BY session_id, sender, content, created_at
--                 ORDER BY old_table, position
--             ) AS occurrence,
--             message_type
--         FROM expected
--     ) AS said
-- ) into (
--     SELECT session_id, sender, content, at, occurrence, message_type
--     FROM (
--         WITH
--             line AS (
--                 SELECT id, session_id, sender, content, message_type, created_at
--                 FROM messages
--                 WHERE session_id IN (
--                     SELECT id FROM derma_sessions
--                     UNION ALL
--                     SELECT id FROM diagnosis_sessions
--                 )
--             ),
--             stamp AS (
--                 SELECT DISTINCT CAST(created_at AS TEXT) AS text
--                 FROM line
--             ),
--             cut AS (
--                 SELECT
--                     text,
--                     CASE substr(text, 17, 1) WHEN ':' THEN substr(text, 1, 19) ELSE substr(text, 1, 16) END AS clock,
--                     CASE substr(text, 17, 1) WHEN ':' THEN substr(text, 20) ELSE substr(text, 17) END AS rest,
--                     ltrim(
--                         CASE substr(text, 17, 1) WHEN ':' THEN substr(text, 20) ELSE substr(text, 17) END,
--                         '.0123456789'
--                     ) AS zone
--                 FROM stamp
--             ),
--             moment AS MATERIALIZED (
--                 SELECT
--                     text,
--                     CASE
--                         WHEN clock GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ][0-2][0-9]:[0-5][0-9]*'
--                          AND clock >= '0001'
--                          AND date(substr(clock, 1, 10), '+0 days') = substr(clock, 1, 10)
--                          AND substr(clock, 12, 2) < '24'
--                          AND (
--                             zone IN ('', 'Z')
--                             OR zone GLOB '[+-][0-9][0-9]'
--                             OR zone GLOB '[+-][0-9][0-9][0-9][0-9]'
--                             OR zone GLOB '[+-][0-9][0-9]:[0-9][0-9]'
--                          )
--                          AND (rest = zone OR (rest GLOB '.[0-9]*' AND ltrim(substr(rest, 2), '0123456789') = zone))
--                         THEN datetime(
--                             clock
--                             || CASE
--                                 WHEN zone GLOB '[+-][0-9][0-9]' THEN zone || ':00'
--                                 WHEN zone GLOB '[+-][0-9][0-9][0-9][0-9]'
--                                 THEN substr(zone, 1, 3) || ':' || substr(zone, 4)
--                                 ELSE zone
--                             END
--                         )
--                         || rtrim(rtrim(substr(rest, 1, min(7, length(rest) - length(zone))), '0'), '.')
--                     END AS utc
--                 FROM cut
--             ),
--             dated AS (
--                 SELECT
--                     line.id,
--                     line.session_id,
--                     line.sender,
--                     line.content,
--                     line.message_type,
--                     coalesce(moment.utc, line.created_at, '') AS at
--                 FROM line
--                 LEFT JOIN moment ON moment.text = line.created_at
--             )
--         SELECT
--             session_id,
--             sender,
--             content,
--             at,
--             row_number() OVER (PARTITION BY session_id, sender, content, at ORDER BY id) AS occurrence,
--             message_type
--         FROM dated
--     ) AS there
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
JOIN json_each(
    CASE
        WHEN old.messages IS NULL OR instr(CAST(old.messages AS BLOB), x'00') > 0 THEN '[]'
        WHEN NOT json_valid(old.messages) THEN '[]'
        WHEN json_type(old.messages) <> 'array' THEN '[]'
        -- The JSON functions cut a text at \u0000, and it would look empty.
        ELSE replace(replace(old.messages, '\\', '\u005c'), '\u0000', '?')
    END
) AS part
WHERE :old_sessions >= 0;

-- measure: elements_without_content
SELECT count(*)
FROM (
    SELECT messages FROM derma_sessions
    UNION ALL
    SELECT messages FROM diagnosis_sessions
) AS old
JOIN json_each(
    CASE
        WHEN old.messages IS NULL OR instr(CAST(old.messages AS BLOB), x'00') > 0 THEN '[]'
        WHEN NOT json_valid(old.messages) THEN '[]'
        WHEN json_type(old.messages) <> 'array' THEN '[]'
        -- The JSON functions cut a text at \u0000, and it would look empty.
        ELSE replace(replace(old.messages, '\\', '\u005c'), '\u0000', '?')
    END
) AS part
WHERE :old_sessions >= 0
  AND NOT CASE part.type
    WHEN 'object' THEN coalesce(
        (
            SELECT field.value
            FROM json_each(part.value) AS field
            WHERE field.key = 'content'
            ORDER BY field.id DESC
            LIMIT 1
        ),
        ''
    ) <> ''
    ELSE 0
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
  AND message.id NOT IN (SELECT id FROM messages_already_there)
  AND coalesce(message.structured_data, '') NOT GLOB '{"migrated_from":"*_sessions","position":[0-9]*}';

-- check: no element came twice
SELECT message.session_id, message.structured_data, count(*) AS messages
FROM messages AS message
WHERE message.structured_data GLOB '{"migrated_from":"*_sessions","position":[0-9]*}'
  AND :old_sessions >= 0
  AND message.id NOT IN (SELECT id FROM messages_already_there)
GROUP BY message.session_id, message.structured_data
HAVING count(*) > 1;

-- They are no messages; the text stays in agent_state.original_messages as it is.
-- warn: lists of messages that are no JSON, kept as text
SELECT old.id, old.old_table, substr(old.messages, 1, 60) AS begins
FROM (
    SELECT id, 'derma_sessions' AS old_table, messages FROM derma_sessions
    UNION ALL
    SELECT id, 'diagnosis_sessions', messages FROM diagnosis_sessions
) AS old
WHERE :old_sessions >= 0
  AND old.messages <> ''
  AND (instr(CAST(old.messages AS BLOB), x'00') > 0 OR NOT json_valid(old.messages))
ORDER BY old.id;

-- They are no messages either, and stay in original_messages.
-- warn: what stands where a list of messages should, and is none
SELECT old.id, old.old_table, json_type(old.messages) AS kind
FROM (
    SELECT id, 'derma_sessions' AS old_table, messages FROM derma_sessions
    UNION ALL
    SELECT id, 'diagnosis_sessions', messages FROM diagnosis_sessions
) AS old
WHERE :old_sessions >= 0
  AND CASE
    WHEN old.messages IS NOT NULL AND instr(CAST(old.messages AS BLOB), x'00') = 0 AND json_valid(old.messages)
    THEN json_type(old.messages) NOT IN ('array', 'null')
END
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
    -- What is no list of JSON counts as an empty one; behind a NUL the JSON functions do not look. They also cut
    -- a text at \u0000, so U+10FFFD, which nobody writes, stands for it until they are done ("\\" is put as
    -- \u005c before, so that each \u0000 that is found is one).
    listed AS (
        SELECT
            old_table,
            id,
            created_at,
            instr(messages, '\u0000') > 0 AS has_nul,
            CASE
                WHEN messages IS NULL OR instr(CAST(messages AS BLOB), x'00') > 0 THEN '[]'
                WHEN NOT json_valid(messages) THEN '[]'
                WHEN json_type(messages) <> 'array' THEN '[]'
                WHEN instr(messages, '\u0000') > 0
                THEN replace(replace(messages, '\\', '\u005c'), '\u0000', char(1114109))
                ELSE messages
            END AS messages
        FROM old
    ),
    element AS MATERIALIZED (
        SELECT
            listed.old_table,
            listed.id AS session_id,
            part.key AS position,
            (
                SELECT field.value
                FROM json_each(part.value) AS field
                WHERE field.key = 'content'
                ORDER BY field.id DESC
                LIMIT 1
            ) AS content,
            (
                SELECT CASE WHEN field.type <> 'null' THEN field.value END
                FROM json_each(part.value) AS field
                WHERE field.key = 'timestamp'
                ORDER BY field.id DESC
                LIMIT 1
            ) AS said
        FROM listed
        JOIN json_each(listed.messages) AS part
        WHERE :old_sessions >= 0
          AND part.type = 'object'
    ),
    stamp AS (
        SELECT DISTINCT CAST(said AS TEXT) AS text
        FROM element
    ),
    -- Each text, cut behind its seconds: fraction, zone.
    cut AS (
        SELECT
            text,
            CASE substr(text, 17, 1) WHEN ':' THEN substr(text, 1, 19) ELSE substr(text, 1, 16) END AS clock,
            CASE substr(text, 17, 1) WHEN ':' THEN substr(text, 20) ELSE substr(text, 17) END AS rest,
            ltrim(
                CASE substr(text, 17, 1) WHEN ':' THEN substr(text, 20) ELSE substr(text, 17) END,
                '.0123456789'
            ) AS zone
        FROM stamp
    ),
    -- The moment that each is, if it is a time as ISO 8601 writes it and the day exists. datetime() takes the
    -- offset off; it would also read 'now', '12:00' or a number as a time, and take 30 February for 2 March.
    moment AS MATERIALIZED (
        SELECT
            text,
            CASE
                WHEN clock GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ][0-2][0-9]:[0-5][0-9]*'
                 AND clock >= '0001'
                 AND date(substr(clock, 1, 10), '+0 days') = substr(clock, 1, 10)
                 AND substr(clock, 12, 2) < '24'
                 AND (
                    zone IN ('', 'Z')
                    OR zone GLOB '[+-][0-9][0-9]'
                    OR zone GLOB '[+-][0-9][0-9][0-9][0-9]'
                    OR zone GLOB '[+-][0-9][0-9]:[0-9][0-9]'
                 )
                 AND (rest = zone OR (rest GLOB '.[0-9]*' AND ltrim(substr(rest, 2), '0123456789') = zone))
                THEN datetime(
                    clock
                    || CASE
                        WHEN zone GLOB '[+-][0-9][0-9]' THEN zone || ':00'
                        WHEN zone GLOB '[+-][0-9][0-9][0-9][0-9]'
                        THEN substr(zone, 1, 3) || ':' || substr(zone, 4)
                        ELSE zone
                    END
                )
                || rtrim(rtrim(substr(rest, 1, min(7, length(rest) - length(zone))), '0'), '.')
            END AS utc
        FROM cut
    )
    SELECT session_id, old_table, position, said AS timestamp
    FROM element
    WHERE content <> ''
      AND said IS NOT NULL
      AND said NOT IN (SELECT text FROM moment WHERE utc IS NOT NULL)
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
WHERE CASE
    WHEN typeof(agent_state) = 'text' AND json_valid(agent_state)
    THEN json_type(agent_state, '$.chief_complaint') = 'null'
      OR trim(json_extract(agent_state, '$.chief_complaint')) = ''
END
ORDER BY id;
