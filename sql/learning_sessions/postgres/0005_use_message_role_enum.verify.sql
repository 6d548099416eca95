-- Before the step.

-- The rollback gives this type back.
-- require: role is a varchar(20)
-- expect: 'character varying(20)'
SELECT format_type(atttypid, atttypmod)
FROM pg_attribute
WHERE attrelid = to_regclass('learning_messages')
  AND attname = 'role';

-- Where it is taken, look at what it holds and rename it (ALTER TABLE ... RENAME TO ...).
-- require: the name of the table for the roles as they were is free (else rename the table that has it)
SELECT taken.name
FROM (
    VALUES ('learning_message_roles_before')
) AS taken (name)
WHERE to_regclass(taken.name) IS NOT NULL;

-- require: every role is USER, ASSISTANT or SYSTEM, in capitals or not (mend these rows)
SELECT id, session_id, role, created_at
FROM learning_messages
WHERE upper(role COLLATE "C") NOT IN ('USER', 'ASSISTANT', 'SYSTEM')
ORDER BY id;

-- The row account: each role that is put right is kept as it was.
-- merge: (SELECT id, role FROM learning_messages WHERE role <> upper(role COLLATE "C"))
--     into learning_message_roles_before on id = message_id
--     comparing role

-- Two days, as created_at may be in any time zone.
-- measure before: lately_in_lower_case
SELECT count(*)
FROM learning_messages
WHERE role <> upper(role COLLATE "C")
  AND created_at > LOCALTIMESTAMP - INTERVAL '2 days';

-- After the step.

-- The loss guard does not see what USING makes of a value; these two do.
-- check: as many messages of each role as before
-- expect: same
SELECT upper(CAST(role AS TEXT) COLLATE "C") AS role, count(*) AS messages
FROM learning_messages
GROUP BY 1;

-- A sum of hashes, one a message: it would be another if one of them had another role, words, time or metadata.
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

-- check: role has the type MessageRole, and is never NULL
-- expect: 1
SELECT count(*)
FROM pg_attribute
WHERE attrelid = to_regclass('learning_messages')
  AND attname = 'role'
  AND atttypid = to_regtype('"MessageRole"')
  AND attnotnull;

-- measure: roles_put_right
SELECT count(*)
FROM learning_message_roles_before;

-- measure: messages_total
SELECT count(*)
FROM learning_messages;

-- warn: code that writes roles in lower case was still running in the last two days, and fails from now on
SELECT :lately_in_lower_case AS messages
WHERE :lately_in_lower_case > 0;
