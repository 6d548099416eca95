-- require: chat_messages is there
-- expect: some
SELECT oid
FROM pg_class
WHERE oid = to_regclass('chat_messages')
  AND relkind = 'r';

-- measure before: rows_before
SELECT count(*)
FROM chat_messages;

-- check: chat_messages is gone, with its sequence and its indexes
SELECT relname AS still_there, relkind
FROM pg_class
WHERE relnamespace = current_schema()::regnamespace
  AND relname IN (
    VALUES
    ('chat_messages'),
    ('chat_messages_id_seq'),
    ('chat_messages_pkey'),
    ('idx_chat_messages_session_id'),
    ('idx_chat_messages_role'),
    ('idx_chat_messages_created_at')
  );
