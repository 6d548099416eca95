-- Take the sessions that came from derma_sessions out of sessions
--
-- Only what the migration brought is deleted: sessions that say migrated_from, stand in derma_sessions, where
-- each of them still is, and were not in sessions before. One that was changed since, or has messages, stays: the
-- verify file stops the rollback there, and says which.
--
-- By hand: psql -v ON_ERROR_STOP=1 -f, and nothing else may write meanwhile; ask the requires of
-- the verify file first. docs/rollback.md says what to do.
--
-- sessmig: may-lose sessions, derma_already_there
BEGIN;

-- Whoever writes waits, so no session is changed between the look at it and its deletion.
LOCK TABLE derma_sessions, sessions, messages IN SHARE ROW EXCLUSIVE MODE;

DELETE FROM sessions
WHERE NOT EXISTS (
    SELECT 1
    FROM derma_already_there AS kept
    WHERE kept.id = sessions.id
)
  AND NOT EXISTS (
    SELECT 1
    FROM messages AS message
    WHERE message.session_id = sessions.id
)
  AND EXISTS (
    SELECT 1
    FROM derma_sessions AS old
    WHERE old.id = sessions.id
      AND (sessions.user_id, sessions.last_message, sessions.created_at, sessions.updated_at)
          IS NOT DISTINCT FROM (old.user_id, old.current_response, old.created_at, old.updated_at)
      AND sessions.agent_type = 'dermatology'
      AND sessions.doctor_id IS NULL
      AND sessions.status = CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END
      AND CAST(sessions.agent_state AS TEXT) = CAST(
          json_build_object(
              'migrated_from', 'derma_sessions',
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
              'skin_location', old.skin_location,
              'duration', old.duration,
              'skin_analyses', CASE
                  WHEN json_typeof(old.skin_analyses) <> 'null' THEN old.skin_analyses
                  ELSE '[]'
              END,
              'latest_analysis', old.latest_analysis,
              'report_interpretations', CASE
                  WHEN json_typeof(old.report_interpretations) <> 'null' THEN old.report_interpretations
                  ELSE '[]'
              END,
              'latest_interpretation', old.latest_interpretation,
              'possible_conditions', CASE
                  WHEN json_typeof(old.possible_conditions) <> 'null' THEN old.possible_conditions
                  ELSE '[]'
              END,
              'care_advice', old.care_advice,
              'need_offline_visit', old.need_offline_visit,
              'current_task', old.current_task,
              'awaiting_image', old.awaiting_image
          ) AS TEXT
      )
);

DROP TABLE derma_already_there;

COMMIT;
