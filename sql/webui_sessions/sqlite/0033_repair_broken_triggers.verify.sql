-- The definition goes into the ledger row, as there is no rollback file to read it from.
-- measure before: trigger_dropped
SELECT coalesce(max(sql), 'none')
FROM sqlite_master
WHERE type = 'trigger'
  AND name = 'update_projects_timestamp';

-- A sound trigger of this name, made later, is no fault: only the broken one must be gone.
-- check: the broken trigger is gone
SELECT name, tbl_name, sql
FROM sqlite_master
WHERE type = 'trigger'
  AND name = 'update_projects_timestamp'
  AND sql LIKE '%project_id%';

-- check: every other trigger is as it was
-- expect: same
SELECT name, tbl_name, sql
FROM sqlite_master
WHERE type = 'trigger'
  AND name <> 'update_projects_timestamp';

-- Somebody may have repaired it by hand. That one is dropped as well, and said: it can be made again
-- from the text below.
-- warn: the trigger that was dropped was not the broken one
SELECT :trigger_dropped AS trigger_dropped
WHERE :trigger_dropped <> 'none'
  AND (
      :trigger_dropped NOT LIKE '%project_id%'
      OR EXISTS (SELECT 1 FROM pragma_table_info('projects') WHERE name = 'project_id')
  );
