-- Before the step.

-- require: the tables of both sides exist
SELECT wanted.name AS missing_table
FROM (
    VALUES ('users'), ('sessions'), ('diagnosis_sessions')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- The type json takes \u0000 and half a character (\ud83d: JavaScript cut it within an emoji), but nothing can be read
-- from a value that holds one, in agent_state either. Put it right: UPDATE ... SET messages =
-- replace(messages::text, '\u0000', '')::json.
-- require: PostgreSQL can read all JSON of the sessions (no \u0000 and no half character)
SELECT old.id, part.name AS column_name
FROM diagnosis_sessions AS old
CROSS JOIN LATERAL (
    VALUES
        ('symptoms', CAST(old.symptoms AS TEXT)),
        ('symptom_details', CAST(old.symptom_details AS TEXT)),
        ('messages', CAST(old.messages AS TEXT)),
        ('quick_options', CAST(old.quick_options AS TEXT)),
        ('possible_diseases', CAST(old.possible_diseases AS TEXT)),
        ('recommendations', CAST(old.recommendations AS TEXT))
) AS part (name, content)
WHERE CASE
    WHEN part.content ~ '\\u(0000|[dD][89a-fA-F])' THEN regexp_replace(
        part.content,
        '\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}',
        ' ',
        'g'
    ) ~ '\\u(0000|[dD][89a-fA-F])'
END
ORDER BY old.id, part.name;

-- The row account: each old session with all that it must have become. What agent_state has to be is built once more.
-- A session that is in sessions already stays as it is there.
-- merge: (
--     SELECT
--         old.id,
--         old.user_id,
--         CAST(NULL AS INTEGER) AS doctor_id,
--         'general' AS agent_type,
--         CAST(json_build_object(
--             'migrated_from', 'diagnosis_sessions',
--             'stage', old.stage,
--             'progress', old.progress,
--             'questions_asked', old.questions_asked,
--             'chief_complaint', old.chief_complaint,
--             'symptoms', CASE WHEN json_typeof(old.symptoms) <> 'null' THEN old.symptoms ELSE '[]' END,
--             'symptom_details', CASE
--                 WHEN json_typeof(old.symptom_details) <> 'null' THEN old.symptom_details
--                 ELSE '{}'
--             END,
--             'risk_level', coalesce(nullif(old.risk_level, ''), 'low'),
--             'original_messages', CASE WHEN json_typeof(old.messages) <> 'null' THEN old.messages ELSE '[]' END,
--             'current_question', old.current_question,
--             'quick_options', CASE
--                 WHEN json_typeof(old.quick_options) <> 'null' THEN old.quick_options
--                 ELSE '[]'
--             END,
--             'reasoning', old.reasoning,
--             'possible_diseases', CASE
--                 WHEN json_typeof(old.possible_diseases) <> 'null' THEN old.possible_diseases
--                 ELSE '[]'
--             END,
--             'recommendations', CASE
--                 WHEN json_typeof(old.recommendations) <> 'null' THEN old.recommendations
--                 ELSE '{}'
--             END,
--             'can_conclude', old.can_conclude
--         ) AS TEXT) AS agent_state,
--         old.current_question AS last_message,
--         CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END AS status,
--         old.created_at,
--         old.updated_at
--     FROM diagnosis_sessions AS old
-- ) into (
--     SELECT
--         id,
--         user_id,
--         doctor_id,
--         agent_type,
--         CAST(agent_state AS TEXT) AS agent_state,
--         last_message,
--         status,
--         created_at,
--         updated_at
--     FROM sessions
-- ) on id
--     comparing user_id, doctor_id, agent_type, agent_state, last_message, status, created_at, updated_at
-- differing: keep

-- measure before: old_sessions
SELECT count(*)
FROM diagnosis_sessions;

-- measure before: already_there
SELECT count(*)
FROM diagnosis_sessions AS old
JOIN sessions AS there ON there.id = old.id;

-- After the step.

-- measure: sessions_total
SELECT count(*)
FROM sessions;

-- The next ones speak of the old table under its old name, and so of the time before step 4: that a measure from
-- before stands in them makes it so.

-- measure: sessions_migrated
SELECT count(*)
FROM diagnosis_sessions AS old
JOIN sessions AS there ON there.id = old.id
WHERE :old_sessions >= 0
  AND NOT EXISTS (
    SELECT 1
    FROM diagnosis_already_there AS kept
    WHERE kept.id = old.id
);

-- check: every old session is in sessions
SELECT old.id, old.user_id, old.created_at
FROM diagnosis_sessions AS old
WHERE :old_sessions >= 0
  AND NOT EXISTS (
    SELECT 1
    FROM sessions AS there
    WHERE there.id = old.id
);

-- The row in sessions is the one that was kept; the old one stays in diagnosis_sessions, and step 5 keeps it.
-- warn: sessions that were there already
SELECT old.id, old.user_id AS left_user_id, there.user_id, there.agent_type, there.created_at
FROM diagnosis_sessions AS old
JOIN diagnosis_already_there AS kept ON kept.id = old.id
JOIN sessions AS there ON there.id = old.id
WHERE :already_there > 0
ORDER BY old.id;
