-- A small sample in which every odd case that the migration survives occurs once. Load it into an empty database,
-- behind sqlite_1_schema.sql:
--   cat sqlite_1_schema.sql sqlite_2_sample.sql | sqlite3 sample.db

INSERT INTO users (id, phone, created_at)
VALUES
    (1, '+86 130 0000 0001', '2025-01-01 08:00:00'),
    (2, '+86 130 0000 0002', '2025-01-02 08:00:00'),
    (3, '+86 130 0000 0003', NULL);

INSERT INTO sessions (
    id, user_id, doctor_id, agent_type, agent_state, last_message, status, created_at, updated_at
)
VALUES
    -- The new application's own.
    ('app-1', 1, 7, 'cardiology', '{"chief_complaint": "palpitations"}', 'Rest.', 'active',
     '2026-01-02 08:00:00', '2026-01-02 08:30:00'),
    -- NULL wherever the column lets it in; it has no messages either.
    ('app-2', 2, NULL, 'orthopedics', NULL, NULL, NULL, NULL, NULL),
    -- The application never asked that this is JSON.
    ('app-3', 3, NULL, 'general', 'imported, see {ticket', NULL, 'active', '2026-01-03 08:00:00', NULL),
    -- It stands in derma_sessions too, and is another there: this row stays.
    ('there', 1, 7, 'dermatology', '{"chief_complaint": "went on in the new application"}', 'And now?', 'completed',
     '2026-01-04 10:00:00', '2026-01-20 18:00:00');

INSERT INTO messages (
    session_id, sender, content, attachment_url, message_type, attachments, structured_data, created_at
)
VALUES
    ('app-1', 'user', 'My heart races.', 'ecg.png', 'image', '["ecg.png"]', '{"pulse": 120}', '2026-01-02 08:00:00'),
    ('app-1', 'ai', 'Rest.', NULL, NULL, NULL, NULL, NULL),
    -- Copied by hand from derma_sessions, where it stands twice: of the two only the second comes.
    ('there', 'user', '好的', NULL, 'text', NULL, NULL, '2026-01-04 10:01:00'),
    ('there', 'user', 'Written in the new application', NULL, 'text', NULL, NULL, '2026-01-20 18:00:00');

-- Something in every column; quick_options has no place in agent_state. "好的" was said four times, three of them
-- in the same second: four messages.
INSERT INTO derma_sessions (
    id, user_id, stage, progress, questions_asked, chief_complaint, symptoms, symptom_details, skin_location,
    duration, messages, current_response, quick_options, skin_analyses, latest_analysis, report_interpretations,
    latest_interpretation, possible_conditions, risk_level, care_advice, need_offline_visit, current_task,
    awaiting_image, created_at, updated_at
)
VALUES (
    'd-01', 1, 'diagnosing', 60, 4, 'An itching rash', '["itching", "redness"]', '{"itching": {"since": "Monday"}}',
    'left arm', 'two weeks',
    '[{"role": "assistant", "content": "Does it itch?", "timestamp": "2026-01-05T12:00:00Z"},
      {"role": "user", "content": "好的", "timestamp": "2026-01-05T12:01:00Z"},
      {"role": "user", "content": "好的", "timestamp": "2026-01-05T12:01:00Z"},
      {"role": "user", "content": "", "task_type": "skin_analysis", "timestamp": "2026-01-05T12:02:00Z"},
      {"role": "user", "content": "好的", "timestamp": "2026-01-05T12:01:00Z"},
      {"role": "user", "content": "好的", "timestamp": "2026-01-05T12:07:00Z"}]',
    'Keep it dry.', '["yes", "no"]', '[{"score": 1.50, "id": 12345678901234567890}]', '{"score": 1.50}',
    '["normal"]', '{"text": "normal"}', '["eczema"]', 'medium', 'Keep it dry.', 0, 'skin_analysis', 1,
    '2026-01-05 12:00:00', '2026-01-05 12:30:00'
);

-- NULL in every column that lets it in.
INSERT INTO derma_sessions (
    id, user_id, stage, progress, questions_asked, chief_complaint, symptoms, symptom_details, skin_location,
    duration, messages, current_response, quick_options, skin_analyses, latest_analysis, report_interpretations,
    latest_interpretation, possible_conditions, risk_level, care_advice, need_offline_visit, current_task,
    awaiting_image, created_at, updated_at
)
VALUES (
    'd-02', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL
);

