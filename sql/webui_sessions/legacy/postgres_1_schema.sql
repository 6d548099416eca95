-- The same system on PostgreSQL. There is no broken trigger here; the orphaned chat_messages stand because
-- the foreign key was added NOT VALID.
CREATE TABLE schema_version (
    version    TEXT PRIMARY KEY,
    applied_at TIMESTAMPTZ DEFAULT now()
);
INSERT INTO schema_version (version) VALUES ('0.33.0');
CREATE TABLE chat_sessions (
    session_id TEXT PRIMARY KEY,
    title      TEXT NOT NULL,
    task_id    TEXT,
    created_at TIMESTAMPTZ DEFAULT now(),
    updated_at TIMESTAMPTZ DEFAULT now(),
    metadata   JSONB
);
CREATE TABLE chat_messages (
    message_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
    content    TEXT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT now(),
    metadata   JSONB
);
-- The foreign key to chat_sessions comes last, in postgres_3_foreign_key.sql, behind the orphaned rows.
CREATE INDEX idx_chat_messages_session ON chat_messages (session_id, created_at);
CREATE TABLE webui_sessions (
    session_id TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    metadata   JSONB
);
CREATE TABLE webui_messages (
    message_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    role       TEXT NOT NULL,
    content    TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    metadata   JSONB
);
CREATE INDEX idx_sessions_user_updated ON webui_sessions (user_id, updated_at DESC);
CREATE INDEX idx_messages_session_created ON webui_messages (session_id, created_at);
