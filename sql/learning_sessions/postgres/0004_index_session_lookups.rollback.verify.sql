-- check: the index on (user_id, updated_at) is there again, valid
-- expect: 1
SELECT count(*)
FROM pg_index
WHERE indexrelid = to_regclass('learning_sessions_user_id_updated_at_idx')
  AND indrelid = to_regclass('learning_sessions')
  AND indisvalid
  AND indisready
  AND NOT indisunique
  AND substring(pg_get_indexdef(indexrelid) FROM ' USING .*') = ' USING btree (user_id, updated_at DESC)';

-- check: the new indexes are gone
SELECT old.name
FROM (
    VALUES ('idx_sessions_user_status_activity'), ('idx_sessions_user_type_status')
) AS old (name)
WHERE to_regclass(old.name) IS NOT NULL;
