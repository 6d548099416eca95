-- Before the step.

-- require: the tables of both sides exist
WITH wanted (name) AS (
    VALUES ('users'), ('sessions'), ('diagnosis_sessions')
)
SELECT wanted.name AS missing_table
FROM wanted
WHERE NOT EXISTS (
    SELECT 1
    FROM sqlite_master AS present
    WHERE present.type = 'table'
      AND lower(present.name) = wanted.name
);

-- SQLite lets them be NULL. Give the session an id, or delete it.
-- require: every session has an id, and the id is a text
SELECT rowid, id, user_id, created_at
FROM diagnosis_sessions
WHERE typeof(id) <> 'text';

-- JSON has no bytes. Where it is a text after all: UPDATE ... SET column = CAST(column AS TEXT).
-- require: no session holds bytes (BLOB) where text or a number is meant
SELECT id
FROM diagnosis_sessions
WHERE 'blob' IN (
    typeof(id), typeof(user_id), typeof(stage), typeof(progress), typeof(questions_asked),
    typeof(chief_complaint), typeof(symptoms), typeof(symptom_details), typeof(messages),
    typeof(current_question), typeof(quick_options), typeof(reasoning), typeof(possible_diseases),
    typeof(risk_level), typeof(recommendations), typeof(can_conclude), typeof(created_at), typeof(updated_at)
)
ORDER BY id;

-- Foreign keys were not enforced when the old rows were written. Add the user, or delete the session.
-- require: the user of every session that is to come exists
SELECT old.id, old.user_id
FROM diagnosis_sessions AS old
WHERE NOT EXISTS (
    SELECT 1
    FROM users
    WHERE users.id = old.user_id
)
  AND NOT EXISTS (
    SELECT 1
    FROM sessions AS there
    WHERE there.id = old.id
)
ORDER BY old.id;

-- require: every flag is a number, or a word for yes or no
SELECT id, can_conclude
FROM diagnosis_sessions
WHERE (
    typeof(can_conclude) = 'text'
    AND lower(can_conclude) NOT IN ('', 'true', 't', 'yes', 'y', 'on', 'false', 'f', 'no', 'n', 'off')
   )
ORDER BY id;

