-- Copy derma_sessions into sessions
--
-- Nothing is deleted and nothing overwritten: derma_sessions stays as it is, and a session whose id is in sessions
-- already stays as it is there. What the old table knows goes into agent_state, its list of messages too, as
-- original_messages; the messages themselves come with step 3.
--
-- quick_options has no place in agent_state: step 5 keeps the rows that hold some, before the table goes.
--
-- No OR IGNORE, no ON CONFLICT: what is left out is left out by a condition that can be read here, and
-- anything else that does not fit fails the step instead of being dropped without a word.
--
-- By hand: sqlite3 -bail, with PRAGMA foreign_keys = ON. It is one transaction there too.
BEGIN;

-- Which of them were in sessions before: by it the rollback knows what not to touch. A second run leaves it alone.
-- sessmig: allow copy-without-merge it notes ids, by which the rollback knows what not to touch; no row is moved
CREATE TABLE IF NOT EXISTS derma_already_there AS
SELECT old.id
FROM derma_sessions AS old
JOIN sessions AS there ON there.id = old.id;

-- JSON stays JSON. NULL, JSON null and '' become the empty list or object that the new code expects. Text that is
-- no JSON, or has a NUL in it, behind which the JSON functions do not look, is kept as a text; the verify file
-- names it. SQLite has no booleans: 0 and 1 become false and true, and so do the words for it.
INSERT INTO sessions (id, user_id, doctor_id, agent_type, agent_state, last_message, status, created_at, updated_at)
SELECT
    old.id,
    old.user_id,
    NULL,
    'dermatology',
    json_object(
        'migrated_from', 'derma_sessions',
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
        'skin_location', old.skin_location,
        'duration', old.duration,
        'skin_analyses', json(
            CASE
                WHEN old.skin_analyses IS NULL OR old.skin_analyses = '' THEN '[]'
                WHEN instr(CAST(old.skin_analyses AS BLOB), x'00') > 0 THEN json_quote(old.skin_analyses)
                WHEN NOT json_valid(old.skin_analyses) THEN json_quote(old.skin_analyses)
                WHEN json_type(old.skin_analyses) = 'null' THEN '[]'
                ELSE old.skin_analyses
            END
        ),
        'latest_analysis', json(
            CASE
                WHEN old.latest_analysis IS NULL OR old.latest_analysis = '' THEN 'null'
                WHEN instr(CAST(old.latest_analysis AS BLOB), x'00') > 0 THEN json_quote(old.latest_analysis)
                WHEN NOT json_valid(old.latest_analysis) THEN json_quote(old.latest_analysis)
                WHEN json_type(old.latest_analysis) = 'null' THEN 'null'
                ELSE old.latest_analysis
            END
        ),
        'report_interpretations', json(
            CASE
                WHEN old.report_interpretations IS NULL OR old.report_interpretations = '' THEN '[]'
                WHEN instr(CAST(old.report_interpretations AS BLOB), x'00') > 0
                THEN json_quote(old.report_interpretations)
                WHEN NOT json_valid(old.report_interpretations) THEN json_quote(old.report_interpretations)
                WHEN json_type(old.report_interpretations) = 'null' THEN '[]'
                ELSE old.report_interpretations
            END
        ),
        'latest_interpretation', json(
            CASE
                WHEN old.latest_interpretation IS NULL OR old.latest_interpretation = '' THEN 'null'
                WHEN instr(CAST(old.latest_interpretation AS BLOB), x'00') > 0
                THEN json_quote(old.latest_interpretation)
                WHEN NOT json_valid(old.latest_interpretation) THEN json_quote(old.latest_interpretation)
                WHEN json_type(old.latest_interpretation) = 'null' THEN 'null'
                ELSE old.latest_interpretation
            END
        ),
        'possible_conditions', json(
            CASE
                WHEN old.possible_conditions IS NULL OR old.possible_conditions = '' THEN '[]'
                WHEN instr(CAST(old.possible_conditions AS BLOB), x'00') > 0 THEN json_quote(old.possible_conditions)
                WHEN NOT json_valid(old.possible_conditions) THEN json_quote(old.possible_conditions)
                WHEN json_type(old.possible_conditions) = 'null' THEN '[]'
                ELSE old.possible_conditions
            END
        ),
        'care_advice', old.care_advice,
        'need_offline_visit', json(
            CASE
                WHEN old.need_offline_visit IS NULL OR old.need_offline_visit = '' THEN 'null'
                WHEN typeof(old.need_offline_visit) <> 'text' THEN iif(old.need_offline_visit <> 0, 'true', 'false')
                WHEN lower(old.need_offline_visit) IN ('true', 't', 'yes', 'y', 'on') THEN 'true'
                WHEN lower(old.need_offline_visit) IN ('false', 'f', 'no', 'n', 'off') THEN 'false'
                ELSE json_quote(old.need_offline_visit)
            END
        ),
        'current_task', old.current_task,
        'awaiting_image', json(
            CASE
                WHEN old.awaiting_image IS NULL OR old.awaiting_image = '' THEN 'null'
                WHEN typeof(old.awaiting_image) <> 'text' THEN iif(old.awaiting_image <> 0, 'true', 'false')
                WHEN lower(old.awaiting_image) IN ('true', 't', 'yes', 'y', 'on') THEN 'true'
                WHEN lower(old.awaiting_image) IN ('false', 'f', 'no', 'n', 'off') THEN 'false'
                ELSE json_quote(old.awaiting_image)
            END
        )
    ),
    old.current_response,
    CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END,
    old.created_at,
    old.updated_at
FROM derma_sessions AS old
WHERE NOT EXISTS (
    SELECT 1
    FROM sessions AS there
    WHERE there.id = old.id
)
ORDER BY old.id;

COMMIT;
