-- Create chat_messages: what was said in a session, by whom, and what tools were called
--
-- A new table and its indexes; nothing that is there is changed. The foreign key takes a SHARE ROW EXCLUSIVE lock on
-- chat_sessions for the moment.
--
-- A session that is deleted takes its messages along. It leads to session_id, which is unique, not to id.
--
-- By hand: psql -v ON_ERROR_STOP=1 -1 -f FILE. The verify file takes no part then; ask its requires before.
CREATE TABLE chat_messages (
    id           SERIAL PRIMARY KEY,
    session_id   VARCHAR(100) NOT NULL REFERENCES chat_sessions (session_id) ON DELETE CASCADE,
    role         VARCHAR(20) NOT NULL
        CONSTRAINT chk_role CHECK (role IN ('user', 'assistant', 'system', 'tool')),
    content      TEXT NOT NULL,
    tool_calls   JSONB,
    tool_results JSONB,
    metadata     JSONB,
    created_at   TIMESTAMPTZ DEFAULT NOW()
);

CREATE INDEX idx_chat_messages_session_id ON chat_messages (session_id);
CREATE INDEX idx_chat_messages_role ON chat_messages (role);
CREATE INDEX idx_chat_messages_created_at ON chat_messages (created_at);
