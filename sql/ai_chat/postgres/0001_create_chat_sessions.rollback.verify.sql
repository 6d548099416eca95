-- require: chat_sessions is there
-- expect: some
SELECT oid
FROM pg_class
WHERE oid = to_regclass('chat_sessions')
  AND relkind = 'r';

-- measure before: rows_before
SELECT count(*)
FROM chat_sessions;

-- check: chat_sessions is gone, with its sequence and its indexes
SELECT relname AS still_there, relkind
FROM pg_class
WHERE relnamespace = current_schema()::regnamespace
  AND relname IN (
    VALUES
    ('chat_sessions'),
    ('chat_sessions_id_seq'),
    ('chat_sessions_pkey'),
    ('chat_sessions_session_id_key'),
    ('idx_chat_sessions_work_id'),
    ('idx_chat_sessions_system_type'),
    ('idx_chat_sessions_created_by'),
    ('idx_chat_sessions_status')
  );
