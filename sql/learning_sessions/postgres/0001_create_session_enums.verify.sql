-- Before the step.

-- In the wrong database the enums would be made, and only the next step would tell.
-- require: the tables of the learning application are here
SELECT wanted.name AS missing_table
FROM (
    VALUES ('learning_sessions'), ('learning_messages')
) AS wanted (name)
WHERE to_regclass(wanted.name) IS NULL;

-- A table has a type of its name too; so may a domain. Nothing of that is an enum with these labels.
-- require: what has the name of an enum already is an enum with the same labels (else rename it: ALTER TYPE ... RENAME)
WITH
    wanted (name, labels) AS (
        VALUES
            ('SessionType', ARRAY['COPILOT', 'LEARNING', 'QA']),
            ('SessionStatus', ARRAY['ACTIVE', 'ARCHIVED', 'COMPLETED']),
            ('ModeType', ARRAY['COPILOT', 'QA', 'TUTOR']),
            ('MessageRole', ARRAY['ASSISTANT', 'SYSTEM', 'USER'])
    ),
    present AS (
        SELECT
            wanted.name,
            wanted.labels,
            ARRAY(
                SELECT CAST(label.enumlabel AS TEXT)
                FROM pg_enum AS label
                WHERE label.enumtypid = to_regtype(format('%I', wanted.name))
                ORDER BY CAST(label.enumlabel AS TEXT) COLLATE "C"
            ) AS labels_there
        FROM wanted
        WHERE to_regtype(format('%I', wanted.name)) IS NOT NULL
    )
SELECT
    name,
    CASE labels_there WHEN '{}' THEN 'no enum' ELSE array_to_string(labels_there, ', ') END AS there,
    array_to_string(labels, ', ') AS wanted
FROM present
WHERE labels_there <> labels;

-- measure before: enums_already_there
SELECT count(*)
FROM (
    VALUES ('SessionType'), ('SessionStatus'), ('ModeType'), ('MessageRole')
) AS wanted (name)
WHERE to_regtype(format('%I', wanted.name)) IS NOT NULL;

-- After the step. A label that a later build adds is no fault.

-- check: every enum has its labels
SELECT wanted.name, wanted.label AS missing_label
FROM (
    VALUES
        ('SessionType', 'LEARNING'), ('SessionType', 'COPILOT'), ('SessionType', 'QA'),
        ('SessionStatus', 'ACTIVE'), ('SessionStatus', 'ARCHIVED'), ('SessionStatus', 'COMPLETED'),
        ('ModeType', 'QA'), ('ModeType', 'TUTOR'), ('ModeType', 'COPILOT'),
        ('MessageRole', 'USER'), ('MessageRole', 'ASSISTANT'), ('MessageRole', 'SYSTEM')
) AS wanted (name, label)
WHERE NOT EXISTS (
    SELECT 1
    FROM pg_enum AS present
    WHERE present.enumtypid = to_regtype(format('%I', wanted.name))
      AND present.enumlabel = wanted.label
);
