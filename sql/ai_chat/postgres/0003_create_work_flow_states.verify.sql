-- Before the step.

-- require: the role may create tables in the schema
-- expect: true
SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false);

-- require: the names of the table and of all that belongs to it are free
SELECT relname AS taken, relkind
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

-- After the step. Checks cannot write, so it is asked of the catalogue that a bad value is refused; the tests try it.

-- check: the columns have their types and defaults, in their order
WITH wanted (place, name, type, is_required, value) AS (
    VALUES
        (1, 'id', 'integer', true, 'nextval(''work_flow_states_id_seq''::regclass)'),
        (2, 'work_id', 'character varying(50)', true, NULL),
        (3, 'current_state', 'character varying(50)', true, NULL),
        (4, 'previous_state', 'character varying(50)', false, NULL),
        (5, 'state_data', 'jsonb', false, NULL),
        (6, 'transition_reason', 'text', false, NULL),
        (7, 'created_at', 'timestamp with time zone', false, 'now()')
),
found AS (
    SELECT
        a.attnum::int AS place,
        a.attname::text AS name,
        format_type(a.atttypid, a.atttypmod) AS type,
        a.attnotnull AS is_required,
        pg_get_expr(d.adbin, d.adrelid) AS value
    FROM pg_attribute AS a
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = to_regclass('work_flow_states')
      AND a.attnum > 0
      AND NOT a.attisdropped
)
SELECT wanted.name AS wanted, found.*
FROM wanted
LEFT JOIN found ON found.name = wanted.name
WHERE (wanted.place, wanted.type, wanted.is_required, wanted.value)
    IS DISTINCT FROM (found.place, found.type, found.is_required, found.value);

-- check: id is numbered by a sequence of its own
-- expect: some
SELECT pg_get_serial_sequence('work_flow_states', 'id') AS sequence
WHERE pg_get_serial_sequence('work_flow_states', 'id') IS NOT NULL;

-- One that was NOT VALID, or NOT ENFORCED, would say so in its definition.
-- check: every constraint is there, as it is meant, and valid
WITH wanted (name, definition) AS (
    VALUES
        (
            'work_flow_states_pkey',
            'PRIMARY KEY (id)'
        ),
        (
            'chk_current_state',
            'CHECK (((current_state)::text = ANY ((ARRAY[''CREATED''::character varying, '
            || '''PLANNING''::character varying, ''MODELING''::character varying, '
            || '''CODING''::character varying, ''EXECUTING''::character varying, '
            || '''ANALYZING''::character varying, ''WRITING''::character varying, '
            || '''REVIEWING''::character varying, ''COMPLETED''::character varying, '
            || '''ARCHIVED''::character varying])::text[])))'
        )
)
SELECT wanted.name, wanted.definition AS wanted, pg_get_constraintdef(found.oid) AS found
FROM wanted
LEFT JOIN pg_constraint AS found ON found.conrelid = to_regclass('work_flow_states') AND found.conname = wanted.name
WHERE pg_get_constraintdef(found.oid) IS DISTINCT FROM wanted.definition
   OR NOT found.convalidated;

-- check: every index is there, on its column, and valid
WITH wanted (name, definition) AS (
    VALUES
        ('idx_work_flow_states_work_id', 'work_id'),
        ('idx_work_flow_states_current_state', 'current_state')
)
SELECT wanted.name, wanted.definition AS wanted, pg_get_indexdef(i.indexrelid) AS found
FROM wanted
LEFT JOIN pg_class AS c ON c.oid = to_regclass(wanted.name)
LEFT JOIN pg_index AS i ON i.indexrelid = c.oid AND i.indrelid = to_regclass('work_flow_states')
WHERE i.indexrelid IS NULL
   OR NOT (i.indisvalid AND i.indisready)
   OR i.indpred IS NOT NULL
   OR i.indnatts <> 1
   OR pg_get_indexdef(i.indexrelid, 1, true) <> wanted.definition;
