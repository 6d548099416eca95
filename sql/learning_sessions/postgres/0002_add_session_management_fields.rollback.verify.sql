-- Before the rollback.

-- These were chosen since, and stand nowhere else. To go on, keep them elsewhere, if they are to be kept (CREATE TABLE
-- ... AS SELECT id, type, status, mode FROM learning_sessions), set them to the default, and run the command again.
-- require: no session has another type, status or mode than the default (keep them elsewhere, and set them to it)
SELECT
    type,
    status,
    mode,
    count(*) AS sessions,
    sum(count(*)) OVER () AS sessions_in_all,
    min(id) AS first_session
FROM learning_sessions
WHERE (type, status, mode) <> ('LEARNING', 'ACTIVE', 'TUTOR')
GROUP BY type, status, mode
ORDER BY type, status, mode;

-- require: no message has metadata (keep it elsewhere, and set it to {})
SELECT count(*) AS messages, min(id) AS first_message, max(id) AS last_message
FROM learning_messages
WHERE metadata <> '{}'
HAVING count(*) > 0;

-- measure before: last_activities_of_their_own
SELECT count(*)
FROM learning_sessions
WHERE last_activity_at <> updated_at;

-- After the rollback.

-- check: the new columns are gone
SELECT attrelid, attname
FROM pg_attribute
WHERE (
    attrelid = to_regclass('learning_sessions')
    AND attname IN ('type', 'status', 'mode', 'last_activity_at')
    OR attrelid = to_regclass('learning_messages')
    AND attname = 'metadata'
)
  AND NOT attisdropped;

-- check: every other column is as it was
-- expect: same
SELECT present.attrelid, present.attname, format_type(present.atttypid, present.atttypmod) AS type, present.attnotnull
FROM pg_attribute AS present
WHERE present.attrelid IN (to_regclass('learning_sessions'), to_regclass('learning_messages'))
  AND present.attnum > 0
  AND NOT present.attisdropped
  AND present.attname NOT IN ('type', 'status', 'mode', 'last_activity_at', 'metadata');

-- warn: last activities that were not updated_at have gone
SELECT :last_activities_of_their_own AS sessions
WHERE :last_activities_of_their_own > 0;
