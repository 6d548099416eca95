-- Copy the messages of derma_sessions and diagnosis_sessions into messages, one row for each element of their lists
--
-- Nothing is deleted and nothing overwritten. The same words twice in one session are two messages: the k-th
-- element with this session, sender, content and time is left out only if messages holds at least k of them. So
-- running this again inserts nothing, and what somebody has copied before does not come twice.
--
-- An element without content is no message. It stays in agent_state.original_messages, with all the others, and the
-- verify file counts it. So does a list that is none.
--
-- By hand: psql -v ON_ERROR_STOP=1 -f. It is one transaction there too.
BEGIN;

-- The application may be running. Whoever writes waits until this step has committed; all can be read meanwhile.
LOCK TABLE derma_sessions, diagnosis_sessions, sessions, messages IN SHARE ROW EXCLUSIVE MODE;

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

-- Where messages were written with ids of their own, the sequence stands behind them, and would give one again.
SELECT setval(numbers.name, numbers.highest)
FROM (
    SELECT pg_get_serial_sequence('messages', 'id') AS name, max(id) AS highest
    FROM messages
) AS numbers
WHERE numbers.highest > coalesce(pg_sequence_last_value(CAST(numbers.name AS REGCLASS)), 0);

INSERT INTO messages (session_id, sender, content, message_type, structured_data, created_at)
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
    -- The elements, and beside them the messages that are there.
    dated AS (
        SELECT
            0 AS is_there,
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
        UNION ALL
        SELECT 1, NULL, there.session_id, there.id, there.sender, there.content, NULL, there.created_at
        FROM messages AS there
        WHERE there.session_id IN (SELECT old.id FROM old)
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
    json_build_object('migrated_from', old_table, 'position', position),
    created_at
FROM counted
WHERE is_there = 0
  AND occurrence > held
-- Numbered in the order of the lists, so that messages of the same second can be read in it.
ORDER BY session_id, old_table, position;

COMMIT;
