-- A small sample in which every odd case that the migration survives occurs once. Load it into an empty
-- database, between postgres_1_schema.sql and postgres_3_foreign_key.sql:
--   psql sample -f postgres_1_schema.sql -f postgres_2_sample.sql -f postgres_3_foreign_key.sql

-- What is written without an offset is UTC, wherever this is loaded.
SET TimeZone = 'UTC';

INSERT INTO chat_sessions (session_id, title, task_id, created_at, updated_at, metadata)
VALUES
    ('chat-1', 'Release notes', 'task-9', '2026-01-02 08:00:00', '2026-01-02 08:30:00',
     '{"conversation_mode": "chat"}'),
    -- NULL wherever the column lets it in.
    ('chat-2', 'Nothing but a title', NULL, NULL, NULL, NULL),
    -- Metadata is no object, and always was.
    ('chat-3', 'Handwritten', NULL, '2026-01-03 08:00:00', '2026-01-03 08:00:00', '["imported"]'),
    -- It says that it was migrated, but by another run.
    ('chat-4', 'From an earlier attempt', NULL, '2025-11-01 10:00:00', '2025-11-01 10:00:00',
     '{"source": "webui_migration", "migrated_at": "2025-11-02 03:00:00"}'),
    -- ws-13 stands in webui_sessions too, and differs there: this row stays.
    ('ws-13', 'Renamed in the new application', 'task-4', '2026-01-13 10:00:00', '2026-01-20 18:00:00',
     '{"conversation_mode": "chat", "pinned": true}');

INSERT INTO chat_messages (message_id, session_id, role, content, created_at, metadata)
VALUES
    ('cm-1', 'chat-1', 'user', 'What has changed?', '2026-01-02 08:00:00', '{}'),
    ('cm-2', 'chat-1', 'assistant', 'Three things.', '2026-01-02 08:00:05', '{"model": "small", "tokens": 3}'),
    ('cm-3', 'chat-2', 'system', '', NULL, NULL),
    ('cm-4', 'chat-3', 'tool', '[exit 0]', '2026-01-03 08:00:00', '"exit=0"'),
    ('cm-5', 'ws-13', 'user', 'Written in the new application', '2026-01-20 18:00:00', NULL),
    -- wm-19 was copied by hand before, and says the same.
    ('wm-19', 'ws-13', 'user', 'Is this copied already?', '2026-01-13 10:05:00', NULL),
    -- Orphans from before: their sessions were deleted when foreign keys were not enforced.
    ('cm-6', 'chat-gone', 'user', 'Is anybody there?', '2025-12-01 07:00:00', '{}'),
    ('cm-7', 'chat-gone', 'assistant', 'No.', '2025-12-01 07:00:01', NULL);

INSERT INTO webui_sessions (session_id, user_id, created_at, updated_at, metadata)
VALUES
    -- A title; an apostrophe in it, and a backslash.
    ('ws-01', 'ada', '2026-01-01 10:00:00', '2026-01-01 11:00:00', '{"title": "Ada''s notes on C:\\temp"}'),
    -- No title. ISO with T and Z.
    ('ws-02', 'ada', '2026-01-02T10:00:00Z', '2026-01-02T10:30:00.250Z', '{"theme": "dark"}'),
    -- An empty title; the day in UTC is the next one.
    ('ws-03', 'ada', '2026-01-03T23:30:00-02:00', '2026-01-04T00:10:00-02:00', '{"title": ""}'),
    -- Metadata is NULL; fractions of a second.
    ('ws-04', 'bob', '2026-01-04 10:00:00.123456', '2026-01-04 10:00:00.5', NULL),
    -- Metadata is an empty object.
    ('ws-05', 'bob', '2026-01-05 10:00:00', '2026-01-05 10:00:00', '{}'),
    -- JSON, but no object: a text, an array, a number, null.
    ('ws-06', 'bob', '2026-01-06 10:00:00', '2026-01-06 10:00:00', '"draft; see \"ticket\" 4711"'),
    ('ws-07', 'bob', '2026-01-07 10:00:00', '2026-01-07 10:00:00', '["red", 2, null]'),
    ('ws-08', 'bob', '2026-01-08 10:00:00', '2026-01-08 10:00:00', '42'),
    ('ws-09', 'bob', '2026-01-09 10:00:00', '2026-01-09 10:00:00', 'null'),
    -- A source of its own.
    ('ws-10', 'o''hara', '2026-01-10 10:00:00', '2026-01-10 10:00:00',
     '{"title": "By telegram", "source": "telegram"}'),
    -- A mode and a phase of its own.
    ('ws-11', 'o''hara', '2026-01-11 10:00:00', '2026-01-11 10:00:00',
     '{"title": "At work", "conversation_mode": "task", "execution_phase": "executing"}'),
    -- It uses the names that the migration writes, for something else.
    ('ws-12', 'o''hara', '2026-01-12 10:00:00', '2026-01-12 10:00:00',
     '{"title": "Moved before", "source": "scan", "original_source": "paper", "original_user_id": 77,
       "migrated_at": "2019-03-01"}'),
    -- In chat_sessions already, with another title.
    ('ws-13', 'ada', '2026-01-13 10:00:00', '2026-01-13 10:10:00', '{"title": "The old name"}'),
    -- Four bytes a character, right to left, and numbers that must not be rounded.
    ('ws-14', '用户-7', '2026-01-14 10:00:00', '2026-01-14 10:00:00',
     '{"title": "🗺 مرحبا 你好", "ratio": 1.0, "id": 12345678901234567890, "far": 1e30, "unset": null}'),
    -- A title that is no text.
    ('ws-15', 'ada', '2026-01-15 10:00:00', '2026-01-15 10:00:00', '{"title": 7}');

