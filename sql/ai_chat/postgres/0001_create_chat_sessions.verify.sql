-- Before the step.

-- require: users table exists
-- expect: 1
SELECT count(*)
FROM pg_class
WHERE oid = to_regclass('users')
  AND relkind IN ('r', 'p');

-- require: users has its primary key on id
SELECT to_regclass('users') AS table_name, pg_get_constraintdef(p.oid) AS primary_key
FROM (VALUES ('PRIMARY KEY (id)')) AS wanted (definition)
LEFT JOIN pg_constraint AS p ON p.conrelid = to_regclass('users') AND p.contype = 'p'
WHERE to_regclass('users') IS NOT NULL
  AND pg_get_constraintdef(p.oid) IS DISTINCT FROM wanted.definition;

-- require: the role may refer to users
SELECT 'REFERENCES' AS lacking
WHERE NOT has_table_privilege(to_regclass('users'), 'REFERENCES');

-- require: the role may create tables in the schema
-- expect: true
SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false);

-- require: the names of the table and of all that belongs to it are free
SELECT relname AS taken, relkind
FROM pg_class
WHERE relnamespace = current_schema()::regnamespace
  AND relname IN (
    VALUES
    ('chat_sessions'),
    ('chat_sessions_id_seq'),
    ('chat_sessions_pkey'),
    ('chat_sessions_session_id_key'),
    ('idx_chat_sessions_work_id'),
    ('idx_chat_sessions_system_type'),
    ('idx_chat_sessions_created_by'),
    ('idx_chat_sessions_status')
  );

-- After the step. Checks cannot write, so it is asked of the catalogue that a bad value is refused; the tests try it.

-- check: the columns have their types and defaults, in their order
WITH wanted (place, name, type, is_required, value) AS (
    VALUES
        (1, 'id', 'integer', true, 'nextval(''chat_sessions_id_seq''::regclass)'),
        (2, 'session_id', 'character varying(100)', true, NULL),
        (3, 'work_id', 'character varying(50)', true, NULL),
        (4, 'system_type', 'character varying(20)', true, NULL),
        (5, 'title', 'character varying(200)', false, NULL),
        (6, 'status', 'character varying(20)', false, '''active''::character varying'),
        (7, 'created_at', 'timestamp with time zone', false, 'now()'),
        (8, 'updated_at', 'timestamp with time zone', false, 'now()'),
        (9, 'created_by', 'integer', true, NULL)
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
    WHERE a.attrelid = to_regclass('chat_sessions')
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
SELECT pg_get_serial_sequence('chat_sessions', 'id') AS sequence
WHERE pg_get_serial_sequence('chat_sessions', 'id') IS NOT NULL;

-- One that was NOT VALID, or NOT ENFORCED, would say so in its definition.
-- check: every constraint is there, as it is meant, and valid
WITH wanted (name, definition) AS (
    VALUES
        (
            'chat_sessions_pkey',
            'PRIMARY KEY (id)'
        ),
        (
            'chat_sessions_session_id_key',
            'UNIQUE (session_id)'
        ),
        (
            'chk_system_type',
            'CHECK (((system_type)::text = ANY ((ARRAY[''brain''::character varying, '
            || '''code''::character varying, ''writing''::character varying])::text[])))'
        ),
        (
            'chk_status',
            'CHECK (((status)::text = ANY ((ARRAY[''active''::character varying, '
            || '''archived''::character varying, ''deleted''::character varying])::text[])))'
        ),
        (
            'chat_sessions_created_by_fkey',
            'FOREIGN KEY (created_by) REFERENCES users(id) ON DELETE CASCADE'
        )
)
SELECT wanted.name, wanted.definition AS wanted, pg_get_constraintdef(found.oid) AS found
FROM wanted
LEFT JOIN pg_constraint AS found ON found.conrelid = to_regclass('chat_sessions') AND found.conname = wanted.name
WHERE pg_get_constraintdef(found.oid) IS DISTINCT FROM wanted.definition
   OR NOT found.convalidated;

-- It follows a deletion for as long as its triggers are on.
-- check: the foreign key's triggers are switched on
SELECT tgname, tgrelid::regclass AS table_name, tgenabled
FROM pg_trigger
WHERE tgconstraint IN (SELECT oid FROM pg_constraint WHERE conrelid = to_regclass('chat_sessions') AND contype = 'f')
  AND tgenabled NOT IN ('O', 'A');

-- check: every index is there, on its column, and valid
WITH wanted (name, definition) AS (
    VALUES
        ('idx_chat_sessions_work_id', 'work_id'),
        ('idx_chat_sessions_system_type', 'system_type'),
        ('idx_chat_sessions_created_by', 'created_by'),
        ('idx_chat_sessions_status', 'status')
)
SELECT wanted.name, wanted.definition AS wanted, pg_get_indexdef(i.indexrelid) AS found
FROM wanted
LEFT JOIN pg_class AS c ON c.oid = to_regclass(wanted.name)
LEFT JOIN pg_index AS i ON i.indexrelid = c.oid AND i.indrelid = to_regclass('chat_sessions')
WHERE i.indexrelid IS NULL
   OR NOT (i.indisvalid AND i.indisready)
   OR i.indpred IS NOT NULL
   OR i.indnatts <> 1
   OR pg_get_indexdef(i.indexrelid, 1, true) <> wanted.definition;
