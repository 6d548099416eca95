-- A small sample in which every odd case that the migration survives occurs once. Load it into an empty database,
-- behind postgres_1_schema.sql:
--   psql sample -f postgres_1_schema.sql -f postgres_2_sample.sql

INSERT INTO users (id, email)
VALUES
    ('ada', 'ada@example.org'),
    ('o''hara', 'o''hara@example.org'),
    ('用户-7', 'yonghu@example.org'),
    -- No session at all.
    ('idle', 'idle@example.org');

INSERT INTO learning_sessions (id, user_id, title, context, message_count, created_at, updated_at)
VALUES
    ('ls-01', 'ada', 'Fractions', '{"topic": "maths"}', 4, '2026-01-01 10:00:00', '2026-01-01 11:00:00.250'),
    -- NULL wherever the column lets it in.
    ('ls-02', 'ada', NULL, NULL, 0, '2026-01-02 10:00:00', '2026-01-02 10:00:00'),
    -- Two sessions of the same moment.
    ('ls-03', 'ada', 'Same moment', '{}', 0, '2026-01-02 10:00:00', '2026-01-02 10:00:00'),
    -- An empty title; context is JSON, but no object.
    ('ls-04', 'o''hara', '', '["a", 1, null]', 1, '2026-01-03 10:00:00', '2026-01-03 10:00:00.001'),
    -- The context is JSON null; changed before it was made (a clock that was set back).
    ('ls-05', 'o''hara', 'It''s "fine"', 'null', 1, '2026-01-04 10:00:00', '2026-01-04 09:59:59.999'),
    -- Four bytes a character, right to left; last changed long ago.
    ('ls-06', '用户-7', '🗺 مرحبا 你好', '{"emoji": "👍"}', 2, '1999-12-31 23:59:59.999', '2000-01-01 00:00:00'),
    -- No moment that a calendar knows.
    ('ls-07', '用户-7', 'For ever', '{}', 0, '-infinity', 'infinity'),
    -- message_count is not what is counted; it stays as it is.
    ('ls-08', 'ada', 'Counted wrongly', '{}', 99, '2026-01-05 10:00:00', '2026-01-06 10:00:00'),
    -- Ids in the order of no alphabet.
    ('LS-09', 'ada', 'Capitals', '{}', 0, '2026-01-07 10:00:00', '2026-01-07 10:00:00'),
    ('', 'ada', 'An empty id', '{}', 1, '2026-01-08 10:00:00', '2026-01-08 10:00:00');

INSERT INTO learning_messages (id, session_id, role, content, created_at)
VALUES
    ('lm-01', 'ls-01', 'SYSTEM', 'You are a tutor.', '2026-01-01 10:00:00'),
    ('lm-02', 'ls-01', 'USER', 'What is 1/2 + 1/3?', '2026-01-01 10:00:01'),
    ('lm-03', 'ls-01', 'ASSISTANT', 'It''s 5/6.', '2026-01-01 10:00:02'),
    -- Roles in lower case, and in mixed case.
    ('lm-04', 'ls-01', 'user', 'Why?', '2026-01-01 10:00:03'),
    ('lm-05', 'ls-04', 'assistant', '', '2026-01-03 10:00:00'),
    ('lm-06', 'ls-05', 'system', '''; DROP TABLE users; -- ${x} %s ? :name $1', '2026-01-04 10:00:00'),
    ('lm-07', 'ls-06', 'Assistant', 'שלום 𝔘𝔫𝔦 👩‍👩‍👧', '2000-01-01 00:00:00'),
    -- The same words at the same time are two messages all the same.
    ('lm-08', 'ls-06', 'uSeR', '好的', '2000-01-01 00:00:00'),
    ('lm-09', 'ls-06', 'USER', '好的', '2000-01-01 00:00:00'),
    ('lm-10', '', 'USER', 'In the session of the empty id', '2026-01-08 10:00:00');
