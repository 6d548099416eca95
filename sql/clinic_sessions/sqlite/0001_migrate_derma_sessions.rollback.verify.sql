-- Before the rollback.

-- require: the tables of both sides exist
WITH wanted (name) AS (
    VALUES ('derma_sessions'), ('sessions'), ('messages'), ('derma_already_there')
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
JOIN derma_sessions AS old ON old.id = message.session_id
WHERE message.session_id NOT IN (SELECT id FROM derma_already_there)
GROUP BY message.session_id
ORDER BY message.session_id;

-- What was written into them since, by the new application or into the old table, stands nowhere else.
-- require: no migrated session was changed since
SELECT there.id, there.agent_type, there.status, there.last_message, there.updated_at
FROM sessions AS there
JOIN derma_sessions AS old ON old.id = there.id
WHERE there.id NOT IN (SELECT id FROM derma_already_there)
  AND NOT coalesce(
    (there.user_id, there.last_message, there.created_at, there.updated_at)
        IS (old.user_id, old.current_response, old.created_at, old.updated_at)
    AND there.agent_type = 'dermatology'
    AND there.doctor_id IS NULL
    AND there.status = CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END
    AND there.agent_state IS json_object(
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
    0
  )
ORDER BY there.id;

-- measure before: sessions_to_remove
SELECT count(*)
FROM sessions AS there
JOIN derma_sessions AS old ON old.id = there.id
WHERE there.id NOT IN (SELECT id FROM derma_already_there);

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

-- check: sessions has lost nothing else
SELECT :sessions_left AS expected, count(*) AS sessions
FROM sessions
HAVING count(*) < :sessions_left;

-- check: derma_sessions has every session
SELECT :old_sessions AS expected, count(*) AS sessions
FROM derma_sessions
HAVING count(*) < :old_sessions;
