-- A sum of hashes, one a session: it would be another if one of them said something else.
-- check: what is not updated_at stays, and what is taken out is updated_at
-- expect: same
SELECT
    count(*) AS sessions,
    sum(CAST(hashtextextended(id || ' ' || CAST(coalesce(last_activity_at, updated_at) AS TEXT), 0) AS NUMERIC)) AS said
FROM learning_sessions;

-- check: no last activity is left that is only updated_at
SELECT id, last_activity_at
FROM learning_sessions
WHERE last_activity_at = updated_at;

-- measure: last_activities_of_their_own
SELECT count(*)
FROM learning_sessions
WHERE last_activity_at IS NOT NULL;
