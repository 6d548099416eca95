-- Take the sessions that came from diagnosis_sessions out of sessions
--
-- Only what the migration brought is deleted: sessions that say migrated_from, stand in diagnosis_sessions, where
-- each of them still is, and were not in sessions before. One that was changed since, or has messages, stays: the
-- verify file stops the rollback there, and says which.
--
-- By hand: sqlite3 -bail, with PRAGMA foreign_keys = ON, and nothing else may write meanwhile; ask the requires of
-- the verify file first. docs/rollback.md says what to do.
--
-- sessmig: may-lose sessions, diagnosis_already_there
BEGIN;

DELETE FROM sessions
WHERE sessions.id NOT IN (SELECT id FROM diagnosis_already_there)
  AND NOT EXISTS (
    SELECT 1
    FROM messages AS message
    WHERE message.session_id = sessions.id
)
  AND EXISTS (
    SELECT 1
    FROM diagnosis_sessions AS old
    WHERE old.id = sessions.id
      AND (sessions.user_id, sessions.last_message, sessions.created_at, sessions.updated_at)
          IS (old.user_id, old.current_question, old.created_at, old.updated_at)
      AND sessions.agent_type = 'general'
      AND sessions.doctor_id IS NULL
      AND sessions.status = CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END
      AND sessions.agent_state IS json_object(
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
      )
);

DROP TABLE diagnosis_already_there;

COMMIT;
