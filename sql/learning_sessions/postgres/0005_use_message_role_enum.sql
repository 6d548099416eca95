-- Put roles in lower case right, and give the column the type MessageRole
--
-- This writes learning_messages and its indexes anew, under an ACCESS EXCLUSIVE lock: from the first statement to the
-- commit nobody reads or writes the table, some seconds for each million of messages. It takes as much room again as
-- the table has. Do it in a quiet hour.
--
-- From then on an INSERT with a role in lower case fails. That is why the step waits: code that writes such roles has
-- to be gone. Code that writes them in capitals goes on.
--
-- The roles that are put right are kept as they were in learning_message_roles_before, for the way back.
--
-- By hand: psql -v ON_ERROR_STOP=1 -1 -f, after the verify file's requires were asked.
--
-- sessmig: wait 14 days after 4
LOCK TABLE learning_messages IN ACCESS EXCLUSIVE MODE;

CREATE TABLE learning_message_roles_before (
    message_id TEXT PRIMARY KEY,
    role       VARCHAR(20) NOT NULL
);

-- COLLATE "C", as in some languages the capital of i is not I.
INSERT INTO learning_message_roles_before (message_id, role)
SELECT id, role
FROM learning_messages
WHERE role <> upper(role COLLATE "C");

-- A role that is none fails here, if the verify file's require has not found it before.
-- sessmig: allow changing-column-type it is meant, in a quiet hour, and said above; the lock is held from the start
ALTER TABLE learning_messages
ALTER COLUMN role TYPE "MessageRole" USING CAST(upper(role COLLATE "C") AS "MessageRole");
