-- Before the rollback.

-- require: no column has one of the types that are to go
SELECT CAST(owner.oid AS REGCLASS) AS in_table, used.attname AS in_column, format_type(used.atttypid, NULL) AS type
FROM pg_attribute AS used
JOIN pg_class AS owner ON owner.oid = used.attrelid
JOIN pg_type AS type ON used.atttypid IN (type.oid, type.typarray)
WHERE type.oid IN (
    to_regtype('"SessionType"'), to_regtype('"SessionStatus"'), to_regtype('"ModeType"'), to_regtype('"MessageRole"')
)
  AND obj_description(type.oid, 'pg_type') LIKE '%made by learning_sessions 1'
  AND owner.relkind <> 'i'
  AND NOT used.attisdropped
ORDER BY in_table, in_column;

-- After the rollback.

-- check: none of the types that the migration has made is left
SELECT type.typname
FROM pg_type AS type
WHERE type.oid IN (
    to_regtype('"SessionType"'), to_regtype('"SessionStatus"'), to_regtype('"ModeType"'), to_regtype('"MessageRole"')
)
  AND obj_description(type.oid, 'pg_type') LIKE '%made by learning_sessions 1';

-- check: every type that was there before is there
-- expect: same
SELECT type.typname, type.oid
FROM pg_type AS type
WHERE type.oid IN (
    to_regtype('"SessionType"'), to_regtype('"SessionStatus"'), to_regtype('"ModeType"'), to_regtype('"MessageRole"')
)
  AND coalesce(obj_description(type.oid, 'pg_type'), '') NOT LIKE '%made by learning_sessions 1';
