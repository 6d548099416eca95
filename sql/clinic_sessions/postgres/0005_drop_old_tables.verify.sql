-- Before the step.

-- require: the old tables stand under their deprecated names
SELECT wanted.name AS missing_table
FROM (
    VALUES ('sessions'), ('derma_sessions_deprecated'), ('diagnosis_sessions_deprecated')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- Where it is taken, look at what it holds and rename it (ALTER TABLE ... RENAME TO ...): it may be the leftovers
-- of an earlier run, as where a backup was restored beside it.
-- require: the name of the table for the leftovers is free (else rename the table that has it)
SELECT taken.name
FROM (
    VALUES ('deprecated_leftovers')
) AS taken (name)
WHERE to_regclass(taken.name) IS NOT NULL;

-- measure before: derma_rows
SELECT count(*)
FROM derma_sessions_deprecated;

-- measure before: diagnosis_rows
SELECT count(*)
FROM diagnosis_sessions_deprecated;

-- The row accounts: each old row that sessions does not hold has to be among the leftovers, with all that it said.
-- What sessions holds is asked column by column here, not as the step asks it. A leftover that stands in sessions
-- too is one copy too many, and makes up for no other row.
-- merge: (
--     SELECT old.id, CAST(row_to_json(old) AS TEXT) AS legacy_row
--     FROM derma_sessions_deprecated AS old
--     WHERE NOT EXISTS (
--         SELECT 1
--         FROM sessions AS new
--         WHERE new.id = old.id
--           AND (new.user_id, new.agent_type, new.last_message, new.created_at, new.updated_at)
--               IS NOT DISTINCT FROM (old.user_id, 'dermatology', old.current_response, old.created_at, old.updated_at)
--           AND NOT EXISTS (
--               SELECT 1
--               FROM (
--                   VALUES
--                       ('migrated_from', to_json(CAST('derma_sessions' AS TEXT))), ('stage', to_json(old.stage)),
--                       ('progress', to_json(old.progress)), ('questions_asked', to_json(old.questions_asked)),
--                       ('chief_complaint', to_json(old.chief_complaint)), ('symptoms', old.symptoms),
--                       ('symptom_details', old.symptom_details), ('risk_level', to_json(nullif(old.risk_level, ''))),
--                       ('original_messages', old.messages), ('skin_location', to_json(old.skin_location)),
--                       ('duration', to_json(old.duration)), ('skin_analyses', old.skin_analyses),
--                       ('latest_analysis', old.latest_analysis),
--                       ('report_interpretations', old.report_interpretations),
--                       ('latest_interpretation', old.latest_interpretation),
--                       ('possible_conditions', old.possible_conditions), ('care_advice', to_json(old.care_advice)),
--                       ('need_offline_visit', to_json(old.need_offline_visit)),
--                       ('current_task', to_json(old.current_task)), ('awaiting_image', to_json(old.awaiting_image))
--               ) AS said (name, content)
--               WHERE json_typeof(said.content) <> 'null'
--                 AND coalesce(
--                   strpos(CAST(new.agent_state AS TEXT), '"' || said.name || '" : ' || CAST(said.content AS TEXT)),
--                   0
--                 ) = 0
--           )
--           AND CASE
--               WHEN json_typeof(old.quick_options) = 'array' THEN json_array_length(old.quick_options) = 0
--               ELSE coalesce(json_typeof(old.quick_options), 'null') = 'null'
--           END
--     )
-- ) into (
--     SELECT id, CAST(legacy_row AS TEXT) AS legacy_row
--     FROM deprecated_leftovers
--     WHERE source_table = 'derma_sessions_deprecated'
-- ) on id comparing legacy_row

-- merge: (
--     SELECT old.id, CAST(row_to_json(old) AS TEXT) AS legacy_row
--     FROM diagnosis_sessions_deprecated AS old
--     WHERE NOT EXISTS (
--         SELECT 1
--         FROM sessions AS new
--         WHERE new.id = old.id
--           AND (new.user_id, new.agent_type, new.last_message, new.created_at, new.updated_at)
--               IS NOT DISTINCT FROM (old.user_id, 'general', old.current_question, old.created_at, old.updated_at)
--           AND NOT EXISTS (
--               SELECT 1
--               FROM (
--                   VALUES
--                       ('migrated_from', to_json(CAST('diagnosis_sessions' AS TEXT))), ('stage', to_json(old.stage)),
--                       ('progress', to_json(old.progress)), ('questions_asked', to_json(old.questions_asked)),
--                       ('chief_complaint', to_json(old.chief_complaint)), ('symptoms', old.symptoms),
--                       ('symptom_details', old.symptom_details), ('risk_level', to_json(nullif(old.risk_level, ''))),
--                       ('original_messages', old.messages), ('current_question', to_json(old.current_question)),
--                       ('quick_options', old.quick_options), ('reasoning', to_json(old.reasoning)),
--                       ('possible_diseases', old.possible_diseases), ('recommendations', old.recommendations),
--                       ('can_conclude', to_json(old.can_conclude))
--               ) AS said (name, content)
--               WHERE json_typeof(said.content) <> 'null'
--                 AND coalesce(
--                   strpos(CAST(new.agent_state AS TEXT), '"' || said.name || '" : ' || CAST(said.content AS TEXT)),
--                   0
--                 ) = 0
--           )
--     )
-- ) into (
--     SELECT id, CAST(legacy_row AS TEXT) AS legacy_row
--     FROM deprecated_leftovers
--     WHERE source_table = 'diagnosis_sessions_deprecated'
-- ) on id comparing legacy_row

-- After the step.

-- measure: derma_leftovers
SELECT count(*)
FROM deprecated_leftovers
WHERE source_table = 'derma_sessions_deprecated';

-- measure: diagnosis_leftovers
SELECT count(*)
FROM deprecated_leftovers
WHERE source_table = 'diagnosis_sessions_deprecated';

-- check: every leftover is the row that its id names
SELECT source_table, id, legacy_row
FROM deprecated_leftovers
WHERE CAST(legacy_row AS TEXT) NOT LIKE '{"id":%';

-- check: the old tables are gone
SELECT taken.name
FROM (
    VALUES ('derma_sessions_deprecated'), ('diagnosis_sessions_deprecated')
) AS taken (name)
WHERE to_regclass(taken.name) IS NOT NULL;

-- Somebody should look at them: they stand nowhere else.
-- warn: rows that stand in deprecated_leftovers only
SELECT source_table, reason, count(*) AS leftovers, min(id) AS first_id
FROM deprecated_leftovers
GROUP BY source_table, reason
ORDER BY source_table, reason;
