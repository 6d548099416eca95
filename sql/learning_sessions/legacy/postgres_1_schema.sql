-- The learning application before the migration (tables made by Prisma). PostgreSQL only.
CREATE TABLE users (
    id    TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE
);
CREATE TABLE learning_sessions (
    id            TEXT PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title         TEXT,
    context       JSONB,
    message_count INTEGER NOT NULL DEFAULT 0,
    created_at    TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at    TIMESTAMP(3) NOT NULL
);
CREATE INDEX learning_sessions_user_id_idx ON learning_sessions (user_id);
CREATE INDEX learning_sessions_user_id_updated_at_idx ON learning_sessions (user_id, updated_at DESC);
CREATE TABLE learning_messages (
    id         TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES learning_sessions (id) ON DELETE CASCADE,
    -- 'USER', 'ASSISTANT' or 'SYSTEM'; some rows are in lower case.
    role       VARCHAR(20) NOT NULL,
    content    TEXT NOT NULL,
    created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX learning_messages_session_id_idx ON learning_messages (session_id, created_at);
