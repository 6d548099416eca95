-- Make role a varchar(20) again, with the roles as they were
--
-- This too writes learning_messages anew, under an ACCESS EXCLUSIVE lock. A message whose role was changed since keeps
-- it; one that was deleted since stays deleted.
--
-- By hand: psql -v ON_ERROR_STOP=1 -1 -f.
--
-- sessmig: may-lose learning_message_roles_before
LOCK TABLE learning_messages IN ACCESS EXCLUSIVE MODE;

-- By way of TEXT: a cast to VARCHAR(20) would cut a longer label without a word.
-- sessmig: allow changing-column-type it is meant, in a quiet hour, and said above; the lock is held from the start
ALTER TABLE learning_messages
ALTER COLUMN role TYPE VARCHAR(20) USING CAST(role AS TEXT);

UPDATE learning_messages AS message
SET role = kept.role
FROM learning_message_roles_before AS kept
WHERE kept.message_id = message.id
  AND upper(kept.role COLLATE "C") = message.role;

DROP TABLE learning_message_roles_before;
