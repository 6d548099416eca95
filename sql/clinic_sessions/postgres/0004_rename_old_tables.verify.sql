-- Before the step.

-- require: the old tables and sessions exist
SELECT wanted.name AS missing_table
FROM (
    VALUES ('sessions'), ('derma_sessions'), ('diagnosis_sessions')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- require: the names that the old tables are to take are free
SELECT taken.name
FROM (
    VALUES ('derma_sessions_deprecated'), ('diagnosis_sessions_deprecated')
) AS taken (name)
WHERE to_regclass(taken.name) IS NOT NULL;

-- measure before: derma_rows
SELECT count(*)
FROM derma_sessions;

-- measure before: diagnosis_rows
SELECT count(*)
FROM diagnosis_sessions;

-- After the step.

-- check: derma_sessions_deprecated has every row
SELECT :derma_rows AS expected, count(*) AS sessions
FROM derma_sessions_deprecated
HAVING count(*) < :derma_rows;

-- check: diagnosis_sessions_deprecated has every row
SELECT :diagnosis_rows AS expected, count(*) AS sessions
FROM diagnosis_sessions_deprecated
HAVING count(*) < :diagnosis_rows;

-- An old build of the application that is started again may make the old tables anew, and write to them.
-- check: no table bears the old names
SELECT taken.name
FROM (
    VALUES ('derma_sessions'), ('diagnosis_sessions')
) AS taken (name)
WHERE to_regclass(taken.name) IS NOT NULL;

-- Written by an old build after step 1 or 2 had copied the table, or deleted in the application since. Where the first
-- is true: sessmig rollback --to 0, and migrate again. Step 5 keeps the rows in any case.
-- warn: old sessions that are not in sessions
SELECT old.id, old.old_table, old.user_id, old.created_at, old.updated_at
FROM (
    SELECT id, 'derma_sessions' AS old_table, user_id, messages, created_at, updated_at FROM derma_sessions_deprecated
    UNION ALL
    SELECT id, 'diagnosis_sessions', user_id, messages, created_at, updated_at FROM diagnosis_sessions_deprecated
) AS old
WHERE NOT EXISTS (
    SELECT 1
    FROM sessions AS there
    WHERE there.id = old.id
)
ORDER BY old.id;

-- Likewise, for messages: the list is not the one that was copied.
-- warn: old lists of messages that were written to since they were copied
SELECT old.id, old.old_table, old.updated_at
FROM (
    SELECT id, 'derma_sessions' AS old_table, user_id, messages, created_at, updated_at FROM derma_sessions_deprecated
    UNION ALL
    SELECT id, 'diagnosis_sessions', user_id, messages, created_at, updated_at FROM diagnosis_sessions_deprecated
) AS old
JOIN sessions AS there ON there.id = old.id
WHERE CAST(there.agent_state AS TEXT) LIKE '{"migrated_from" : "' || old.old_table || '"%'
  AND json_typeof(old.messages) <> 'null'
  AND strpos(CAST(there.agent_state AS TEXT), CAST(old.messages AS TEXT)) = 0
ORDER BY old.id;
