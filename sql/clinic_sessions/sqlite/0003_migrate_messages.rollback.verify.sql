-- Before the rollback.

-- require: the tables of both sides exist
WITH wanted (name) AS (
    VALUES ('derma_sessions'), ('diagnosis_sessions'), ('sessions'), ('messages')
)
SELECT wanted.name AS missing_table
FROM wanted
WHERE NOT EXISTS (
    SELECT 1
    FROM sqlite_master AS present
    WHERE present.type = 'table'
      AND lower(present.name) = wanted.name
);

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
    WHERE old.id NOT IN (SELECT id FROM derma_already_there)
    UNION ALL
    SELECT old.id
    FROM diagnosis_sessions AS old
    WHERE old.id NOT IN (SELECT id FROM diagnosis_already_there)
)
  AND message.id NOT IN (SELECT id FROM messages_already_there)
  AND coalesce(NOT message.structured_data GLOB '{"migrated_from":"*_sessions","position":[0-9]*}', 1)
GROUP BY message.session_id
ORDER BY message.session_id;

-- A copy that somebody made since, with structured_data and all, would go with the one that it is a copy of.
-- require: no migrated message stands there twice (set structured_data of the copy to NULL, or delete it)
SELECT message.session_id, message.structured_data, count(*) AS messages, max(message.id) AS last_message
FROM messages AS message
WHERE message.structured_data GLOB '{"migrated_from":"*_sessions","position":[0-9]*}'
  AND message.id NOT IN (SELECT id FROM messages_already_there)
GROUP BY message.session_id, message.structured_data
HAVING count(*) > 1
ORDER BY message.session_id, message.structured_data;

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
    -- Of a key that stands twice in an element the last counts, as everywhere but in json_extract.
    element AS (
        SELECT
            listed.old_table,
            listed.id AS session_id,
            part.key AS position,
            (
                SELECT field.value
                FROM json_each(part.value) AS field
                WHERE field.key = 'role'
                ORDER BY field.id DESC
                LIMIT 1
            ) AS role,
            (
                SELECT CASE
                    WHEN field.type IN ('true', 'false') THEN field.type
                    -- As it is written: 1.50 and 12345678901234567890 are no text.
                    WHEN field.type IN ('integer', 'real')
                     AND field.type = json_type(part.value, field.fullkey)
                    THEN part.value -> field.fullkey
                    WHEN listed.has_nul
                    THEN replace(field.value, char(1114109), char(0))
                    ELSE field.value
                END
                FROM json_each(part.value) AS field
                WHERE field.key = 'content'
                ORDER BY field.id DESC
                LIMIT 1
            ) AS content,
            (
                SELECT field.value
                FROM json_each(part.value) AS field
                WHERE field.key = 'task_type'
                ORDER BY field.id DESC
                LIMIT 1
            ) AS task_type,
            (
                SELECT CASE field.type WHEN 'text' THEN field.value END
                FROM json_each(part.value) AS field
                WHERE field.key = 'timestamp'
                ORDER BY field.id DESC
                LIMIT 1
            ) AS stamp,
            listed.created_at AS session_created_at
        FROM listed
        JOIN json_each(listed.messages) AS part
        WHERE part.type = 'object'
    ),
    line AS MATERIALIZED (
        SELECT
            old_table,
            session_id,
            position,
            CASE WHEN role IN ('assistant', 'ai', 'system') THEN 'ai' ELSE 'user' END AS sender,
            content,
            CASE
                WHEN task_type IN ('skin_analysis', 'analyze_skin') THEN 'image'
                WHEN task_type = 'report_interpret' THEN 'report'
                ELSE 'text'
            END AS message_type,
            stamp,
            session_created_at
        FROM element
        WHERE content <> ''
    ),
    -- Every text that stands for a time; CAST lets the joins below go by an index.
    stamp AS (
        SELECT CAST(stamp AS TEXT) AS text
        FROM line
        UNION
        SELECT CAST(session_created_at AS TEXT)
        FROM line
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
    ),
    expected AS (
        SELECT
            line.old_table,
            line.session_id,
            line.position,
            line.sender,
            line.content,
            line.message_type,
            coalesce(own.utc, begun.utc, line.session_created_at) AS created_at
        FROM line
        LEFT JOIN moment AS own ON own.text = line.stamp
        LEFT JOIN moment AS begun ON begun.text = line.session_created_at
    ),
    same AS (
        SELECT message.id
        FROM expected
        JOIN messages AS message
          ON message.session_id = expected.session_id
          AND message.structured_data = json_object('migrated_from', expected.old_table, 'position', expected.position)
          AND (message.sender, message.content, message.message_type, message.created_at)
              IS (expected.sender, expected.content, expected.message_type, expected.created_at)
          AND message.attachment_url IS NULL
          AND message.attachments IS NULL
    )
SELECT changed.id, changed.session_id, changed.sender, changed.content, changed.created_at
FROM messages AS changed
WHERE changed.id IN (
    SELECT message.id
    FROM messages AS message
    WHERE message.structured_data GLOB '{"migrated_from":"*_sessions","position":[0-9]*}'
    EXCEPT
    SELECT id FROM messages_already_there
    EXCEPT
    SELECT id FROM same
)
ORDER BY changed.id;

-- measure before: messages_to_remove
SELECT count(*)
FROM messages AS message
WHERE message.structured_data GLOB '{"migrated_from":"*_sessions","position":[0-9]*}'
  AND message.id NOT IN (SELECT id FROM messages_already_there);

-- measure before: messages_left
SELECT count(*) - :messages_to_remove
FROM messages;

-- After the rollback.

-- check: no migrated message is left, and messages has lost nothing else
SELECT :messages_left AS expected, count(*) AS messages
FROM messages
HAVING count(*) < :messages_left OR count(*) > :messages_left;
