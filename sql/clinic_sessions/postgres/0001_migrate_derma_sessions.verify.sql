-- Before the step.

-- require: the tables of both sides exist
SELECT wanted.name AS missing_table
FROM (
    VALUES ('users'), ('sessions'), ('derma_sessions')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- The type json takes \u0000 and half a character (\ud83d: JavaScript cut it within an emoji), but nothing can be read
-- from a value that holds one, in agent_state either. Put it right: UPDATE ... SET messages =
-- replace(messages::text, '\u0000', '')::json.
-- require: PostgreSQL can read all JSON of the sessions (no \u0000 and no half character)
SELECT old.id, part.name AS column_name
FROM derma_sessions AS old
CROSS JOIN LATERAL (
    VALUES
        ('symptoms', CAST(old.symptoms AS TEXT)),
        ('symptom_details', CAST(old.symptom_details AS TEXT)),
        ('messages', CAST(old.messages AS TEXT)),
        ('quick_options', CAST(old.quick_options AS TEXT)),
        ('skin_analyses', CAST(old.skin_analyses AS TEXT)),
        ('latest_analysis', CAST(old.latest_analysis AS TEXT)),
        ('report_interpretations', CAST(old.report_interpretations AS TEXT)),
        ('latest_interpretation', CAST(old.latest_interpretation AS TEXT)),
        ('possible_conditions', CAST(old.possible_conditions AS TEXT))
) AS part (name, content)
WHERE CASE
    WHEN part.content ~ '\\u(0000|[dD][89a-fA-F])' THEN regexp_replace(
        part.content,
        '\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}',
        ' ',
        'g'
    ) ~ '\\u(0000|[dD][89a-fA-F])'
END
ORDER BY old.id, part.name;

-- The row account: each old session with all that it must have become. What agent_state has to be is built once more.
-- A session that is in sessions already stays as it is there.
-- merge: (
--     SELECT
--         old.id,
--         old.user_id,
--         CAST(NULL AS INTEGER) AS doctor_id,
--         'dermatology' AS agent_type,
--         CAST(json_build_object(
--             'migrated_from', 'derma_sessions',
--             'stage', old.stage,
--             'progress', old.progress,
--             'questions_asked', old.questions_asked,
--             'chief_complaint', old.chief_complaint,
--             'symptoms', CASE WHEN json_typeof(old.symptoms) <> 'null' THEN old.symptoms ELSE '[]' END,
--             'symptom_details', CASE
--                 WHEN json_typeof(old.symptom_details) <> 'null' THEN old.symptom_details
--                 ELSE '{}'
--             END,
--             'risk_level', coalesce(nullif(old.risk_level, ''), 'low'),
--             'original_messages', CASE WHEN json_typeof(old.messages) <> 'null' THEN old.messages ELSE '[]' END,
--             'skin_location', old.skin_location,
--             'duration', old.duration,
--             'skin_analyses', CASE
--                 WHEN json_typeof(old.skin_analyses) <> 'null' THEN old.skin_analyses
--                 ELSE '[]'
--             END,
--             'latest_analysis', old.latest_analysis,
--             'report_interpretations', CASE
--                 WHEN json_typeof(old.report_interpretations) <> 'null' THEN old.report_interpretations
--                 ELSE '[]'
--             END,
--             'latest_interpretation', old.latest_interpretation,
--             'possible_conditions', CASE
--                 WHEN json_typeof(old.possible_conditions) <> 'null' THEN old.possible_conditions
--                 ELSE '[]'
--             END,
--             'care_advice', old.care_advice,
--             'need_offline_visit', old.need_offline_visit,
--             'current_task', old.current_task,
--             'awaiting_image', old.awaiting_image
--         ) AS TEXT) AS agent_state,
--         old.current_response AS last_message,
--         CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END AS status,
--         old.created_at,
--         old.updated_at
--     FROM derma_sessions AS old
-- ) into (
--     SELECT
--         id,
--         user_id,
--         doctor_id,
--         agent_type,
--         CAST(agent_state AS TEXT) AS agent_state,
--         last_message,
--         status,
--         created_at,
--         updated_at
--     FROM sessions
-- ) on id
--     comparing user_id, doctor_id, agent_type, agent_state, last_message, status, created_at, updated_at
-- differing: keep

-- measure before: old_sessions
SELECT count(*)
FROM derma_sessions;

-- measure before: already_there
SELECT count(*)
FROM derma_sessions AS old
JOIN sessions AS there ON there.id = old.id;

-- agent_state has no place for them: step 5 keeps these rows.
-- measure before: sessions_with_quick_options
SELECT count(*)
FROM derma_sessions
WHERE CASE
    WHEN json_typeof(quick_options) = 'array' THEN json_array_length(quick_options) > 0
    ELSE json_typeof(quick_options) <> 'null'
END;

-- After the step.

-- measure: sessions_total
SELECT count(*)
FROM sessions;

-- The next ones speak of the old table under its old name, and so of the time before step 4: that a measure from
-- before stands in them makes it so.

-- measure: sessions_migrated
SELECT count(*)
FROM derma_sessions AS old
JOIN sessions AS there ON there.id = old.id
WHERE :old_sessions >= 0
  AND NOT EXISTS (
    SELECT 1
    FROM derma_already_there AS kept
    WHERE kept.id = old.id
);

-- check: every old session is in sessions
SELECT old.id, old.user_id, old.created_at
FROM derma_sessions AS old
WHERE :old_sessions >= 0
  AND NOT EXISTS (
    SELECT 1
    FROM sessions AS there
    WHERE there.id = old.id
);

-- The row in sessions is the one that was kept; the old one stays in derma_sessions, and step 5 keeps it.
-- warn: sessions that were there already
SELECT old.id, old.user_id AS left_user_id, there.user_id, there.agent_type, there.created_at
FROM derma_sessions AS old
JOIN derma_already_there AS kept ON kept.id = old.id
JOIN sessions AS there ON there.id = old.id
WHERE :already_there > 0
ORDER BY old.id;
