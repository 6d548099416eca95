-- Create the enums of learning sessions: SessionType, SessionStatus, ModeType, MessageRole
--
-- A type that is there already stays as it is; the verify file lets only an enum with the same labels be there. What is
-- made here bears a comment that says so: by it the rollback knows which of the types this migration has made.
--
-- The names are in mixed case, as Prisma writes them, so they always stand in double quotes.
--
-- By hand: psql -v ON_ERROR_STOP=1 -1 -f, after the verify file's requires were asked.
DO $$
BEGIN
    IF to_regtype('"SessionType"') IS NULL THEN
        CREATE TYPE "SessionType" AS ENUM ('LEARNING', 'COPILOT', 'QA');
        COMMENT ON TYPE "SessionType" IS 'What a session is for; made by learning_sessions 1';
    END IF;

    IF to_regtype('"SessionStatus"') IS NULL THEN
        CREATE TYPE "SessionStatus" AS ENUM ('ACTIVE', 'ARCHIVED', 'COMPLETED');
        COMMENT ON TYPE "SessionStatus" IS 'Whether a session goes on; made by learning_sessions 1';
    END IF;

    IF to_regtype('"ModeType"') IS NULL THEN
        CREATE TYPE "ModeType" AS ENUM ('QA', 'TUTOR', 'COPILOT');
        COMMENT ON TYPE "ModeType" IS 'How a session answers; made by learning_sessions 1';
    END IF;

    IF to_regtype('"MessageRole"') IS NULL THEN
        CREATE TYPE "MessageRole" AS ENUM ('USER', 'ASSISTANT', 'SYSTEM');
        COMMENT ON TYPE "MessageRole" IS 'Who speaks in a message; made by learning_sessions 1';
    END IF;
END $$;
