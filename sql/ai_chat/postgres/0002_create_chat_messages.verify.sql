-- Before the step.

-- require: chat_sessions is there, and its session_id is unique
-- expect: some
SELECT conname
FROM pg_constraint
WHERE conrelid = to_regclass('chat_sessions')
  AND contype IN ('u', 'p')
  AND pg_get_constraintdef(oid) LIKE '%(session_id)';

-- require: the role may create tables in the schema
-- expect: true
SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false);

-- require: the names of the table and of all that belongs to it are free
SELECT relname AS taken, relkind
FROM pg_class
WHERE relnamespace = current_schema()::regnamespace
  AND relname IN (
    VALUES
    ('chat_messages'),
    ('chat_messages_id_seq'),
    ('chat_messages_pkey'),
    ('idx_chat_messages_session_id'),
    ('idx_chat_messages_role'),
    ('idx_chat_messages_created_at')
  );

-- After the step. Checks cannot write, so it is asked of the catalogue that a bad value is refused; the tests try it.

-- check: the columns have their types and defaults, in their order
WITH wanted (place, name, type, is_required, value) AS (
    VALUES
        (1, 'id', 'integer', true, 'nextval(''chat_messages_id_seq''::regclass)'),
        (2, 'session_id', 'character varying(100)', true, NULL),
        (3, 'role', 'character varying(20)', true, NULL),
        (4, 'content', 'text', true, NULL),
        (5, 'tool_calls', 'jsonb', false, NULL),
        (6, 'tool_results', 'jsonb', false, NULL),
        (7, 'metadata', 'jsonb', false, NULL),
        (8, 'created_at', 'timestamp with time zone', false, 'now()')
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
    WHERE a.attrelid = to_regclass('chat_messages')
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
SELECT pg_get_serial_sequence('chat_messages', 'id') AS sequence
WHERE pg_get_serial_sequence('chat_messages', 'id') IS NOT NULL;

-- One that was NOT VALID, or NOT ENFORCED, would say so in its definition.
-- check: every constraint is there, as it is meant, and valid
WITH wanted (name, definition) AS (
    VALUES
        (
            'chat_messages_pkey',
            'PRIMARY KEY (id)'
        ),
        (
            'chk_role',
            'CHECK (((role)::text = ANY ((ARRAY[''user''::character varying, '
            || '''assistant''::character varying, ''system''::character varying, '
            || '''tool''::character varying])::text[])))'
        ),
        (
            'chat_messages_session_id_fkey',
            'FOREIGN KEY (session_id) REFERENCES chat_sessions(session_id) ON DELETE CASCADE'
        )
)
SELECT wanted.name, wanted.definition AS wanted, pg_get_constraintdef(found.oid) AS found
FROM wanted
LEFT JOIN pg_constraint AS found ON found.conrelid = to_regclass('chat_messages') AND found.conname = wanted.name
WHERE pg_get_constraintdef(found.oid) IS DISTINCT FROM wanted.definition
   OR NOT found.convalidated;

-- It follows a deletion for as long as its triggers are on.
-- check: the foreign key's triggers are switched on
SELECT tgname, tgrelid::regclass AS table_name, tgenabled
FROM pg_trigger
WHERE tgconstraint IN (SELECT oid FROM pg_constraint WHERE conrelid = to_regclass('chat_messages') AND contype = 'f')
  AND tgenabled NOT IN ('O', 'A');

-- check: every index is there, on its column, and valid
WITH wanted (name, definition) AS (
    VALUES
        ('idx_chat_messages_session_id', 'session_id'),
        ('idx_chat_messages_role', 'role'),
        ('idx_chat_messages_created_at', 'created_at')
)
SELECT wanted.name, wanted.definition AS wanted, pg_get_indexdef(i.indexrelid) AS found
FROM wanted
LEFT JOIN pg_class AS c ON c.oid = to_regclass(wanted.name)
LEFT JOIN pg_index AS i ON i.indexrelid = c.oid AND i.indrelid = to_regclass('chat_messages')
WHERE i.indexrelid IS NULL
   OR NOT (i.indisvalid AND i.indisready)
   OR i.indpred IS NOT NULL
   OR i.indnatts <> 1
   OR pg_get_indexdef(i.indexrelid, 1, true) <> wanted.definition;
