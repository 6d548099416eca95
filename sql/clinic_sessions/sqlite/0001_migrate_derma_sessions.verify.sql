-- Before the step.

-- require: the tables of both sides exist
WITH wanted (name) AS (
    VALUES ('users'), ('sessions'), ('derma_sessions')
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
FROM derma_sessions
WHERE typeof(id) <> 'text';

-- JSON has no bytes. Where it is a text after all: UPDATE ... SET column = CAST(column AS TEXT).
-- require: no session holds bytes (BLOB) where text or a number is meant
SELECT id
FROM derma_sessions
WHERE 'blob' IN (
    typeof(id), typeof(user_id), typeof(stage), typeof(progress), typeof(questions_asked),
    typeof(chief_complaint), typeof(symptoms), typeof(symptom_details), typeof(skin_location),
    typeof(duration), typeof(messages), typeof(current_response), typeof(quick_options), typeof(skin_analyses),
    typeof(latest_analysis), typeof(report_interpretations), typeof(latest_interpretation),
    typeof(possible_conditions), typeof(risk_level), typeof(care_advice), typeof(need_offline_visit),
    typeof(current_task), typeof(awaiting_image), typeof(created_at), typeof(updated_at)
)
ORDER BY id;

-- Foreign keys were not enforced when the old rows were written. Add the user, or delete the session.
-- require: the user of every session that is to come exists
SELECT old.id, old.user_id
FROM derma_sessions AS old
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
SELECT id, need_offline_visit, awaiting_image
FROM derma_sessions
WHERE (
    typeof(need_offline_visit) = 'text'
    AND lower(need_offline_visit) NOT IN ('', 'true', 't', 'yes', 'y', 'on', 'false', 'f', 'no', 'n', 'off')
   )
   OR (
    typeof(awaiting_image) = 'text'
    AND lower(awaiting_image) NOT IN ('', 'true', 't', 'yes', 'y', 'on', 'false', 'f', 'no', 'n', 'off')
   )
ORDER BY id;

-- The row account: each old session with all that it must have become. What agent_state has to be is built once more.
-- A session that is in sessions already stays as it is there.
-- merge: (
--     SELECT
--         old.id,
--         old.user_id,
--         CAST(NULL AS INTEGER) AS doctor_id,
--         'dermatology' AS agent_type,
--         json_object(
--             'migrated_from', 'derma_sessions',
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
--             'skin_location', old.skin_location,
--             'duration', old.duration,
--             'skin_analyses', json(
--                 CASE
--                     WHEN old.skin_analyses IS NULL OR old.skin_analyses = '' THEN '[]'
--                     WHEN instr(CAST(old.skin_analyses AS BLOB), x'00') > 0 THEN json_quote(old.skin_analyses)
--                     WHEN NOT json_valid(old.skin_analyses) THEN json_quote(old.skin_analyses)
--                     WHEN json_type(old.skin_analyses) = 'null' THEN '[]'
--                     ELSE old.skin_analyses
--                 END
--             ),
--             'latest_analysis', json(
--                 CASE
--                     WHEN old.latest_analysis IS NULL OR old.latest_analysis = '' THEN 'null'
--                     WHEN instr(CAST(old.latest_analysis AS BLOB), x'00') > 0 THEN json_quote(old.latest_analysis)
--                     WHEN NOT json_valid(old.latest_analysis) THEN json_quote(old.latest_analysis)
--                     WHEN json_type(old.latest_analysis) = 'null' THEN 'null'
--                     ELSE old.latest_analysis
--                 END
--             ),
--             'report_interpretations', json(
--                 CASE
--                     WHEN old.report_interpretations IS NULL OR old.report_interpretations = '' THEN '[]'
--                     WHEN instr(CAST(old.report_interpretations AS BLOB), x'00') > 0
--                     THEN json_quote(old.report_interpretations)
--                     WHEN NOT json_valid(old.report_interpretations) THEN json_quote(old.report_interpretations)
--                     WHEN json_type(old.report_interpretations) = 'null' THEN '[]'
--                     ELSE old.report_interpretations
--                 END
--             ),
--             'latest_interpretation', json(
--                 CASE
--                     WHEN old.latest_interpretation IS NULL OR old.latest_interpretation = '' THEN 'null'
--                     WHEN instr(CAST(old.latest_interpretation AS BLOB), x'00') > 0
--                     THEN json_quote(old.latest_interpretation)
--                     WHEN NOT json_valid(old.latest_interpretation) THEN json_quote(old.latest_interpretation)
--                     WHEN json_type(old.latest_interpretation) = 'null' THEN 'null'
--                     ELSE old.latest_interpretation
--                 END
--             ),
--             'possible_conditions', json(
--                 CASE
--                     WHEN old.possible_conditions IS NULL OR old.possible_conditions = '' THEN '[]'
--                     WHEN instr(CAST(old.possible_conditions AS BLOB), x'00') > 0
--                     THEN json_quote(old.possible_conditions)
--                     WHEN NOT json_valid(old.possible_conditions) THEN json_quote(old.possible_conditions)
--                     WHEN json_type(old.possible_conditions) = 'null' THEN '[]'
--                     ELSE old.possible_conditions
--                 END
--             ),
--             'care_advice', old.care_advice,
--             'need_offline_visit', json(
--                 CASE
--                     WHEN old.need_offline_visit IS NULL OR old.need_offline_visit = '' THEN 'null'
--                     WHEN typeof(old.need_offline_visit) <> 'text'
--                     THEN iif(old.need_offline_visit <> 0, 'true', 'false')
--                     WHEN lower(old.need_offline_visit) IN ('true', 't', 'yes', 'y', 'on') THEN 'true'
--                     WHEN lower(old.need_offline_visit) IN ('false', 'f', 'no', 'n', 'off') THEN 'false'
--                     ELSE json_quote(old.need_offline_visit)
--                 END
--             ),
--             'current_task', old.current_task,
--             'awaiting_image', json(
--                 CASE
--                     WHEN old.awaiting_image IS NULL OR old.awaiting_image = '' THEN 'null'
--                     WHEN typeof(old.awaiting_image) <> 'text' THEN iif(old.awaiting_image <> 0, 'true', 'false')
--                     WHEN lower(old.awaiting_image) IN ('true', 't', 'yes', 'y', 'on') THEN 'true'
--                     WHEN lower(old.awaiting_image) IN ('false', 'f', 'no', 'n', 'off') THEN 'false'
--                     ELSE json_quote(old.awaiting_image)
--                 END
--             )
--         ) AS agent_state,
--         old.current_response AS last_message,
--         CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END AS status,
--         old.created_at,
--         old.updated_at
--     FROM derma_sessions AS old
-- ) into sessions on id
--     comparing user_id, doctor_id, agent_type, agent_state, last_message, status, created_at, updated_at
-- differing: keep

-- measure before: old_sessions
SELECT count(*)
FROM derma_sessions;

-- measure before: already_there
SELECT count(*)
FROM derma_sessions AS old
JOIN sessions AS there ON there.id = old.id;

-- agent_state has no place for them: step 5 keeps these rows.
-- measure before: sessions_with_quick_options
SELECT count(*)
FROM derma_sessions
WHERE CASE
    WHEN quick_options IS NULL OR quick_options = '' THEN 0
    WHEN json_valid(quick_options) THEN json(quick_options) NOT IN ('null', '[]')
    ELSE 1
END;

-- After the step.

-- measure: sessions_total
SELECT count(*)
FROM sessions;

-- The next ones speak of the old table under its old name, and so of the time before step 4: that a measure from
-- before stands in them makes it so.

-- measure: sessions_migrated
SELECT count(*)
FROM derma_sessions AS old
JOIN sessions AS there ON there.id = old.id
WHERE :old_sessions >= 0
  AND old.id NOT IN (SELECT id FROM derma_already_there);

-- check: every old session is in sessions
SELECT old.id, old.user_id, old.created_at
FROM derma_sessions AS old
WHERE :old_sessions >= 0
  AND NOT EXISTS (
    SELECT 1
    FROM sessions AS there
    WHERE there.id = old.id
);

-- check: every migrated agent_state is JSON
SELECT there.id, there.agent_state
FROM derma_sessions AS old
JOIN sessions AS there ON there.id = old.id
WHERE :old_sessions >= 0
  AND old.id NOT IN (SELECT id FROM derma_already_there)
  AND NOT json_valid(there.agent_state);

-- warn: text that is no JSON, kept as a text
SELECT old.id, part.name AS column_name, substr(part.content, 1, 60) AS begins
FROM derma_sessions AS old
JOIN (
    SELECT id, 'symptoms' AS name, symptoms AS content FROM derma_sessions
    UNION ALL
    SELECT id, 'symptom_details', symptom_details FROM derma_sessions
    UNION ALL
    SELECT id, 'messages', messages FROM derma_sessions
    UNION ALL
    SELECT id, 'skin_analyses', skin_analyses FROM derma_sessions
    UNION ALL
    SELECT id, 'latest_analysis', latest_analysis FROM derma_sessions
    UNION ALL
    SELECT id, 'report_interpretations', report_interpretations FROM derma_sessions
    UNION ALL
    SELECT id, 'latest_interpretation', latest_interpretation FROM derma_sessions
    UNION ALL
    SELECT id, 'possible_conditions', possible_conditions FROM derma_sessions
) AS part ON part.id = old.id
WHERE :old_sessions >= 0
  AND part.content <> ''
  AND (instr(CAST(part.content AS BLOB), x'00') > 0 OR NOT json_valid(part.content))
ORDER BY old.id, part.name;

-- The row in sessions is the one that was kept; the old one stays in derma_sessions, and step 5 keeps it.
-- warn: sessions that were there already
SELECT old.id, old.user_id AS left_user_id, there.user_id, there.agent_type, there.created_at
FROM derma_sessions AS old
JOIN derma_already_there AS kept ON kept.id = old.id
JOIN sessions AS there ON there.id = old.id
WHERE :already_there > 0
ORDER BY old.id;
