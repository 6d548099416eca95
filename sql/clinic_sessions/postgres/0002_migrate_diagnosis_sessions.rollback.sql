-- Take the sessions that came from diagnosis_sessions out of sessions
--
-- Only what the migration brought is deleted: sessions that say migrated_from, stand in diagnosis_sessions, where
-- each of them still is, and were not in sessions before. One that was changed since, or has messages, stays: the
-- verify file stops the rollback there, and says which.
--
-- By hand: psql -v ON_ERROR_STOP=1 -f, and nothing else may write meanwhile; ask the requires of
-- the verify file first. docs/rollback.md says what to do.
--
-- sessmig: may-lose sessions, diagnosis_already_there
BEGIN;

-- Whoever writes waits, so no session is changed between the look at it and its deletion.
LOCK TABLE diagnosis_sessions, sessions, messages IN SHARE ROW EXCLUSIVE MODE;

DELETE FROM sessions
WHERE NOT EXISTS (
    SELECT 1
    FROM diagnosis_already_there AS kept
    WHERE kept.id = sessions.id
)
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
          IS NOT DISTINCT FROM (old.user_id, old.current_question, old.created_at, old.updated_at)
      AND sessions.agent_type = 'general'
      AND sessions.doctor_id IS NULL
      AND sessions.status = CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END
      AND CAST(sessions.agent_state AS TEXT) = CAST(
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
              'quick_options', CASE
                  WHEN json_typeof(old.quick_options) <> 'null' THEN old.quick_options
                  ELSE '[]'
              END,
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
          ) AS TEXT
      )
);

DROP TABLE diagnosis_already_there;

COMMIT;
