-- Before the step.

-- require: the old tables stand under their deprecated names
SELECT wanted.name AS missing_table
FROM (
    VALUES ('sessions'), ('derma_sessions_deprecated'), ('diagnosis_sessions_deprecated')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- Where it is taken, look at what it holds and rename it (ALTER TABLE ... RENAME TO ...): it may be the leftovers
-- of an earlier run, as where a backup was restored beside it.
-- require: the name of the table for the leftovers is free (else rename the table that has it)
SELECT taken.name
FROM (
    VALUES ('deprecated_leftovers')
) AS taken (name)
WHERE to_regclass(taken.name) IS NOT NULL;

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
  AND new.created_at IS NOT DISTINCT FROM old.created_at
  AND new.updated_at IS NOT DISTINCT FROM old.updated_at
  AND new.last_message IS NOT DISTINCT FROM old.current_response
  AND CAST(new.agent_state AS TEXT) LIKE '{"migrated_from" : "derma_sessions"%'
  AND strpos(CAST(new.agent_state AS TEXT), CASE
    WHEN json_typeof(old.messages) <> 'null' THEN CAST(old.messages AS TEXT)
    ELSE '[]'
  END) > 0
  AND CASE
    WHEN json_typeof(old.quick_options) = 'array' THEN json_array_length(old.quick_options) = 0
    ELSE coalesce(json_typeof(old.quick_options), 'null') = 'null'
END;

-- measure before: diagnosis_in_sessions
SELECT count(*)
FROM diagnosis_sessions_deprecated AS old
JOIN sessions AS new ON new.id = old.id
WHERE new.agent_type = 'general'
  AND new.created_at IS NOT DISTINCT FROM old.created_at
  AND new.updated_at IS NOT DISTINCT FROM old.updated_at
  AND new.last_message IS NOT DISTINCT FROM old.current_question
  AND CAST(new.agent_state AS TEXT) LIKE '{"migrated_from" : "diagnosis_sessions"%'
  AND strpos(CAST(new.agent_state AS TEXT), CASE
    WHEN json_typeof(old.messages) <> 'null' THEN CAST(old.messages AS TEXT)
    ELSE '[]'
  END) > 0;

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
WHERE CAST(legacy_row AS TEXT) NOT LIKE '{"id":%';

-- check: the old tables are gone
SELECT taken.name
FROM (
    VALUES ('derma_sessions_deprecated'), ('diagnosis_sessions_deprecated')
) AS taken (name)
WHERE to_regclass(taken.name) IS NOT NULL;

-- Somebody should look at them: they stand nowhere else.
-- warn: rows that stand in deprecated_leftovers only
SELECT source_table, reason, count(*) AS leftovers, min(id) AS first_id
FROM deprecated_leftovers
GROUP BY source_table, reason
ORDER BY source_table, reason;
