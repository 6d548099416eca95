-- Before the step.

-- A trigger that sets updated_at whenever a row is written would set it for every session.
-- require: no trigger can change a session while it is written (ALTER TABLE ... DISABLE TRIGGER for as long)
SELECT tgname AS trigger, pg_get_triggerdef(oid) AS definition
FROM pg_trigger
WHERE tgrelid = to_regclass('learning_sessions')
  AND NOT tgisinternal
  AND tgenabled IN ('O', 'A')
  -- BEFORE UPDATE ... FOR EACH ROW, of all columns: 1 is each row, 2 is before, 16 is update.
  AND tgtype & 19 = 19
  AND CAST(tgattr AS TEXT) = '';

-- measure before: sessions_without_activity
SELECT count(*)
FROM learning_sessions
WHERE last_activity_at IS NULL;

-- After the step.

-- measure: sessions_total
SELECT count(*)
FROM learning_sessions;

-- check: every session has a type, a status, a mode and a last activity
SELECT id, type, status, mode, last_activity_at
FROM learning_sessions
WHERE type IS NULL
   OR status IS NULL
   OR mode IS NULL
   OR last_activity_at IS NULL;

-- Code that does not know the column changes updated_at only. A minute is for clocks that differ.
-- warn: sessions that were changed later than their last activity says
SELECT id, updated_at, last_activity_at
FROM learning_sessions
WHERE updated_at > last_activity_at + INTERVAL '1 minute'
ORDER BY id;
