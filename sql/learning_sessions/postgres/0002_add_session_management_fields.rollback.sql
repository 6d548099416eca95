-- Drop the new columns of learning_sessions and learning_messages
--
-- What stands in them is lost, so the file refuses where somebody has written to them: a session of another type,
-- status or mode than the default, a message with metadata. Not so for last_activity_at, which is updated_at for all
-- sessions but those that were used since: how many those are is said.
--
-- By hand: psql -v ON_ERROR_STOP=1 -1 -f. It refuses by itself what the verify file's requires refuse.
--
-- sessmig: may-lose learning_sessions.type, learning_sessions.status, learning_sessions.mode, learning_sessions.last_activity_at, learning_messages.metadata

-- Whoever writes waits, so nothing is written between the look and the drop.
LOCK TABLE learning_messages, learning_sessions IN ACCESS EXCLUSIVE MODE;

DO $$
DECLARE
    number BIGINT;
BEGIN
    SELECT count(*)
    INTO number
    FROM learning_sessions
    WHERE (type, status, mode) <> ('LEARNING', 'ACTIVE', 'TUTOR');
    IF number > 0 THEN
        RAISE EXCEPTION '% sessions have another type, status or mode than the default: that would be lost', number;
    END IF;

    SELECT count(*)
    INTO number
    FROM learning_messages
    WHERE metadata <> '{}';
    IF number > 0 THEN
        RAISE EXCEPTION '% messages have metadata: it would be lost', number;
    END IF;
END $$;

ALTER TABLE learning_messages
DROP COLUMN metadata;

ALTER TABLE learning_sessions
DROP COLUMN type,
DROP COLUMN status,
DROP COLUMN mode,
DROP COLUMN last_activity_at;
