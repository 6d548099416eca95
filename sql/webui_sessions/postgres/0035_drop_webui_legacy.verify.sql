-- Before the step.

-- require: the old tables stand under their legacy names
SELECT wanted.name AS missing_table
FROM (
    VALUES ('webui_sessions_legacy'), ('webui_messages_legacy'), ('chat_sessions'), ('chat_messages')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- Where it is taken, look at what it holds and rename it (ALTER TABLE ... RENAME TO ...): it may be the leftovers
-- of an earlier run, as where a backup was restored beside it.
-- require: the name of the table for the leftovers is free (else rename the table that has it)
SELECT taken.name
FROM (
    VALUES ('webui_legacy_leftovers')
) AS taken (name)
WHERE to_regclass(taken.name) IS NOT NULL;

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
WHERE chat.created_at = legacy.created_at
  AND chat.metadata ->> 'original_user_id' = legacy.user_id
  AND CASE
    WHEN legacy.metadata IS NULL
    THEN true
    WHEN chat.metadata = legacy.metadata
    THEN true
    WHEN chat.metadata -> 'original_metadata' = legacy.metadata
    THEN true
    WHEN jsonb_typeof(legacy.metadata) = 'object' AND jsonb_typeof(chat.metadata) = 'object'
    THEN NOT EXISTS (
        SELECT 1
        FROM jsonb_each(legacy.metadata) AS field
        WHERE field.value IS DISTINCT FROM chat.metadata -> field.key
          AND NOT (field.key = 'source' AND field.value IS NOT DISTINCT FROM chat.metadata -> 'original_source')
    )
END;

-- measure before: messages_in_chat
SELECT count(*)
FROM webui_messages_legacy AS legacy
JOIN chat_messages AS chat ON chat.message_id = legacy.message_id
WHERE chat.session_id = legacy.session_id
  AND chat.role = legacy.role
  AND chat.content = legacy.content
  AND chat.created_at = legacy.created_at
  AND CASE
    WHEN legacy.metadata IS NULL
    THEN true
    WHEN chat.metadata = legacy.metadata
    THEN true
    WHEN chat.metadata -> 'original_metadata' = legacy.metadata
    THEN true
    WHEN jsonb_typeof(legacy.metadata) = 'object' AND jsonb_typeof(chat.metadata) = 'object'
    THEN NOT EXISTS (
        SELECT 1
        FROM jsonb_each(legacy.metadata) AS field
        WHERE field.value IS DISTINCT FROM chat.metadata -> field.key
          AND NOT (field.key = 'source' AND field.value IS NOT DISTINCT FROM chat.metadata -> 'original_source')
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

-- What was counted before the step was counted before its locks, and the application may have changed a row since,
-- which then is a leftover too: there may be more of them, never fewer.
-- check: every legacy session is in chat_sessions or in the leftovers
SELECT :legacy_sessions AS legacy, :sessions_in_chat AS in_chat, :leftover_sessions AS leftovers
WHERE :sessions_in_chat + :leftover_sessions < :legacy_sessions;

-- check: every legacy message is in chat_messages or in the leftovers
SELECT :legacy_messages AS legacy, :messages_in_chat AS in_chat, :leftover_messages AS leftovers
WHERE :messages_in_chat + :leftover_messages < :legacy_messages;

-- check: every leftover is the row that its id names
SELECT source_table, id, legacy_row
FROM webui_legacy_leftovers
WHERE CASE source_table
    WHEN 'webui_sessions_legacy' THEN legacy_row ->> 'session_id'
    WHEN 'webui_messages_legacy' THEN legacy_row ->> 'message_id'
END IS DISTINCT FROM id;

-- check: the old tables are gone
SELECT legacy.name
FROM (
    VALUES ('webui_sessions_legacy'), ('webui_messages_legacy')
) AS legacy (name)
WHERE to_regclass(legacy.name) IS NOT NULL;

-- Somebody should look at them: they stand nowhere else.
-- warn: rows that stand in webui_legacy_leftovers only
SELECT source_table, reason, count(*) AS leftovers, min(id) AS first_id
FROM webui_legacy_leftovers
GROUP BY source_table, reason
ORDER BY source_table DESC, reason;