-- JSON null in every JSON column; an empty list of options, with a blank; completed.
INSERT INTO derma_sessions (
    id, user_id, stage, progress, questions_asked, chief_complaint, symptoms, symptom_details, messages,
    quick_options, skin_analyses, latest_analysis, report_interpretations, latest_interpretation,
    possible_conditions, risk_level, created_at, updated_at
)
VALUES (
    'd-03', 2, 'completed', 100, 9, 'Acne', 'null', 'null', 'null', '[ ]', 'null', 'null', 'null', 'null', 'null',
    '', '2026-01-05 12:00:00', '2026-01-05 12:30:00'
);

-- The empty text in every column that takes one.
INSERT INTO derma_sessions (
    id, user_id, stage, chief_complaint, symptoms, symptom_details, skin_location, duration, messages,
    current_response, quick_options, skin_analyses, latest_analysis, report_interpretations, latest_interpretation,
    possible_conditions, risk_level, care_advice, need_offline_visit, current_task, awaiting_image, created_at,
    updated_at
)
VALUES (
    'd-04', 2, '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '2026-01-05 12:00:00',
    '2026-01-05 12:30:00'
);

-- Text that is no JSON, in two columns.
INSERT INTO derma_sessions (
    id, user_id, chief_complaint, symptoms, messages, created_at, updated_at
)
VALUES (
    'd-05', 2, 'Hives', 'itching, redness', '[''user: it itches'']', '2026-01-05 12:00:00', '2026-01-05 12:30:00'
);

-- Every role and every kind of task; elements without content, and elements that are no object; a number.
INSERT INTO derma_sessions (
    id, user_id, chief_complaint, messages, created_at, updated_at
)
VALUES (
    'd-06', 2, 'A mole',
    '[{"role": "ai", "content": "a"},
      {"role": "system", "content": "b"},
      {"role": "doctor", "content": "c"},
      {"content": "d"},
      {"role": "user", "content": "photo", "task_type": "skin_analysis"},
      {"role": "user", "content": "photo", "task_type": "analyze_skin"},
      {"role": "user", "content": "report", "task_type": "report_interpret"},
      {"role": "user", "content": "e", "task_type": "other"},
      {"role": "user"},
      {"role": "user", "content": null},
      null, "only text", [], 7, {"role": "user", "content": 37.50}]',
    '2026-01-05 12:00:00', '2026-01-05 12:30:00'
);

-- Times in every form; the last six cannot be read as one.
INSERT INTO derma_sessions (
    id, user_id, chief_complaint, messages, created_at, updated_at
)
VALUES (
    'd-07', 3, 'Dry skin',
    '[{"content": "T", "timestamp": "2026-01-05T12:01:00"},
      {"content": "Z", "timestamp": "2026-01-05T12:02:00Z"},
      {"content": "blank", "timestamp": "2026-01-05 12:03:00"},
      {"content": "fraction", "timestamp": "2026-01-05T12:04:00.250Z"},
      {"content": "offset", "timestamp": "2026-01-05T20:05:00+08:00"},
      {"content": "minutes", "timestamp": "2026-01-05T17:36+0530"},
      {"content": "none"},
      {"content": "yesterday", "timestamp": "yesterday"},
      {"content": "no such day", "timestamp": "2026-02-30T12:00:00"},
      {"content": "a day", "timestamp": "2026-01-05"},
      {"content": "a number", "timestamp": 1767614400},
      {"content": "nothing", "timestamp": ""},
      {"content": "a clock", "timestamp": "12:00:00"}]',
    '2026-01-05 12:00:00', '2026-01-05 12:30:00'
);

-- JSON, but not what was meant: an object for the list of messages, a text and a number for lists.
INSERT INTO derma_sessions (
    id, user_id, chief_complaint, symptoms, symptom_details, messages, skin_analyses, created_at, updated_at
)
VALUES (
    'd-08', 3, 'Warts', '"itching"', '[1, 2]', '{"role": "user", "content": "no list"}', '7', '2026-01-05 12:00:00',
    '2026-01-05 12:30:00'
);

-- Text that must arrive as it is: quotes, a backslash, a newline, what looks like JSON, SQL or a placeholder,
-- four bytes a character, right to left, a character of two parts.
INSERT INTO derma_sessions (
    id, user_id, chief_complaint, messages, care_advice, created_at, updated_at
)
VALUES (
    'd-09', 3, '["a text, and no list"]',
    '[{"role": "user", "content": "It''s \"fine\""},
      {"role": "user", "content": "C:\\temp\\u0041"},
      {"role": "user", "content": "one\n\ttwo "},
      {"role": "user", "content": "🗺️ \ud83d\ude00"},
      {"role": "user", "content": "שלום مرحبا"},
      {"role": "user", "content": "é is not é"},
      {"role": "user", "content": "''; DROP TABLE messages; --"}]',
    'it''s C:\temp; DROP TABLE messages; -- ${x} %s ? :name $1', '2026-01-05 12:00:00', '2026-01-05 12:30:00'
);

