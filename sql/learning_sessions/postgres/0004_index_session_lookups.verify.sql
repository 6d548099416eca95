-- Before the step.

-- The rollback makes exactly this one again.
-- require: the index that is to go is the one on (user_id, updated_at DESC)
SELECT pg_get_indexdef(indexrelid) AS there
FROM pg_index
WHERE indexrelid = to_regclass('learning_sessions_user_id_updated_at_idx')
  AND (
    indrelid <> to_regclass('learning_sessions')
    OR indisunique
    OR substring(pg_get_indexdef(indexrelid) FROM ' USING .*') <> ' USING btree (user_id, updated_at DESC)'
  );

-- measure before: old_index
SELECT coalesce(
    (
        SELECT pg_get_indexdef(indexrelid)
        FROM pg_index
        WHERE indexrelid = to_regclass('learning_sessions_user_id_updated_at_idx')
    ),
    'none'
);

-- After the step.

-- check: the new indexes are there, valid and as written
SELECT wanted.name, pg_get_indexdef(present.indexrelid) AS there, present.indisvalid AS valid
FROM (
    VALUES
        ('idx_sessions_user_status_activity', ' USING btree (user_id, status, last_activity_at DESC)'),
        ('idx_sessions_user_type_status', ' USING btree (user_id, type, status)')
) AS wanted (name, columns)
LEFT JOIN pg_index AS present
    ON present.indexrelid = to_regclass(wanted.name)
   AND present.indrelid = to_regclass('learning_sessions')
WHERE (
    present.indisvalid,
    present.indisready,
    present.indisunique,
    substring(pg_get_indexdef(present.indexrelid) FROM ' USING .*')
) IS DISTINCT FROM (true, true, false, wanted.columns);

-- check: the index on (user_id, updated_at) is gone
SELECT to_regclass('learning_sessions_user_id_updated_at_idx') AS there
WHERE to_regclass('learning_sessions_user_id_updated_at_idx') IS NOT NULL;

-- warn: the index on (user_id, updated_at) was not there (a rollback makes it)
SELECT :old_index AS old_index
WHERE :old_index = 'none';
