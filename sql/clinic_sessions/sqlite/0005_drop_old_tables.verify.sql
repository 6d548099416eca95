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

-- What sessions holds of them, by other columns than the step looks at. The step asks the opposite, and a row that
-- neither of the two finds would be a row too few below.

-- measure before: derma_in_sessions
SELECT count(*)
FROM derma_sessions_deprecated AS old
JOIN sessions AS new ON new.id = old.id
WHERE new.agent_type = 'dermatology'
  AND new.created_at IS old.created_at
  AND new.updated_at IS old.updated_at
  AND new.last_message IS old.current_response
  AND CASE
    WHEN typeof(new.agent_state) = 'text' AND json_valid(new.agent_state)
    THEN json_extract(new.agent_state, '$.migrated_from') = 'derma_sessions'
     AND instr(new.agent_state, json_quote(old.chief_complaint)) > 0
END
  AND CASE
    WHEN old.quick_options IS NULL OR old.quick_options = '' THEN 1
    WHEN json_valid(old.quick_options) THEN json(old.quick_options) IN ('null', '[]')
END;

-- measure before: diagnosis_in_sessions
SELECT count(*)
FROM diagnosis_sessions_deprecated AS old
JOIN sessions AS new ON new.id = old.id
WHERE new.agent_type = 'general'
  AND new.created_at IS old.created_at
  AND new.updated_at IS old.updated_at
  AND new.last_message IS old.current_question
  AND CASE
    WHEN typeof(new.agent_state) = 'text' AND json_valid(new.agent_state)
    THEN json_extract(new.agent_state, '$.migrated_from') = 'diagnosis_sessions'
     AND instr(new.agent_state, json_quote(old.chief_complaint)) > 0
END;

-- After the step.

-- measure: derma_leftovers
SELECT count(*)
FROM deprecated_leftovers
WHERE source_table = 'derma_sessions_deprecated';

-- measure: diagnosis_leftovers
SELECT count(*)
FROM deprecated_leftovers
WHERE source_table = 'diagnosis_sessions_deprecated';

-- check: every row of derma_sessions_deprecated is in sessions or in the leftovers
SELECT :derma_rows AS old_rows, :derma_in_sessions AS in_sessions, :derma_leftovers AS leftovers
WHERE :derma_in_sessions + :derma_leftovers < :derma_rows;

-- check: every row of diagnosis_sessions_deprecated is in sessions or in the leftovers
SELECT :diagnosis_rows AS old_rows, :diagnosis_in_sessions AS in_sessions, :diagnosis_leftovers AS leftovers
WHERE :diagnosis_in_sessions + :diagnosis_leftovers < :diagnosis_rows;

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