-- The row account: each old session with all that it must have become. What agent_state has to be is built once more.
-- A session that is in sessions already stays as it is there.
-- merge: (
--     SELECT
--         old.id,
--         old.user_id,
--         CAST(NULL AS INTEGER) AS doctor_id,
--         'general' AS agent_type,
--         json_object(
--             'migrated_from', 'diagnosis_sessions',
--             'stage', old.stage,
--             'progress', old.progress,
--             'questions_asked', old.questions_asked,
--             'chief_complaint', old.chief_complaint,
--             'symptoms', json(
--                 CASE
--                     WHEN old.symptoms IS NULL OR old.symptoms = '' THEN '[]'
--                     WHEN instr(CAST(old.symptoms AS BLOB), x'00') > 0 THEN json_quote(old.symptoms)
--                     WHEN NOT json_valid(old.symptoms) THEN json_quote(old.symptoms)
--                     WHEN json_type(old.symptoms) = 'null' THEN '[]'
--                     ELSE old.symptoms
--                 END
--             ),
--             'symptom_details', json(
--                 CASE
--                     WHEN old.symptom_details IS NULL OR old.symptom_details = '' THEN '{}'
--                     WHEN instr(CAST(old.symptom_details AS BLOB), x'00') > 0 THEN json_quote(old.symptom_details)
--                     WHEN NOT json_valid(old.symptom_details) THEN json_quote(old.symptom_details)
--                     WHEN json_type(old.symptom_details) = 'null' THEN '{}'
--                     ELSE old.symptom_details
--                 END
--             ),
--             'risk_level', coalesce(nullif(old.risk_level, ''), 'low'),
--             'original_messages', json(
--                 CASE
--                     WHEN old.messages IS NULL OR old.messages = '' THEN '[]'
--                     WHEN instr(CAST(old.messages AS BLOB), x'00') > 0 THEN json_quote(old.messages)
--                     WHEN NOT json_valid(old.messages) THEN json_quote(old.messages)
--                     WHEN json_type(old.messages) = 'null' THEN '[]'
--                     ELSE old.messages
--                 END
--             ),
--             'current_question', old.current_question,
--             'quick_options', json(
--                 CASE
--                     WHEN old.quick_options IS NULL OR old.quick_options = '' THEN '[]'
--                     WHEN instr(CAST(old.quick_options AS BLOB), x'00') > 0 THEN json_quote(old.quick_options)
--                     WHEN NOT json_valid(old.quick_options) THEN json_quote(old.quick_options)
--                     WHEN json_type(old.quick_options) = 'null' THEN '[]'
--                     ELSE old.quick_options
--                 END
--             ),
--             'reasoning', old.reasoning,
--             'possible_diseases', json(
--                 CASE
--                     WHEN old.possible_diseases IS NULL OR old.possible_diseases = '' THEN '[]'
--                     WHEN instr(CAST(old.possible_diseases AS BLOB), x'00') > 0 THEN json_quote(old.possible_diseases)
--                     WHEN NOT json_valid(old.possible_diseases) THEN json_quote(old.possible_diseases)
--                     WHEN json_type(old.possible_diseases) = 'null' THEN '[]'
--                     ELSE old.possible_diseases
--                 END
--             ),
--             'recommendations', json(
--                 CASE
--                     WHEN old.recommendations IS NULL OR old.recommendations = '' THEN '{}'
--                     WHEN instr(CAST(old.recommendations AS BLOB), x'00') > 0 THEN json_quote(old.recommendations)
--                     WHEN NOT json_valid(old.recommendations) THEN json_quote(old.recommendations)
--                     WHEN json_type(old.recommendations) = 'null' THEN '{}'
--                     ELSE old.recommendations
--                 END
--             ),
--             'can_conclude', json(
--                 CASE
--                     WHEN old.can_conclude IS NULL OR old.can_conclude = '' THEN 'null'
--                     WHEN typeof(old.can_conclude) <> 'text' THEN iif(old.can_conclude <> 0, 'true', 'false')
--                     WHEN lower(old.can_conclude) IN ('true', 't', 'yes', 'y', 'on') THEN 'true'
--                     WHEN lower(old.can_conclude) IN ('false', 'f', 'no', 'n', 'off') THEN 'false'
--                     ELSE json_quote(old.can_conclude)
--                 END
--             )
--         ) AS agent_state,
--         old.current_question AS last_message,
--         CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END AS status,
--         old.created_at,
--         old.updated_at
--     FROM diagnosis_sessions AS old
-- ) into sessions on id
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
  AND old.id NOT IN (SELECT id FROM diagnosis_already_there);

-- check: every old session is in sessions
SELECT old.id, old.user_id, old.created_at
FROM diagnosis_sessions AS old
WHERE :old_sessions >= 0
  AND NOT EXISTS (
    SELECT 1
    FROM sessions AS there
    WHERE there.id = old.id
);

-- check: every migrated agent_state is JSON
SELECT there.id, there.agent_state
FROM diagnosis_sessions AS old
JOIN sessions AS there ON there.id = old.id
WHERE :old_sessions >= 0
  AND old.id NOT IN (SELECT id FROM diagnosis_already_there)
  AND NOT json_valid(there.agent_state);

-- warn: text that is no JSON, kept as a text
SELECT old.id, part.name AS column_name, substr(part.content, 1, 60) AS begins
FROM diagnosis_sessions AS old
JOIN (
    SELECT id, 'symptoms' AS name, symptoms AS content FROM diagnosis_sessions
    UNION ALL
    SELECT id, 'symptom_details', symptom_details FROM diagnosis_sessions
    UNION ALL
    SELECT id, 'messages', messages FROM diagnosis_sessions
    UNION ALL
    SELECT id, 'quick_options', quick_options FROM diagnosis_sessions
    UNION ALL
    SELECT id, 'possible_diseases', possible_diseases FROM diagnosis_sessions
    UNION ALL
    SELECT id, 'recommendations', recommendations FROM diagnosis_sessions
) AS part ON part.id = old.id
WHERE :old_sessions >= 0
  AND part.content <> ''
  AND (instr(CAST(part.content AS BLOB), x'00') > 0 OR NOT json_valid(part.content))
ORDER BY old.id, part.name;

-- The row in sessions is the one that was kept; the old one stays in diagnosis_sessions, and step 5 keeps it.
-- warn: sessions that were there already
SELECT old.id, old.user_id AS left_user_id, there.user_id, there.agent_type, there.created_at
FROM diagnosis_sessions AS old
JOIN diagnosis_already_there AS kept ON kept.id = old.id
JOIN sessions AS there ON there.id = old.id
WHERE :already_there > 0
ORDER BY old.id;
