-- agentos store/registry.sqlite before schema 0.34.0, SQLite.
-- Foreign keys were not enforced when the rows were written.
CREATE TABLE schema_version (
    version    TEXT PRIMARY KEY,
    applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO schema_version (version) VALUES ('0.33.0');
CREATE TABLE projects (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    updated_at TIMESTAMP
);
-- The broken trigger: projects has no column project_id any more, so every UPDATE of projects fails,
-- and so does ALTER TABLE ... RENAME of any table at all while the trigger exists.
CREATE TRIGGER update_projects_timestamp AFTER UPDATE ON projects
BEGIN
    UPDATE projects SET updated_at = CURRENT_TIMESTAMP WHERE project_id = NEW.project_id;
END;
CREATE TABLE chat_sessions (
    session_id TEXT PRIMARY KEY,
    title      TEXT NOT NULL,
    task_id    TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    metadata   TEXT
);
CREATE TABLE chat_messages (
    message_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES chat_sessions (session_id) ON DELETE CASCADE,
    role       TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
    content    TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    metadata   TEXT
);
CREATE INDEX idx_chat_messages_session ON chat_messages (session_id, created_at);
CREATE TABLE webui_sessions (
    session_id TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    metadata   TEXT
);
CREATE TABLE webui_messages (
    message_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES webui_sessions (session_id) ON DELETE CASCADE,
    role       TEXT NOT NULL,
    content    TEXT NOT NULL,
    created_at TEXT NOT NULL,
    metadata   TEXT
);
CREATE INDEX idx_sessions_user_updated ON webui_sessions (user_id, updated_at DESC);
CREATE INDEX idx_messages_session_created ON webui_messages (session_id, created_at);
