-- Before the rollback.

-- require: the tables of both sides exist
WITH wanted (name) AS (
    VALUES ('diagnosis_sessions'), ('sessions'), ('messages'), ('diagnosis_already_there')
)
SELECT wanted.name AS missing_table
FROM wanted
WHERE NOT EXISTS (
    SELECT 1
    FROM sqlite_master AS present
    WHERE present.type = 'table'
      AND lower(present.name) = wanted.name
);

-- These were written in the application after the migration. Without the session they would be lost. To go on, give
-- them a session that stays (UPDATE messages SET session_id = ...), or copy them elsewhere and delete them; then run
-- the same command again.
-- require: no message was written to a migrated session since (move these to a session that stays, or delete them)
SELECT
    message.session_id,
    count(*) AS messages,
    sum(count(*)) OVER () AS messages_in_all,
    min(message.id) AS first_message
FROM messages AS message
JOIN diagnosis_sessions AS old ON old.id = message.session_id
WHERE message.session_id NOT IN (SELECT id FROM diagnosis_already_there)
GROUP BY message.session_id
ORDER BY message.session_id;

-- What was written into them since, by the new application or into the old table, stands nowhere else.
-- require: no migrated session was changed since
SELECT there.id, there.agent_type, there.status, there.last_message, there.updated_at
FROM sessions AS there
JOIN diagnosis_sessions AS old ON old.id = there.id
WHERE there.id NOT IN (SELECT id FROM diagnosis_already_there)
  AND NOT coalesce(
    (there.user_id, there.last_message, there.created_at, there.updated_at)
        IS (old.user_id, old.current_question, old.created_at, old.updated_at)
    AND there.agent_type = 'general'
    AND there.doctor_id IS NULL
    AND there.status = CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END
    AND there.agent_state IS json_object(
        'migrated_from', 'diagnosis_sessions',
        'stage', old.stage,
        'progress', old.progress,
        'questions_asked', old.questions_asked,
        'chief_complaint', old.chief_complaint,
        'symptoms', json(
            CASE
                WHEN old.symptoms IS NULL OR old.symptoms = '' THEN '[]'
                WHEN instr(CAST(old.symptoms AS BLOB), x'00') > 0 THEN json_quote(old.symptoms)
                WHEN NOT json_valid(old.symptoms) THEN json_quote(old.symptoms)
                WHEN json_type(old.symptoms) = 'null' THEN '[]'
                ELSE old.symptoms
            END
        ),
        'symptom_details', json(
            CASE
                WHEN old.symptom_details IS NULL OR old.symptom_details = '' THEN '{}'
                WHEN instr(CAST(old.symptom_details AS BLOB), x'00') > 0 THEN json_quote(old.symptom_details)
                WHEN NOT json_valid(old.symptom_details) THEN json_quote(old.symptom_details)
                WHEN json_type(old.symptom_details) = 'null' THEN '{}'
                ELSE old.symptom_details
            END
        ),
        'risk_level', coalesce(nullif(old.risk_level, ''), 'low'),
        'original_messages', json(
            CASE
                WHEN old.messages IS NULL OR old.messages = '' THEN '[]'
                WHEN instr(CAST(old.messages AS BLOB), x'00') > 0 THEN json_quote(old.messages)
                WHEN NOT json_valid(old.messages) THEN json_quote(old.messages)
                WHEN json_type(old.messages) = 'null' THEN '[]'
                ELSE old.messages
            END
        ),
        'current_question', old.current_question,
        'quick_options', json(
            CASE
                WHEN old.quick_options IS NULL OR old.quick_options = '' THEN '[]'
                WHEN instr(CAST(old.quick_options AS BLOB), x'00') > 0 THEN json_quote(old.quick_options)
                WHEN NOT json_valid(old.quick_options) THEN json_quote(old.quick_options)
                WHEN json_type(old.quick_options) = 'null' THEN '[]'
                ELSE old.quick_options
            END
        ),
        'reasoning', old.reasoning,
        'possible_diseases', json(
            CASE
                WHEN old.possible_diseases IS NULL OR old.possible_diseases = '' THEN '[]'
                WHEN instr(CAST(old.possible_diseases AS BLOB), x'00') > 0 THEN json_quote(old.possible_diseases)
                WHEN NOT json_valid(old.possible_diseases) THEN json_quote(old.possible_diseases)
                WHEN json_type(old.possible_diseases) = 'null' THEN '[]'
                ELSE old.possible_diseases
            END
        ),
        'recommendations', json(
            CASE
                WHEN old.recommendations IS NULL OR old.recommendations = '' THEN '{}'
                WHEN instr(CAST(old.recommendations AS BLOB), x'00') > 0 THEN json_quote(old.recommendations)
                WHEN NOT json_valid(old.recommendations) THEN json_quote(old.recommendations)
                WHEN json_type(old.recommendations) = 'null' THEN '{}'
                ELSE old.recommendations
            END
        ),
        'can_conclude', json(
            CASE
                WHEN old.can_conclude IS NULL OR old.can_conclude = '' THEN 'null'
                WHEN typeof(old.can_conclude) <> 'text' THEN iif(old.can_conclude <> 0, 'true', 'false')
                WHEN lower(old.can_conclude) IN ('true', 't', 'yes', 'y', 'on') THEN 'true'
                WHEN lower(old.can_conclude) IN ('false', 'f', 'no', 'n', 'off') THEN 'false'
                ELSE json_quote(old.can_conclude)
            END
        )
    ),
    0
  )
ORDER BY there.id;

-- measure before: sessions_to_remove
SELECT count(*)
FROM sessions AS there
JOIN diagnosis_sessions AS old ON old.id = there.id
WHERE there.id NOT IN (SELECT id FROM diagnosis_already_there);

-- measure before: sessions_left
SELECT count(*) - :sessions_to_remove
FROM sessions;

-- measure before: old_sessions
SELECT count(*)
FROM diagnosis_sessions;

-- measure before: already_there
SELECT count(*)
FROM diagnosis_already_there;

-- After the rollback.

-- check: no migrated session is left, and each that was there before still is
-- expect: :already_there
SELECT count(*)
FROM sessions AS there
JOIN diagnosis_sessions AS old ON old.id = there.id;

-- check: sessions has lost nothing else
SELECT :sessions_left AS expected, count(*) AS sessions
FROM sessions
HAVING count(*) < :sessions_left;

-- check: diagnosis_sessions has every session
SELECT :old_sessions AS expected, count(*) AS sessions
FROM diagnosis_sessions
HAVING count(*) < :old_sessions;
