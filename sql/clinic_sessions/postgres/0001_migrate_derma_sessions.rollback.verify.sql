-- Before the rollback.

-- require: the tables of both sides exist
SELECT wanted.name AS missing_table
FROM (
    VALUES ('derma_sessions'), ('sessions'), ('messages'), ('derma_already_there')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

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
JOIN derma_sessions AS old ON old.id = message.session_id
WHERE NOT EXISTS (
    SELECT 1
    FROM derma_already_there AS kept
    WHERE kept.id = message.session_id
)
GROUP BY message.session_id
ORDER BY message.session_id;

-- What was written into them since, by the new application or into the old table, stands nowhere else.
-- require: no migrated session was changed since
SELECT there.id, there.agent_type, there.status, there.last_message, there.updated_at
FROM sessions AS there
JOIN derma_sessions AS old ON old.id = there.id
WHERE NOT EXISTS (
    SELECT 1
    FROM derma_already_there AS kept
    WHERE kept.id = there.id
)
  AND NOT coalesce(
    (there.user_id, there.last_message, there.created_at, there.updated_at)
        IS NOT DISTINCT FROM (old.user_id, old.current_response, old.created_at, old.updated_at)
    AND there.agent_type = 'dermatology'
    AND there.doctor_id IS NULL
    AND there.status = CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END
    AND CAST(there.agent_state AS TEXT) = CAST(
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
            'skin_analyses', CASE WHEN json_typeof(old.skin_analyses) <> 'null' THEN old.skin_analyses ELSE '[]' END,
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
    ),
    false
  )
ORDER BY there.id;

-- measure before: sessions_to_remove
SELECT count(*)
FROM sessions AS there
JOIN derma_sessions AS old ON old.id = there.id
WHERE NOT EXISTS (
    SELECT 1
    FROM derma_already_there AS kept
    WHERE kept.id = there.id
);

-- measure before: sessions_left
SELECT count(*) - :sessions_to_remove
FROM sessions;

-- measure before: old_sessions
SELECT count(*)
FROM derma_sessions;

-- measure before: already_there
SELECT count(*)
FROM derma_already_there;

-- After the rollback.

-- check: no migrated session is left, and each that was there before still is
-- expect: :already_there
SELECT count(*)
FROM sessions AS there
JOIN derma_sessions AS old ON old.id = there.id;

-- What was counted before was counted before the locks: there may be more than there were, never fewer.
-- check: sessions has lost nothing else
SELECT :sessions_left AS expected, count(*) AS sessions
FROM sessions
HAVING count(*) < :sessions_left;

-- check: derma_sessions has every session
SELECT :old_sessions AS expected, count(*) AS sessions
FROM derma_sessions
HAVING count(*) < :old_sessions;
