-- Drop the enums that the migration has made
--
-- They bear the comment that it gave them; a type that was there before bears none, and stays. Where a column still has
-- one of the types, DROP TYPE refuses, and nothing is dropped.
--
-- By hand: psql -v ON_ERROR_STOP=1 -1 -f.
DO $$
BEGIN
    IF obj_description(to_regtype('"SessionType"'), 'pg_type') LIKE '%made by learning_sessions 1' THEN
        DROP TYPE "SessionType";
    END IF;

    IF obj_description(to_regtype('"SessionStatus"'), 'pg_type') LIKE '%made by learning_sessions 1' THEN
        DROP TYPE "SessionStatus";
    END IF;

    IF obj_description(to_regtype('"ModeType"'), 'pg_type') LIKE '%made by learning_sessions 1' THEN
        DROP TYPE "ModeType";
    END IF;

    IF obj_description(to_regtype('"MessageRole"'), 'pg_type') LIKE '%made by learning_sessions 1' THEN
        DROP TYPE "MessageRole";
    END IF;
END $$;
