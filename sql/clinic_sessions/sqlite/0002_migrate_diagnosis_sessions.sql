-- Copy diagnosis_sessions into sessions
--
-- Nothing is deleted and nothing overwritten: diagnosis_sessions stays as it is, and a session whose id is in
-- sessions already, also from derma_sessions, stays as it is there. What the old table knows goes into agent_state,
-- its list of messages too, as original_messages; the messages themselves come with step 3.
--
-- No OR IGNORE, no ON CONFLICT: what is left out is left out by a condition that can be read here, and
-- anything else that does not fit fails the step instead of being dropped without a word.
--
-- By hand: sqlite3 -bail, with PRAGMA foreign_keys = ON. It is one transaction there too.
BEGIN;

-- Which of them were in sessions before: by it the rollback knows what not to touch. A second run leaves it alone.
-- sessmig: allow copy-without-merge it notes ids, by which the rollback knows what not to touch; no row is moved
CREATE TABLE IF NOT EXISTS diagnosis_already_there AS
SELECT old.id
FROM diagnosis_sessions AS old
JOIN sessions AS there ON there.id = old.id;

-- JSON stays JSON. NULL, JSON null and '' become the empty list or object that the new code expects. Text that is
-- no JSON, or has a NUL in it, behind which the JSON functions do not look, is kept as a text; the verify file
-- names it. SQLite has no booleans: 0 and 1 become false and true, and so do the words for it.
INSERT INTO sessions (id, user_id, doctor_id, agent_type, agent_state, last_message, status, created_at, updated_at)
SELECT
    old.id,
    old.user_id,
    NULL,
    'general',
    json_object(
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
    old.current_question,
    CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END,
    old.created_at,
    old.updated_at
FROM diagnosis_sessions AS old
WHERE NOT EXISTS (
    SELECT 1
    FROM sessions AS there
    WHERE there.id = old.id
)
ORDER BY old.id;

COMMIT;
