-- Every query here reads the catalogue only: after the step they are asked while its strong locks are held.

-- Before the step.

-- require: the tables of the learning application are here
SELECT wanted.name AS missing_table
FROM (
    VALUES ('learning_sessions'), ('learning_messages')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- Another script may have added some of them, with values that nobody has looked at.
-- require: none of the new columns is there already
SELECT wanted.in_table, present.attname AS in_column, format_type(present.atttypid, present.atttypmod) AS type
FROM (
    VALUES
        ('learning_sessions', 'type'),
        ('learning_sessions', 'status'),
        ('learning_sessions', 'mode'),
        ('learning_sessions', 'last_activity_at'),
        ('learning_messages', 'metadata')
) AS wanted (in_table, in_column)
JOIN pg_attribute AS present ON present.attrelid = to_regclass(wanted.in_table) AND present.attname = wanted.in_column
WHERE NOT present.attisdropped
ORDER BY wanted.in_table, present.attnum;

-- last_activity_at takes its values from it, and must not change them.
-- require: updated_at is a timestamp(3) without time zone, as last_activity_at will be
-- expect: 'timestamp(3) without time zone'
SELECT format_type(atttypid, atttypmod)
FROM pg_attribute
WHERE attrelid = to_regclass('learning_sessions')
  AND attname = 'updated_at';

-- After the step.

-- check: the new columns have their types and defaults
SELECT
    wanted.in_table,
    wanted.in_column,
    format_type(present.atttypid, present.atttypmod) AS type,
    present.attnotnull AS not_null,
    pg_get_expr(standard.adbin, standard.adrelid) AS default_value
FROM (
    VALUES
        ('learning_sessions', 'type', '"SessionType"', -1, true, '''LEARNING''::%s'),
        ('learning_sessions', 'status', '"SessionStatus"', -1, true, '''ACTIVE''::%s'),
        ('learning_sessions', 'mode', '"ModeType"', -1, true, '''TUTOR''::%s'),
        ('learning_sessions', 'last_activity_at', 'timestamp', 3, false, 'CURRENT_TIMESTAMP'),
        ('learning_messages', 'metadata', 'jsonb', -1, false, '''{}''::%s')
) AS wanted (in_table, in_column, type, digits, not_null, default_value)
LEFT JOIN pg_attribute AS present
    ON present.attrelid = to_regclass(wanted.in_table)
   AND present.attname = wanted.in_column
   AND NOT present.attisdropped
LEFT JOIN pg_attrdef AS standard ON standard.adrelid = present.attrelid AND standard.adnum = present.attnum
WHERE (present.atttypid, present.atttypmod, present.attnotnull, pg_get_expr(standard.adbin, standard.adrelid))
    IS DISTINCT FROM (
        to_regtype(wanted.type),
        wanted.digits,
        wanted.not_null,
        format(wanted.default_value, format_type(to_regtype(wanted.type), NULL))
    );

-- A value that ADD COLUMN gives to the rows that stand already is kept in the catalogue: here is none.
-- check: no session that stood already has got the moment of the migration as its last activity
SELECT attname, attmissingval
FROM pg_attribute
WHERE attrelid = to_regclass('learning_sessions')
  AND attname = 'last_activity_at'
  AND atthasmissing;

-- A table that is written anew gets another file.
-- check: no table was written anew
-- expect: same
SELECT oid, relname, pg_relation_filenode(oid) AS file
FROM pg_class
WHERE oid IN (to_regclass('learning_sessions'), to_regclass('learning_messages'));

-- check: every column that was there, message_count among them, is as it was
-- expect: same
SELECT present.attrelid, present.attname, format_type(present.atttypid, present.atttypmod) AS type, present.attnotnull
FROM pg_attribute AS present
WHERE present.attrelid IN (to_regclass('learning_sessions'), to_regclass('learning_messages'))
  AND present.attnum > 0
  AND NOT present.attisdropped
  AND present.attname NOT IN ('type', 'status', 'mode', 'last_activity_at', 'metadata');
