-- Take the last activity out again, where it is updated_at
--
-- Any other was written since, and stays; what is taken out stands as updated_at, so nothing is lost. Where only a part
-- of the step was done, this undoes that part.
--
-- It is one transaction: whoever writes to learning_sessions waits until it is done.
-- By hand: psql -v ON_ERROR_STOP=1 -1 -f.
LOCK TABLE learning_sessions IN SHARE ROW EXCLUSIVE MODE;

UPDATE learning_sessions
SET last_activity_at = NULL
WHERE last_activity_at = updated_at;
