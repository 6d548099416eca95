-- Create chat_sessions: one row a conversation, owned by a user
--
-- A new table and its indexes; nothing that is there is changed. The foreign key takes a SHARE ROW EXCLUSIVE lock on
-- users, under which others read it but do not write, for as long as the step takes: some milliseconds.
--
-- A user who is deleted takes his sessions along, and they their messages (chat_messages, the next step).
-- status may be NULL, as DEFAULT does not forbid it: then it is in no state that chk_status names.
--
-- By hand: psql -v ON_ERROR_STOP=1 -1 -f FILE. The verify file takes no part then; ask its requires before.
CREATE TABLE chat_sessions (
    id          SERIAL PRIMARY KEY,
    session_id  VARCHAR(100) UNIQUE NOT NULL,
    work_id     VARCHAR(50) NOT NULL,
    system_type VARCHAR(20) NOT NULL
        CONSTRAINT chk_system_type CHECK (system_type IN ('brain', 'code', 'writing')),
    title       VARCHAR(200),
    status      VARCHAR(20) DEFAULT 'active'
        CONSTRAINT chk_status CHECK (status IN ('active', 'archived', 'deleted')),
    created_at  TIMESTAMPTZ DEFAULT NOW(),
    updated_at  TIMESTAMPTZ DEFAULT NOW(),
    created_by  INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX idx_chat_sessions_work_id ON chat_sessions (work_id);
CREATE INDEX idx_chat_sessions_system_type ON chat_sessions (system_type);
CREATE INDEX idx_chat_sessions_created_by ON chat_sessions (created_by);
CREATE INDEX idx_chat_sessions_status ON chat_sessions (status);
