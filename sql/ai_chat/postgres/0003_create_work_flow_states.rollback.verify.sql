-- require: work_flow_states is there
-- expect: some
SELECT oid
FROM pg_class
WHERE oid = to_regclass('work_flow_states')
  AND relkind = 'r';

-- measure before: rows_before
SELECT count(*)
FROM work_flow_states;

-- check: work_flow_states is gone, with its sequence and its indexes
SELECT relname AS still_there, relkind
FROM pg_class
WHERE relnamespace = current_schema()::regnamespace
  AND relname IN (
    VALUES
    ('work_flow_states'),
    ('work_flow_states_id_seq'),
    ('work_flow_states_pkey'),
    ('idx_work_flow_states_work_id'),
    ('idx_work_flow_states_current_state')
  );
