-- What is a left-over table is said in the migration; the queries below that ask for them begin with the same words.

-- Before the step.

-- require: sessions, session_interactions and report_snapshots exist
WITH wanted (name) AS (
    VALUES ('sessions'), ('session_interactions'), ('report_snapshots')
)
SELECT wanted.name AS missing_table
FROM wanted
WHERE NOT EXISTS (
    SELECT 1
    FROM sqlite_master AS present
    WHERE present.type = 'table'
      AND lower(present.name) = wanted.name
);

-- require: session_interactions has no temp_table_name yet
SELECT name, type
FROM pragma_table_info('session_interactions')
WHERE lower(name) = 'temp_table_name';

-- It would take tables with it whose names are no left-overs'. Drop it by hand, or give it another name.
-- require: no left-over is a virtual table
WITH candidate AS (
    SELECT name, lower(rtrim(name, '0123456789')) AS stem
    FROM sqlite_master
    WHERE type = 'table'
),
named AS (
    SELECT name, substr(stem, 9, length(stem) - 21) AS session_id
    FROM candidate
    WHERE stem LIKE 'session\_%\_interaction\_' ESCAPE '\'
      AND length(stem) < length(name)
),
leftover AS (
    SELECT name
    FROM named
    WHERE (
        session_id LIKE '________-____-____-____-____________'
        AND length(replace(session_id, '-', '')) = 32
        AND replace(session_id, '-', '') NOT GLOB '*[^0-9a-f]*'
    )
       OR session_id IN (SELECT lower(id) FROM sessions)
)
SELECT leftover.name AS virtual_table
FROM leftover
JOIN sqlite_master AS present ON present.name = leftover.name
WHERE lower(present.sql) LIKE 'create virtual%'
ORDER BY leftover.name;

