-- Copy the messages of derma_sessions and diagnosis_sessions into messages, one row for each element of their lists
--
-- Nothing is deleted and nothing overwritten. The same words twice in one session are two messages: the k-th
-- element with this session, sender, content and time is left out only if messages holds at least k of them. So
-- running this again inserts nothing, and what somebody has copied before does not come twice.
--
-- An element without content is no message. It stays in agent_state.original_messages, with all the others, and the
-- verify file counts it. So does a list that is none, and text that is no JSON.
--
-- Times are written in UTC as CURRENT_TIMESTAMP writes them (2026-01-31 23:59:59, with a fraction if there is one),
-- so that ORDER BY created_at is their order; the text as it was stands in original_messages.
--
-- By hand: sqlite3 -bail, with PRAGMA foreign_keys = ON. It is one transaction there too.
BEGIN;

-- Which messages these sessions had before: by it the rollback knows what not to touch. A second run leaves it alone.
-- sessmig: allow copy-without-merge it notes ids, by which the rollback knows what not to touch; no row is moved
CREATE TABLE IF NOT EXISTS messages_already_there AS
SELECT id
FROM messages
WHERE session_id IN (
    SELECT id FROM derma_sessions
    UNION ALL
    SELECT id FROM diagnosis_sessions
);

-- sessmig: allow union-in-copy stamp gathers the texts of times, each once, to look them up; no row comes from it
INSERT INTO messages (session_id, sender, content, message_type, structured_data, created_at)
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
    -- The elements, and beside them the messages that are there.
    line AS MATERIALIZED (
        SELECT
            0 AS is_there,
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
        UNION ALL
        SELECT 1, NULL, there.session_id, there.id, there.sender, there.content, NULL, NULL, there.created_at
        FROM messages AS there
        WHERE there.session_id IN (SELECT old.id FROM old)
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
    dated AS (
        SELECT
            line.is_there,
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
    counted AS (
        SELECT
            is_there,
            old_table,
            session_id,
            position,
            sender,
            content,
            message_type,
            created_at,
            row_number() OVER (
                PARTITION BY session_id, sender, content, created_at, is_there
                ORDER BY old_table, position
            ) AS occurrence,
            sum(is_there) OVER (PARTITION BY session_id, sender, content, created_at) AS held
        FROM dated
    )
SELECT
    session_id,
    sender,
    content,
    message_type,
    json_object('migrated_from', old_table, 'position', position),
    created_at
FROM counted
WHERE is_there = 0
  AND occurrence > held
-- Numbered in the order of the lists, so that messages of the same second can be read in it.
ORDER BY session_id, old_table, position;

COMMIT;
