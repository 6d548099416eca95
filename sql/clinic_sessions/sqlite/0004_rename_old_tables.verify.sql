-- Before the step.

-- require: the old tables and sessions exist
WITH wanted (name) AS (
    VALUES ('sessions'), ('derma_sessions'), ('diagnosis_sessions')
)
SELECT wanted.name AS missing_table
FROM wanted
WHERE NOT EXISTS (
    SELECT 1
    FROM sqlite_master AS present
    WHERE present.type = 'table'
      AND lower(present.name) = wanted.name
);

-- require: the names that the old tables are to take are free
SELECT name AS taken, type
FROM sqlite_master
WHERE lower(name) IN ('derma_sessions_deprecated', 'diagnosis_sessions_deprecated');

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
SELECT name AS taken, type
FROM sqlite_master
WHERE lower(name) IN ('derma_sessions', 'diagnosis_sessions');

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
WHERE CASE
    WHEN typeof(there.agent_state) = 'text' AND json_valid(there.agent_state)
    THEN json_extract(there.agent_state, '$.migrated_from') = old.old_table
     AND CASE
        WHEN old.messages IS NULL OR instr(CAST(old.messages AS BLOB), x'00') > 0 THEN 0
        WHEN json_valid(old.messages)
        THEN json_type(old.messages) <> 'null' AND instr(there.agent_state, json(old.messages)) = 0
    END
END
ORDER BY old.id;