-- The same id but for its case.
INSERT INTO derma_sessions (
    id, user_id, chief_complaint, messages, created_at, updated_at
)
VALUES (
    'D-09', 3, 'Nails', '[{"role": "user", "content": "capital"}]', '2026-01-05 12:00:00', '2026-01-05 12:30:00'
);

-- A key that stands twice in an element: the last counts.
INSERT INTO derma_sessions (
    id, user_id, chief_complaint, messages, created_at, updated_at
)
VALUES (
    'd-10', 3, 'Scars', '[{"role": "user", "role": "assistant", "content": "first", "content": "last"}]',
    '2026-01-05 12:00:00', '2026-01-05 12:30:00'
);

-- Words for yes and no in columns that SQLite calls BOOLEAN, and a number in a text column.
INSERT INTO derma_sessions (
    id, user_id, chief_complaint, messages, need_offline_visit, awaiting_image, created_at, updated_at
)
VALUES (
    'd-11', 3, 42, '[]', 'yes', 'false', '2026-01-05 12:00:00', '2026-01-05 12:30:00'
);

-- NUL, as JSON writes it and as it is; its times are not UTC, and none at all.
INSERT INTO derma_sessions (
    id, user_id, chief_complaint, messages, created_at, updated_at
)
VALUES (
    'd-12', 3, 'a' || char(0) || 'b',
    '[{"role": "user", "content": "one\u0000two"},
      {"role": "user", "content": "one\u0000three"},
      {"role": "user", "content": "\\u0000 is no NUL"}]',
    '2026-01-05T20:00:00+08:00', 'yesterday'
);

-- In sessions already, where it belongs to another user: that row stays, and the messages that lack come to it.
INSERT INTO derma_sessions (
    id, user_id, chief_complaint, messages, created_at, updated_at
)
VALUES (
    'there', 2, 'Left behind',
    '[{"role": "user", "content": "好的", "timestamp": "2026-01-04T10:01:00Z"},
      {"role": "user", "content": "好的", "timestamp": "2026-01-04T10:01:00Z"}]',
    '2026-01-04 10:00:00', '2026-01-05 12:30:00'
);

-- In both old tables: this one comes, the other is counted as already there. What both lists say is said twice.
INSERT INTO derma_sessions (
    id, user_id, chief_complaint, messages, created_at, updated_at
)
VALUES (
    'both', 1, 'Burns', '[{"role": "user", "content": "好的", "timestamp": "2026-01-05T12:01:00Z"}]',
    '2026-01-05 12:00:00', '2026-01-05 12:30:00'
);

-- In both old tables.
INSERT INTO diagnosis_sessions (
    id, user_id, chief_complaint, messages, quick_options, created_at, updated_at
)
VALUES (
    'both', 1, 'Burns',
    '[{"role": "user", "content": "好的", "timestamp": "2026-01-05T12:01:00Z"},
      {"role": "assistant", "content": "How?"}]',
    '["yes"]', '2026-01-05 12:00:00', '2026-01-05 12:30:00'
);

-- Something in every column.
INSERT INTO diagnosis_sessions (
    id, user_id, stage, progress, questions_asked, chief_complaint, symptoms, symptom_details, messages,
    current_question, quick_options, reasoning, possible_diseases, risk_level, recommendations, can_conclude,
    created_at, updated_at
)
VALUES (
    'g-01', 1, 'completed', 100, 7, 'A cough', '["cough"]', '{"cough": "dry"}',
    '[{"role": "assistant", "content": "Since when?", "timestamp": "2026-01-05T12:00:00"},
      {"role": "user", "content": "Monday", "timestamp": "2026-01-05T12:00:10.5"}]',
    'Any fever?', '["yes", "no"]', 'A cold, most likely.', '["cold"]', 'high', '{"rest": "3 days"}', 1,
    '2026-01-05 12:00:00', '2026-01-05 12:30:00'
);

-- NULL in every column that lets it in.
INSERT INTO diagnosis_sessions (
    id, user_id, stage, progress, questions_asked, chief_complaint, symptoms, symptom_details, messages,
    current_question, quick_options, reasoning, possible_diseases, risk_level, recommendations, can_conclude,
    created_at, updated_at
)
VALUES (
    'g-02', 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
);

-- An empty chief complaint, and no messages.
INSERT INTO diagnosis_sessions (
    id, user_id, chief_complaint, messages, can_conclude, created_at, updated_at
)
VALUES (
    'g-03', 2, '', '[]', 0, '2026-01-05 12:00:00', '2026-01-05 12:30:00'
);
