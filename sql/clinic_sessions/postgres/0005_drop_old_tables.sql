-- Drop derma_sessions_deprecated and diagnosis_sessions_deprecated, and keep what stands nowhere else
--
-- Two weeks after the messages were copied nobody has asked for the old tables. What lives only there goes first,
-- row by row as JSON, into deprecated_leftovers:
--   not in sessions            written after the copy, or its session was deleted since
--   not the same as sessions   a session of this id was there before, or one of the two has changed since
--   quick_options              derma_sessions: agent_state has no place for them
-- All others stand in sessions, word for word, with their list of messages in agent_state.original_messages.
--
-- There is no deadline for the leftovers: they may be looked at, put right and deleted one by one.
--
-- By hand: psql -v ON_ERROR_STOP=1 -f. It is one transaction there too.
--
-- sessmig: wait 7 days after 4
-- sessmig: may-lose derma_sessions_deprecated, diagnosis_sessions_deprecated, *_already_there
-- sessmig: irreversible the old tables are gone; every row of them stands in sessions, or in deprecated_leftovers
-- sessmig: allow drop-with-copy the tables were kept for two weeks; what stands only there is copied as they go
BEGIN;

-- Whoever writes waits, so nothing is changed between the comparison and the end of the old tables; sessions can be
-- read all the while.
LOCK TABLE derma_sessions_deprecated, diagnosis_sessions_deprecated IN ACCESS EXCLUSIVE MODE;
LOCK TABLE sessions IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE deprecated_leftovers (
    source_table TEXT NOT NULL,
    id           TEXT NOT NULL,
    legacy_row   JSON NOT NULL,
    reason       TEXT NOT NULL,
    copied_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (source_table, id)
);

-- A row has arrived if its session says what step 1 or 2 wrote there, and nothing else. agent_state is compared as
-- text, built once more: a session that somebody went on with since is a leftover too, which is one copy too many
-- and never one too few.
INSERT INTO deprecated_leftovers (source_table, id, legacy_row, reason)
WITH judged AS (
    SELECT
        old.id,
        row_to_json(old) AS legacy_row,
        CASE
            WHEN new.id IS NULL
            THEN 'not in sessions'
            WHEN NOT coalesce(
                (new.user_id, new.last_message, new.created_at, new.updated_at)
                    IS NOT DISTINCT FROM (old.user_id, old.current_response, old.created_at, old.updated_at)
                AND new.agent_type = 'dermatology'
                AND new.doctor_id IS NULL
                AND new.status = CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END
                AND CAST(new.agent_state AS TEXT) = CAST(
                    json_build_object(
                        'migrated_from', 'derma_sessions',
                        'stage', old.stage,
                        'progress', old.progress,
                        'questions_asked', old.questions_asked,
                        'chief_complaint', old.chief_complaint,
                        'symptoms', CASE WHEN json_typeof(old.symptoms) <> 'null' THEN old.symptoms ELSE '[]' END,
                        'symptom_details', CASE
                            WHEN json_typeof(old.symptom_details) <> 'null' THEN old.symptom_details
                            ELSE '{}'
                        END,
                        'risk_level', coalesce(nullif(old.risk_level, ''), 'low'),
                        'original_messages', CASE
                            WHEN json_typeof(old.messages) <> 'null' THEN old.messages
                            ELSE '[]'
                        END,
                        'skin_location', old.skin_location,
                        'duration', old.duration,
                        'skin_analyses', CASE
                            WHEN json_typeof(old.skin_analyses) <> 'null' THEN old.skin_analyses
                            ELSE '[]'
                        END,
                        'latest_analysis', old.latest_analysis,
                        'report_interpretations', CASE
                            WHEN json_typeof(old.report_interpretations) <> 'null' THEN old.report_interpretations
                            ELSE '[]'
                        END,
                        'latest_interpretation', old.latest_interpretation,
                        'possible_conditions', CASE
                            WHEN json_typeof(old.possible_conditions) <> 'null' THEN old.possible_conditions
                            ELSE '[]'
                        END,
                        'care_advice', old.care_advice,
                        'need_offline_visit', old.need_offline_visit,
                        'current_task', old.current_task,
                        'awaiting_image', old.awaiting_image
                    ) AS TEXT
                ),
                false
            )
            THEN 'not the same as sessions'
            WHEN json_typeof(old.quick_options) = 'array'
            THEN CASE WHEN json_array_length(old.quick_options) > 0 THEN 'quick_options' END
            WHEN json_typeof(old.quick_options) <> 'null'
            THEN 'quick_options'
        END AS reason
    FROM derma_sessions_deprecated AS old
    LEFT JOIN sessions AS new ON new.id = old.id
)
SELECT 'derma_sessions_deprecated', id, legacy_row, reason
FROM judged
WHERE reason IS NOT NULL;

INSERT INTO deprecated_leftovers (source_table, id, legacy_row, reason)
WITH judged AS (
    SELECT
        old.id,
        row_to_json(old) AS legacy_row,
        CASE
            WHEN new.id IS NULL
            THEN 'not in sessions'
            WHEN NOT coalesce(
                (new.user_id, new.last_message, new.created_at, new.updated_at)
                    IS NOT DISTINCT FROM (old.user_id, old.current_question, old.created_at, old.updated_at)
                AND new.agent_type = 'general'
                AND new.doctor_id IS NULL
                AND new.status = CASE WHEN old.stage = 'completed' THEN 'completed' ELSE 'active' END
                AND CAST(new.agent_state AS TEXT) = CAST(
                    json_build_object(
                        'migrated_from', 'diagnosis_sessions',
                        'stage', old.stage,
                        'progress', old.progress,
                        'questions_asked', old.questions_asked,
                        'chief_complaint', old.chief_complaint,
                        'symptoms', CASE WHEN json_typeof(old.symptoms) <> 'null' THEN old.symptoms ELSE '[]' END,
                        'symptom_details', CASE
                            WHEN json_typeof(old.symptom_details) <> 'null' THEN old.symptom_details
                            ELSE '{}'
                        END,
                        'risk_level', coalesce(nullif(old.risk_level, ''), 'low'),
                        'original_messages', CASE
                            WHEN json_typeof(old.messages) <> 'null' THEN old.messages
                            ELSE '[]'
                        END,
                        'current_question', old.current_question,
                        'quick_options', CASE
                            WHEN json_typeof(old.quick_options) <> 'null' THEN old.quick_options
                            ELSE '[]'
                        END,
                        'reasoning', old.reasoning,
                        'possible_diseases', CASE
                            WHEN json_typeof(old.possible_diseases) <> 'null' THEN old.possible_diseases
                            ELSE '[]'
                        END,
                        'recommendations', CASE
                            WHEN json_typeof(old.recommendations) <> 'null' THEN old.recommendations
                            ELSE '{}'
                        END,
                        'can_conclude', old.can_conclude
                    ) AS TEXT
                ),
                false
            )
            THEN 'not the same as sessions'
        END AS reason
    FROM diagnosis_sessions_deprecated AS old
    LEFT JOIN sessions AS new ON new.id = old.id
)
SELECT 'diagnosis_sessions_deprecated', id, legacy_row, reason
FROM judged
WHERE reason IS NOT NULL;

DROP TABLE derma_sessions_deprecated;
DROP TABLE diagnosis_sessions_deprecated;

-- They told the rollback what not to touch, and there is none any more.
DROP TABLE derma_already_there;
DROP TABLE diagnosis_already_there;
DROP TABLE messages_already_there;

COMMIT;
