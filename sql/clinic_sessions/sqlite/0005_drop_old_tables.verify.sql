-- Before the step.

-- require: the old tables stand under their deprecated names
WITH wanted (name) AS (
    VALUES ('sessions'), ('derma_sessions_deprecated'), ('diagnosis_sessions_deprecated')
)
SELECT wanted.name AS missing_table
FROM wanted
WHERE NOT EXISTS (
    SELECT 1
    FROM sqlite_master AS present
    WHERE present.type = 'table'
      AND lower(present.name) = wanted.name
);

-- Where it is taken, look at what it holds and rename it (ALTER TABLE ... RENAME TO ...): it may be the leftovers
-- of an earlier run, as where a backup was restored beside it.
-- require: the name of the table for the leftovers is free (else rename the table that has it)
SELECT name AS taken, type
FROM sqlite_master
WHERE lower(name) IN ('deprecated_leftovers');

-- An old build may have written them since. A leftover needs an id, and JSON has no bytes.
-- require: every row of derma_sessions_deprecated has an id, and none holds bytes (BLOB)
SELECT rowid, id, user_id, created_at
FROM derma_sessions_deprecated
WHERE id IS NULL
   OR 'blob' IN (
    typeof(id), typeof(user_id), typeof(stage), typeof(progress), typeof(questions_asked),
    typeof(chief_complaint), typeof(symptoms), typeof(symptom_details), typeof(skin_location),
    typeof(duration), typeof(messages), typeof(current_response), typeof(quick_options), typeof(skin_analyses),
    typeof(latest_analysis), typeof(report_interpretations), typeof(latest_interpretation),
    typeof(possible_conditions), typeof(risk_level), typeof(care_advice), typeof(need_offline_visit),
    typeof(current_task), typeof(awaiting_image), typeof(created_at), typeof(updated_at)
   )
ORDER BY rowid;

-- An old build may have written them since. A leftover needs an id, and JSON has no bytes.
-- require: every row of diagnosis_sessions_deprecated has an id, and none holds bytes (BLOB)
SELECT rowid, id, user_id, created_at
FROM diagnosis_sessions_deprecated
WHERE id IS NULL
   OR 'blob' IN (
    typeof(id), typeof(user_id), typeof(stage), typeof(progress), typeof(questions_asked),
    typeof(chief_complaint), typeof(symptoms), typeof(symptom_details), typeof(messages),
    typeof(current_question), typeof(quick_options), typeof(reasoning), typeof(possible_diseases),
    typeof(risk_level), typeof(recommendations), typeof(can_conclude), typeof(created_at), typeof(updated_at)
   )
ORDER BY rowid;

-- measure before: derma_rows
SELECT count(*)
FROM derma_sessions_deprecated;

-- measure before: diagnosis_rows
SELECT count(*)
FROM diagnosis_sessions_deprecated;

-- The row accounts: each old row that sessions does not hold has to be among the leftovers, with all that it said.
-- What sessions holds is asked column by column here (but for the words for yes and no), not as the step asks it. A
-- leftover that stands in sessions too is one copy too many, and makes up for no other row.
-- merge: (
--     SELECT
--         old.id,
--         json_object(
--             'id', old.id,
--             'user_id', old.user_id,
--             'stage', old.stage,
--             'progress', old.progress,
--             'questions_asked', old.questions_asked,
--             'chief_complaint', old.chief_complaint,
--             'symptoms', old.symptoms,
--             'symptom_details', old.symptom_details,
--             'skin_location', old.skin_location,
--             'duration', old.duration,
--             'messages', old.messages,
--             'current_response', old.current_response,
--             'quick_options', old.quick_options,
--             'skin_analyses', old.skin_analyses,
--             'latest_analysis', old.latest_analysis,
--             'report_interpretations', old.report_interpretations,
--             'latest_interpretation', old.latest_interpretation,
--             'possible_conditions', old.possible_conditions,
--             'risk_level', old.risk_level,
--             'care_advice', old.care_advice,
--             'need_offline_visit', old.need_offline_visit,
--             'current_task', old.current_task,
--             'awaiting_image', old.awaiting_image,
--             'created_at', old.created_at,
--             'updated_at', old.updated_at
--         ) AS legacy_row
--     FROM derma_sessions_deprecated AS old
--     WHERE NOT EXISTS (
--         SELECT 1
--         FROM sessions AS new
--         WHERE new.id = old.id
--           AND (new.user_id, new.agent_type, new.last_message, new.created_at, new.updated_at)
--               IS (old.user_id, 'dermatology', old.current_response, old.created_at, old.updated_at)
--           AND CASE
--               WHEN typeof(new.agent_state) = 'text' AND json_valid(new.agent_state)
--               THEN new.agent_state -> 'migrated_from' = '"derma_sessions"'
--                AND NOT EXISTS (
--                   SELECT 1
--                   FROM (
--                       SELECT 'stage' AS name, old.stage AS content
--                       UNION ALL SELECT 'progress', old.progress
--                       UNION ALL SELECT 'questions_asked', old.questions_asked
--                       UNION ALL SELECT 'chief_complaint', old.chief_complaint
--                       UNION ALL SELECT 'skin_location', old.skin_location
--                       UNION ALL SELECT 'duration', old.duration
--                       UNION ALL SELECT 'care_advice', old.care_advice
--                       UNION ALL SELECT 'current_task', old.current_task
--                       UNION ALL SELECT 'risk_level', coalesce(nullif(old.risk_level, ''), 'low')
--                   ) AS said
--                   WHERE (new.agent_state -> said.name) IS NOT json_quote(said.content)
--                )
--                AND NOT EXISTS (
--                   SELECT 1
--                   FROM (
--                       SELECT 'symptoms' AS name, old.symptoms AS content
--                       UNION ALL SELECT 'symptom_details', old.symptom_details
--                       UNION ALL SELECT 'original_messages', old.messages
--                       UNION ALL SELECT 'skin_analyses', old.skin_analyses
--                       UNION ALL SELECT 'latest_analysis', old.latest_analysis
--                       UNION ALL SELECT 'report_interpretations', old.report_interpretations
--                       UNION ALL SELECT 'latest_interpretation', old.latest_interpretation
--                       UNION ALL SELECT 'possible_conditions', old.possible_conditions
--                   ) AS said
--                   WHERE said.content <> ''
--                     AND CASE
--                       WHEN instr(CAST(said.content AS BLOB), x'00') > 0 OR NOT json_valid(said.content)
--                       THEN (new.agent_state -> said.name) IS NOT json_quote(said.content)
--                       WHEN json_type(said.content) <> 'null'
--                       THEN (new.agent_state -> said.name) IS NOT json(said.content)
--                   END
--                )
--           END
--           AND CASE
--               WHEN old.quick_options IS NULL OR old.quick_options = '' THEN 1
--               WHEN instr(CAST(old.quick_options AS BLOB), x'00') > 0 THEN 0
--               WHEN json_valid(old.quick_options) THEN json(old.quick_options) IN ('null', '[]')
--           END
--     )
-- ) into (
--     SELECT id, legacy_row
--     FROM deprecated_leftovers
--     WHERE source_table = 'derma_sessions_deprecated'
-- ) on id comparing legacy_row

