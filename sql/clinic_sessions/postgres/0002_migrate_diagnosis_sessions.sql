-- Copy diagnosis_sessions into sessions
--
-- Nothing is deleted and nothing overwritten: diagnosis_sessions stays as it is, and a session whose id is in
-- sessions already, also from derma_sessions, stays as it is there. What the old table knows goes into agent_state,
-- its list of messages too, as original_messages; the messages themselves come with step 3.
--
-- No ON CONFLICT: what is left out is left out by a condition that can be read here, and
-- anything else that does not fit fails the step instead of being dropped without a word.
--
-- By hand: psql -v ON_ERROR_STOP=1 -f. It is one transaction there too.
BEGIN;

-- The application may be running. Whoever writes waits until this step has committed; all can be read meanwhile.
LOCK TABLE diagnosis_sessions, sessions IN SHARE ROW EXCLUSIVE MODE;

-- Which of them were in sessions before: by it the rollback knows what not to touch. A second run leaves it alone.
-- sessmig: allow copy-without-merge it notes ids, by which the rollback knows what not to touch; no row is moved
CREATE TABLE IF NOT EXISTS diagnosis_already_there AS
SELECT old.id
FROM diagnosis_sessions AS old
JOIN sessions AS there ON there.id = old.id;

-- JSON stays JSON, as it is written. NULL and JSON null become the empty list or object that the new code expects.
INSERT INTO sessions (id, user_id, doctor_id, agent_type, agent_state, last_message, status, created_at, updated_at)
SELECT
    old.id,
    old.user_id,
    NULL,
    'general',
    json_build_object(
        'migrated_from', 'diagnosis_sessions',
        'stage', old.stage,
        'progress', old.progress,
        'questions_asked', old.questions_asked,
        'chief_complaint', old.chief_complaint,
        'symptoms', CASE WHEN json_typeof(old.symptoms) <> 'null' THEN old.symptoms ELSE '[]' END,
        'symptom_details', CASE
            WHEN json_typeof(old.symptom_details) <> 'null' THEN old.symptom_details
            ELSE '{}'
        END,
        'risk_level', coalesce(nullif(old.risk_level, ''), 'low'),
        'original_messages', CASE WHEN json_typeof(old.messages) <> 'null' THEN old.messages ELSE '[]' END,
        'current_question', old.current_question,
        'quick_options', CASE WHEN json_typeof(old.quick_options) <> 'null' THEN old.quick_options ELSE '[]' END,
        'reasoning', old.reasoning,
        'possible_diseases', CASE
            WHEN json_typeof(old.possible_diseases) <> 'null' THEN old.possible_diseases
            ELSE '[]'
        END,
        'recommendations', CASE
            WHEN json_typeof(old.recommendations) <> 'null' THEN old.recommendations
            ELSE '{}'
        END,
        'can_conclude', old.can_conclude
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
