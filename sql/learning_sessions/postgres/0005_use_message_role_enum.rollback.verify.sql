-- Before the rollback.

-- Where it was dropped, nobody knows any more which roles were in lower case. To go back without: CREATE TABLE
-- learning_message_roles_before (message_id TEXT PRIMARY KEY, role VARCHAR(20) NOT NULL), and leave it empty.
-- require: the table of the roles as they were is there (where it was dropped, make it again, empty)
SELECT wanted.name AS missing_table
FROM (
    VALUES ('learning_message_roles_before')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- After the rollback.

-- check: every message is what it was, but for the case of its role
-- expect: same
SELECT sum(
    CAST(
        hashtextextended(
            CAST(
                (id, session_id, upper(CAST(role AS TEXT) COLLATE "C"), content, created_at, metadata) AS TEXT
            ),
            0
        ) AS NUMERIC
    )
) AS said
FROM learning_messages;

-- check: role is a varchar(20) again
-- expect: 'character varying(20)'
SELECT format_type(atttypid, atttypmod)
FROM pg_attribute
WHERE attrelid = to_regclass('learning_messages')
  AND attname = 'role'
  AND attnotnull;

-- measure: roles_not_in_capitals
SELECT count(*)
FROM learning_messages
WHERE role <> upper(role COLLATE "C");