-- merge: (
--     SELECT
--         old.id,
--         json_object(
--             'id', old.id,
--             'user_id', old.user_id,
--             'stage', old.stage,
--             'progress', old.progress,
--             'questions_asked', old.questions_asked,
--             'chief_complaint', old.chief_complaint,
--             'symptoms', old.symptoms,
--             'symptom_details', old.symptom_details,
--             'messages', old.messages,
--             'current_question', old.current_question,
--             'quick_options', old.quick_options,
--             'reasoning', old.reasoning,
--             'possible_diseases', old.possible_diseases,
--             'risk_level', old.risk_level,
--             'recommendations', old.recommendations,
--             'can_conclude', old.can_conclude,
--             'created_at', old.created_at,
--             'updated_at', old.updated_at
--         ) AS legacy_row
--     FROM diagnosis_sessions_deprecated AS old
--     WHERE NOT EXISTS (
--         SELECT 1
--         FROM sessions AS new
--         WHERE new.id = old.id
--           AND (new.user_id, new.agent_type, new.last_message, new.created_at, new.updated_at)
--               IS (old.user_id, 'general', old.current_question, old.created_at, old.updated_at)
--           AND CASE
--               WHEN typeof(new.agent_state) = 'text' AND json_valid(new.agent_state)
--               THEN new.agent_state -> 'migrated_from' = '"diagnosis_sessions"'
--                AND NOT EXISTS (
--                   SELECT 1
--                   FROM (
--                       SELECT 'stage' AS name, old.stage AS content
--                       UNION ALL SELECT 'progress', old.progress
--                       UNION ALL SELECT 'questions_asked', old.questions_asked
--                       UNION ALL SELECT 'chief_complaint', old.chief_complaint
--                       UNION ALL SELECT 'current_question', old.current_question
--                       UNION ALL SELECT 'reasoning', old.reasoning
--                       UNION ALL SELECT 'risk_level', coalesce(nullif(old.risk_level, ''), 'low')
--                   ) AS said
--                   WHERE (new.agent_state -> said.name) IS NOT json_quote(said.content)
--                )
--                AND NOT EXISTS (
--                   SELECT 1
--                   FROM (
--                       SELECT 'symptoms' AS name, old.symptoms AS content
--                       UNION ALL SELECT 'symptom_details', old.symptom_details
--                       UNION ALL SELECT 'original_messages', old.messages
--                       UNION ALL SELECT 'quick_options', old.quick_options
--                       UNION ALL SELECT 'possible_diseases', old.possible_diseases
--                       UNION ALL SELECT 'recommendations', old.recommendations
--                   ) AS said
--                   WHERE said.content <> ''
--                     AND CASE
--                       WHEN instr(CAST(said.content AS BLOB), x'00') > 0 OR NOT json_valid(said.content)
--                       THEN (new.agent_state -> said.name) IS NOT json_quote(said.content)
--                       WHEN json_type(said.content) <> 'null'
--                       THEN (new.agent_state -> said.name) IS NOT json(said.content)
--                   END
--                )
--           END
--     )
-- ) into (
--     SELECT id, legacy_row
--     FROM deprecated_leftovers
--     WHERE source_table = 'diagnosis_sessions_deprecated'
-- ) on id comparing legacy_row

-- After the step.

-- measure: derma_leftovers
SELECT count(*)
FROM deprecated_leftovers
WHERE source_table = 'derma_sessions_deprecated';

-- measure: diagnosis_leftovers
SELECT count(*)
FROM deprecated_leftovers
WHERE source_table = 'diagnosis_sessions_deprecated';

-- check: every leftover is the row that its id names
SELECT source_table, id, legacy_row
FROM deprecated_leftovers
WHERE NOT json_valid(legacy_row)
   OR json_extract(legacy_row, '$.id') IS NOT id;

-- check: the old tables are gone
SELECT name AS taken, type
FROM sqlite_master
WHERE lower(name) IN ('derma_sessions_deprecated', 'diagnosis_sessions_deprecated');

-- Somebody should look at them: they stand nowhere else.
-- warn: rows that stand in deprecated_leftovers only
SELECT source_table, reason, count(*) AS leftovers, min(id) AS first_id
FROM deprecated_leftovers
GROUP BY source_table, reason
ORDER BY source_table, reason;