INSERT INTO webui_messages (message_id, session_id, role, content, created_at, metadata)
VALUES
    ('wm-01', 'ws-01', 'user', 'Hello', '2026-01-01 10:00:00', '{"client": "web"}'),
    ('wm-02', 'ws-01', 'assistant', 'It''s "fine", isn''t it?', '2026-01-01T10:00:01Z', '{}'),
    ('wm-03', 'ws-01', 'user', 'C:\temp\new and \u0041 and \', '2026-01-01T10:00:02.500Z', '{"path": "C:\\temp"}'),
    ('wm-04', 'ws-01', 'assistant', 'one
two

	four, behind a tab  ', '2026-01-01 10:00:03.000001', '{}'),
    ('wm-05', 'ws-14', 'user', '🗺️ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩‍👩‍👧 你好', '2026-01-14 10:00:00', '{"emoji": "👍"}'),
    ('wm-06', 'ws-14', 'assistant', 'مرحبا بالعالم, שלום', '2026-01-14 10:00:01', '{}'),
    -- Empty content is content.
    ('wm-07', 'ws-02', 'user', '', '2026-01-02T10:00:00Z', '{}'),
    -- Metadata: NULL, an empty text, a text, an array, null, a source of its own, the migration's own names.
    ('wm-08', 'ws-02', 'user', 'metadata is NULL', '2026-01-02 10:00:01', NULL),
    ('wm-09', 'ws-02', 'user', 'metadata is an empty text', '2026-01-02 10:00:02', '""'),
    ('wm-10', 'ws-02', 'user', 'metadata is a number', '2026-01-02 10:00:03', '-1.50'),
    ('wm-11', 'ws-02', 'user', 'metadata is an array', '2026-01-02 10:00:04', '[1, 2.50]'),
    ('wm-12', 'ws-02', 'user', 'metadata is a text', '2026-01-02 10:00:05', '"just so"'),
    ('wm-13', 'ws-02', 'user', 'metadata is null', '2026-01-02 10:00:06', 'null'),
    ('wm-14', 'ws-10', 'user', 'by telegram', '2026-01-10 10:00:00', '{"source": "telegram"}'),
    ('wm-15', 'ws-12', 'user', 'moved before', '2026-01-12 10:00:00',
     '{"migrated_at": "2019-03-01", "original_metadata": {"a": 1}}'),
    -- The other two roles.
    ('wm-16', 'ws-11', 'system', 'You are helpful.', '2026-01-11 10:00:00', '{}'),
    ('wm-17', 'ws-11', 'tool', '{"exit": 0}', '2026-01-11 10:00:01', '{"tool": "shell"}'),
    -- Its session is in both tables.
    ('wm-18', 'ws-13', 'user', 'Not copied yet', '2026-01-13 10:00:00', '{}'),
    -- In chat_messages already, word for word.
    ('wm-19', 'ws-13', 'user', 'Is this copied already?', '2026-01-13 10:05:00', NULL),
    -- Its session is in chat_sessions only.
    ('wm-20', 'chat-1', 'user', 'Answered from the web', '2026-01-02 08:10:00', '{}'),
    -- Its session is nowhere: rejected by name, and left in webui_messages_legacy.
    ('wm-21', 'ws-gone', 'user', 'Who reads this?', '2025-12-24 18:00:00', '{}'),
    -- The same words at the same time are two messages all the same.
    ('wm-22', 'ws-03', 'user', '好的', '2026-01-03T23:30:00-02:00', '{}'),
    ('wm-23', 'ws-03', 'user', '好的', '2026-01-03T23:30:00-02:00', '{}'),
    -- Content that looks like SQL, or like a placeholder, is content.
    ('wm-24', 'ws-04', 'user', '''; DROP TABLE projects; -- ${x} %s ? :name $1', '2026-01-04 10:00:00.123456', '{}'),
    ('wm-25', 'ws-15', 'user', 'When was that?', '2026-01-15 10:00:00+09:00', '{}'),
    ('wm-26', 'ws-15', 'assistant', 'Some time ago.', '2026-01-15 10:00:00.000001+00', '{}');
