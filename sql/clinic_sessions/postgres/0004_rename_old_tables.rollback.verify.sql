-- Before the rollback.

-- require: the old tables stand under their deprecated names
SELECT wanted.name AS missing_table
FROM (
    VALUES ('derma_sessions_deprecated'), ('diagnosis_sessions_deprecated')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- An old build of the application that was started again may have made these tables anew, and written to them.
-- require: the old names are free
SELECT taken.name
FROM (
    VALUES ('derma_sessions'), ('diagnosis_sessions')
) AS taken (name)
WHERE to_regclass(taken.name) IS NOT NULL;

-- measure before: derma_rows
SELECT count(*)
FROM derma_sessions_deprecated;

-- measure before: diagnosis_rows
SELECT count(*)
FROM diagnosis_sessions_deprecated;

-- After the rollback.

-- check: derma_sessions has every row
SELECT :derma_rows AS expected, count(*) AS sessions
FROM derma_sessions
HAVING count(*) < :derma_rows;

-- check: diagnosis_sessions has every row
SELECT :diagnosis_rows AS expected, count(*) AS sessions
FROM diagnosis_sessions
HAVING count(*) < :diagnosis_rows;

-- check: no table bears the deprecated names
SELECT taken.name
FROM (
    VALUES ('derma_sessions_deprecated'), ('diagnosis_sessions_deprecated')
) AS taken (name)
WHERE to_regclass(taken.name) IS NOT NULL;
