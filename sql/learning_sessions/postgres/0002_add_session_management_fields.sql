-- Add type, status, mode and last_activity_at to learning_sessions, and metadata to learning_messages
--
-- Only the catalogue changes. A default that is a constant is kept there for the rows that stand already, so no row is
-- written, and the strong locks (ACCESS EXCLUSIVE) are held for some milliseconds. No check of the verify file reads
-- rows while they are.
--
-- Code that knows nothing of these columns goes on: it inserts without them, and the defaults stand in. A row of
-- learning_messages may have no metadata (NULL), if somebody writes that.
--
-- By hand: psql -v ON_ERROR_STOP=1 -1 -f. Set a lock_timeout before: who waits for these locks keeps others waiting.

-- Messages first, in the order in which the application writes: a message, then its session.
ALTER TABLE learning_messages
ADD COLUMN metadata JSONB DEFAULT '{}';

-- last_activity_at comes without a default, of the type that updated_at has: the rows that stand already have none
-- (NULL) until the next step gives them their own. With DEFAULT CURRENT_TIMESTAMP here, each of them would have this
-- very moment, and nobody could tell any more which ones that is wrong of.
ALTER TABLE learning_sessions
ADD COLUMN type "SessionType" NOT NULL DEFAULT 'LEARNING',
ADD COLUMN status "SessionStatus" NOT NULL DEFAULT 'ACTIVE',
ADD COLUMN mode "ModeType" NOT NULL DEFAULT 'TUTOR',
ADD COLUMN last_activity_at TIMESTAMP(3);

-- From here on a new row that does not name the column gets the moment of its transaction: in the time zone of its
-- session, as created_at does by its own default.
ALTER TABLE learning_sessions
ALTER COLUMN last_activity_at SET DEFAULT CURRENT_TIMESTAMP;