-- SQLite would drop the table all the same, and the view or trigger would fail from then on, in the middle of the
-- application. The name as a word of its own is enough, in a comment too: look at the definition, drop it, and make
-- it again after the step where it is still wanted. In the pattern [, * and ? of a name stand for themselves.
-- require: no view, and no trigger of a table that stays, speaks of what is dropped (drop it before)
WITH candidate AS (
    SELECT name, lower(rtrim(name, '0123456789')) AS stem
    FROM sqlite_master
    WHERE type = 'table'
),
named AS (
    SELECT name, substr(stem, 9, length(stem) - 21) AS session_id
    FROM candidate
    WHERE stem LIKE 'session\_%\_interaction\_' ESCAPE '\'
      AND length(stem) < length(name)
),
leftover AS (
    SELECT name
    FROM named
    WHERE (
        session_id LIKE '________-____-____-____-____________'
        AND length(replace(session_id, '-', '')) = 32
        AND replace(session_id, '-', '') NOT GLOB '*[^0-9a-f]*'
    )
       OR session_id IN (SELECT lower(id) FROM sessions)
),
going AS (
    SELECT name
    FROM leftover
    UNION ALL
    SELECT 'report_snapshots'
),
written AS (
    SELECT name, lower(name) AS text
    FROM going
    UNION
    SELECT name, replace(lower(name), '"', '""')
    FROM going
)
SELECT DISTINCT holder.type, holder.name, written.name AS speaks_of
FROM sqlite_master AS holder
JOIN written
    ON ' ' || lower(holder.sql) || ' ' GLOB '*[^0-9a-z_]'
        || replace(replace(replace(written.text, '[', '[[]'), '*', '[*]'), '?', '[?]')
        || '[^0-9a-z_]*'
WHERE holder.type = 'view'
   OR (
    holder.type = 'trigger'
    AND lower(holder.tbl_name) NOT IN (SELECT lower(name) FROM going)
   )
ORDER BY holder.type, holder.name, written.name;

-- With its table its rows would go, or the step would stop half-way down the list without saying at which.
-- require: no foreign key of another table leads to what is dropped
WITH candidate AS (
    SELECT name, lower(rtrim(name, '0123456789')) AS stem
    FROM sqlite_master
    WHERE type = 'table'
),
named AS (
    SELECT name, substr(stem, 9, length(stem) - 21) AS session_id
    FROM candidate
    WHERE stem LIKE 'session\_%\_interaction\_' ESCAPE '\'
      AND length(stem) < length(name)
),
leftover AS (
    SELECT name
    FROM named
    WHERE (
        session_id LIKE '________-____-____-____-____________'
        AND length(replace(session_id, '-', '')) = 32
        AND replace(session_id, '-', '') NOT GLOB '*[^0-9a-f]*'
    )
       OR session_id IN (SELECT lower(id) FROM sessions)
),
going AS (
    SELECT name
    FROM leftover
    UNION ALL
    SELECT 'report_snapshots'
)
SELECT other.name AS table_name, reference."from" AS column_name, reference."table" AS refers_to
FROM sqlite_master AS other
JOIN pragma_foreign_key_list(other.name) AS reference
WHERE other.type = 'table'
  AND lower(reference."table") IN (SELECT lower(name) FROM going)
  AND lower(reference."table") <> lower(other.name)
ORDER BY other.name, reference."table";

-- measure before: snapshots_dropped
SELECT count(*)
FROM report_snapshots;

-- measure before: temp_tables_dropped
WITH candidate AS (
    SELECT name, lower(rtrim(name, '0123456789')) AS stem
    FROM sqlite_master
    WHERE type = 'table'
),
named AS (
    SELECT name, substr(stem, 9, length(stem) - 21) AS session_id
    FROM candidate
    WHERE stem LIKE 'session\_%\_interaction\_' ESCAPE '\'
      AND length(stem) < length(name)
),
leftover AS (
    SELECT name
    FROM named
    WHERE (
        session_id LIKE '________-____-____-____-____________'
        AND length(replace(session_id, '-', '')) = 32
        AND replace(session_id, '-', '') NOT GLOB '*[^0-9a-f]*'
    )
       OR session_id IN (SELECT lower(id) FROM sessions)
)
SELECT count(*)
FROM leftover;

-- After the step.

-- check: report_snapshots is gone
SELECT type, name
FROM sqlite_master
WHERE lower(name) = 'report_snapshots';

-- check: session_interactions has temp_table_name
-- expect: 1
SELECT count(*)
FROM pragma_table_info('session_interactions')
WHERE name = 'temp_table_name'
  AND type = 'TEXT'
  AND "notnull" = 0
  AND dflt_value IS NULL;

-- Only now: the application will make tables of such names again. That a measure from before stands in it makes it so.
-- check: no left-over table stands
WITH candidate AS (
    SELECT name, lower(rtrim(name, '0123456789')) AS stem
    FROM sqlite_master
    WHERE type = 'table'
),
named AS (
    SELECT name, substr(stem, 9, length(stem) - 21) AS session_id
    FROM candidate
    WHERE stem LIKE 'session\_%\_interaction\_' ESCAPE '\'
      AND length(stem) < length(name)
),
leftover AS (
    SELECT name
    FROM named
    WHERE (
        session_id LIKE '________-____-____-____-____________'
        AND length(replace(session_id, '-', '')) = 32
        AND replace(session_id, '-', '') NOT GLOB '*[^0-9a-f]*'
    )
       OR session_id IN (SELECT lower(id) FROM sessions)
)
SELECT name, :temp_tables_dropped AS tables_before
FROM leftover;

-- check: every other table is there as before, and none more
-- expect: same
WITH candidate AS (
    SELECT name, lower(rtrim(name, '0123456789')) AS stem
    FROM sqlite_master
    WHERE type = 'table'
),
named AS (
    SELECT name, substr(stem, 9, length(stem) - 21) AS session_id
    FROM candidate
    WHERE stem LIKE 'session\_%\_interaction\_' ESCAPE '\'
      AND length(stem) < length(name)
),
leftover AS (
    SELECT name
    FROM named
    WHERE (
        session_id LIKE '________-____-____-____-____________'
        AND length(replace(session_id, '-', '')) = 32
        AND replace(session_id, '-', '') NOT GLOB '*[^0-9a-f]*'
    )
       OR session_id IN (SELECT lower(id) FROM sessions)
)
SELECT name
FROM sqlite_master
WHERE type = 'table'
  AND lower(name) <> 'report_snapshots'
  AND name NOT IN (SELECT name FROM leftover);

-- check: every index, view and trigger of the other tables is as before
-- expect: same
WITH candidate AS (
    SELECT name, lower(rtrim(name, '0123456789')) AS stem
    FROM sqlite_master
    WHERE type = 'table'
),
named AS (
    SELECT name, substr(stem, 9, length(stem) - 21) AS session_id
    FROM candidate
    WHERE stem LIKE 'session\_%\_interaction\_' ESCAPE '\'
      AND length(stem) < length(name)
),
leftover AS (
    SELECT name
    FROM named
    WHERE (
        session_id LIKE '________-____-____-____-____________'
        AND length(replace(session_id, '-', '')) = 32
        AND replace(session_id, '-', '') NOT GLOB '*[^0-9a-f]*'
    )
       OR session_id IN (SELECT lower(id) FROM sessions)
)
SELECT type, name, tbl_name, sql
FROM sqlite_master
WHERE type <> 'table'
  AND lower(tbl_name) <> 'report_snapshots'
  AND lower(tbl_name) NOT IN (SELECT lower(name) FROM leftover);

-- check: every session is as before
-- expect: same
SELECT id, user_id, created_at, last_activity
FROM sessions;

-- check: every interaction is as before
-- expect: same
SELECT id, session_id, user_query, sql_query, chart_config, summary, created_at
FROM session_interactions;

-- They stay, as no session of this id is known and it is no UUID. Drop them by hand where they were meant.
-- warn: tables that look like left-overs and were kept
WITH candidate AS (
    SELECT name, lower(rtrim(name, '0123456789')) AS stem
    FROM sqlite_master
    WHERE type = 'table'
),
named AS (
    SELECT name, substr(stem, 9, length(stem) - 21) AS session_id
    FROM candidate
    WHERE stem LIKE 'session\_%\_interaction\_' ESCAPE '\'
      AND length(stem) < length(name)
),
leftover AS (
    SELECT name
    FROM named
    WHERE (
        session_id LIKE '________-____-____-____-____________'
        AND length(replace(session_id, '-', '')) = 32
        AND replace(session_id, '-', '') NOT GLOB '*[^0-9a-f]*'
    )
       OR session_id IN (SELECT lower(id) FROM sessions)
)
SELECT name AS kept
FROM sqlite_master
WHERE type = 'table'
  AND lower(name) LIKE 'session\_%\_interaction\_%' ESCAPE '\'
  AND name NOT IN (SELECT name FROM leftover)
ORDER BY name;
