-- Before the step.

-- require: the old tables stand under their legacy names
WITH wanted (name) AS (
    VALUES ('webui_sessions_legacy'), ('webui_messages_legacy'), ('chat_sessions'), ('chat_messages')
)
SELECT wanted.name AS missing_table
FROM wanted
WHERE NOT EXISTS (
    SELECT 1
    FROM sqlite_master AS present
    WHERE present.type = 'table'
      AND lower(present.name) = wanted.name
);

-- Where it is taken, look at what it holds and rename it (ALTER TABLE ... RENAME TO ...): it may be the leftovers
-- of an earlier run, as where a backup was restored beside it.
-- require: the name of the table for the leftovers is free (else rename the table that has it)
SELECT name AS taken, type
FROM sqlite_master
WHERE lower(name) = 'webui_legacy_leftovers';

-- measure before: legacy_sessions
SELECT count(*)
FROM webui_sessions_legacy;

-- measure before: legacy_messages
SELECT count(*)
FROM webui_messages_legacy;

-- What the chat tables hold of them, with equal content. The step asks the opposite, and a row that neither of the
-- two finds would be a row too few below.

-- measure before: sessions_in_chat
SELECT count(*)
FROM webui_sessions_legacy AS legacy
JOIN chat_sessions AS chat ON chat.session_id = legacy.session_id
WHERE CAST(chat.created_at AS TEXT) = legacy.created_at
  AND CASE
    WHEN typeof(chat.metadata) = 'text' AND json_valid(chat.metadata)
    THEN json_extract(chat.metadata, '$.original_user_id') = legacy.user_id
END
  AND CASE
    WHEN legacy.metadata IS NULL OR legacy.metadata = ''
    THEN 1
    WHEN chat.metadata IS legacy.metadata
    THEN 1
    WHEN typeof(chat.metadata) <> 'text' OR NOT json_valid(chat.metadata)
    THEN 0
    WHEN typeof(legacy.metadata) <> 'text'
    THEN json_extract(chat.metadata, '$.original_metadata.hex') IS hex(legacy.metadata)
    WHEN chat.metadata -> '$.original_metadata' IS json_quote(legacy.metadata)
    THEN 1
    WHEN NOT json_valid(legacy.metadata) OR instr(CAST(legacy.metadata AS BLOB), x'00') > 0
    THEN 0
    WHEN chat.metadata -> '$.original_metadata' IS json(legacy.metadata)
    THEN 1
    WHEN json_type(legacy.metadata) = 'object' AND json_type(chat.metadata) = 'object'
    THEN NOT EXISTS (
        SELECT 1
        FROM json_each(legacy.metadata) AS field
        WHERE NOT (
            (chat.metadata -> field.fullkey) IS (legacy.metadata -> field.fullkey)
            OR (
                field.key = 'source'
                AND (chat.metadata -> '$.original_source') IS (legacy.metadata -> field.fullkey)
            )
        )
           OR (
            instr(field.key, '"') > 0
            AND NOT EXISTS (
                SELECT 1
                FROM json_each(chat.metadata) AS kept
                WHERE (kept.key, kept.type, kept.value) IS (field.key, field.type, field.value)
            )
           )
    )
END;

-- measure before: messages_in_chat
SELECT count(*)
FROM webui_messages_legacy AS legacy
JOIN chat_messages AS chat ON chat.message_id = legacy.message_id
WHERE chat.session_id = legacy.session_id
  AND chat.role = legacy.role
  AND chat.content = legacy.content
  AND CAST(chat.created_at AS TEXT) = legacy.created_at
  AND CASE
    WHEN legacy.metadata IS NULL OR legacy.metadata = ''
    THEN 1
    WHEN chat.metadata IS legacy.metadata
    THEN 1
    WHEN typeof(chat.metadata) <> 'text' OR NOT json_valid(chat.metadata)
    THEN 0
    WHEN typeof(legacy.metadata) <> 'text'
    THEN json_extract(chat.metadata, '$.original_metadata.hex') IS hex(legacy.metadata)
    WHEN chat.metadata -> '$.original_metadata' IS json_quote(legacy.metadata)
    THEN 1
    WHEN NOT json_valid(legacy.metadata) OR instr(CAST(legacy.metadata AS BLOB), x'00') > 0
    THEN 0
    WHEN chat.metadata -> '$.original_metadata' IS json(legacy.metadata)
    THEN 1
    WHEN json_type(legacy.metadata) = 'object' AND json_type(chat.metadata) = 'object'
    THEN NOT EXISTS (
        SELECT 1
        FROM json_each(legacy.metadata) AS field
        WHERE NOT (
            (chat.metadata -> field.fullkey) IS (legacy.metadata -> field.fullkey)
            OR (
                field.key = 'source'
                AND (chat.metadata -> '$.original_source') IS (legacy.metadata -> field.fullkey)
            )
        )
           OR (
            instr(field.key, '"') > 0
            AND NOT EXISTS (
                SELECT 1
                FROM json_each(chat.metadata) AS kept
                WHERE (kept.key, kept.type, kept.value) IS (field.key, field.type, field.value)
            )
           )
    )
END;

-- After the step.

-- measure: leftover_sessions
SELECT count(*)
FROM webui_legacy_leftovers
WHERE source_table = 'webui_sessions_legacy';

-- measure: leftover_messages
SELECT count(*)
FROM webui_legacy_leftovers
WHERE source_table = 'webui_messages_legacy';

-- check: every legacy session is in chat_sessions or in the leftovers
-- expect: :legacy_sessions
SELECT :sessions_in_chat + :leftover_sessions;

-- check: every legacy message is in chat_messages or in the leftovers
-- expect: :legacy_messages
SELECT :messages_in_chat + :leftover_messages;

-- check: every leftover can be read, and is the row that its id names
SELECT source_table, id, legacy_row
FROM webui_legacy_leftovers
WHERE NOT json_valid(legacy_row)
   OR CASE source_table
    WHEN 'webui_sessions_legacy' THEN json_extract(legacy_row, '$.session_id')
    WHEN 'webui_messages_legacy' THEN json_extract(legacy_row, '$.message_id')
END IS NOT id;

-- check: the old tables are gone
SELECT name, type
FROM sqlite_master
WHERE lower(name) IN ('webui_sessions_legacy', 'webui_messages_legacy');

-- Somebody should look at them: they stand nowhere else.
-- warn: rows that stand in webui_legacy_leftovers only
SELECT source_table, reason, count(*) AS leftovers, min(id) AS first_id
FROM webui_legacy_leftovers
GROUP BY source_table, reason
ORDER BY source_table DESC, reason;
