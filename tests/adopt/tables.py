"""Other tools' tables, as the tools themselves make them, each with two migrations applied. Knows nothing of sessmig.

dbmate 2.36, yoyo 9.0, sqlite-utils 4.2, sqitch 1.3 and Rails 6.1 were run on SQLite, and what they made is copied here.
Those of golang-migrate, goose, sqlx and refinery are as their sources have them; those of Flyway, Prisma and Ecto, and
what the others make on PostgreSQL, were read in public copies, not seen in a database that the tool made.
"""

from collections.abc import Callable
from dataclasses import dataclass

TIMES = ("20240101000001", "20240102000001", "20240103000001")
NUMBERS = ("0001", "0002", "0003")
USERS, POSTS, TAGS = "create_users", "create_posts", "add_tags"


@dataclass(frozen=True)
class Other:
    """One tool.

    Args:
        tool: its name.
        table: the table's.
        make: the SQL that makes it; told whether that is for PostgreSQL.
        labels: the versions of the files.
        is_sqlite_only: it does not serve PostgreSQL.
    """

    tool: str
    table: str
    make: Callable[[bool], str]
    labels: tuple[str, str, str] = NUMBERS
    is_sqlite_only: bool = False

    @property
    def files(self) -> dict[str, str]:
        """The migrations that it has applied, and one more."""
        names = zip(self.labels, (USERS, POSTS, TAGS), strict=True)
        return {f"{label}_{name}.sql": f"CREATE TABLE {name} (id INTEGER);\n" for label, name in names}


def _dbmate(is_postgres: bool) -> str:
    quoted = '"public"."schema_migrations"' if is_postgres else '"schema_migrations"'
    return (
        f"CREATE TABLE IF NOT EXISTS {quoted} (version varchar(128) primary key);\n"
        f"INSERT INTO schema_migrations (version) VALUES ('{TIMES[0]}'), ('{TIMES[1]}');"
    )


def _rails(is_postgres: bool) -> str:
    kind = "character varying" if is_postgres else "varchar"
    moment = "timestamp(6) without time zone" if is_postgres else "datetime(6)"
    return f"""
CREATE TABLE "schema_migrations" ("version" {kind} NOT NULL PRIMARY KEY);
CREATE TABLE "ar_internal_metadata" ("key" {kind} NOT NULL PRIMARY KEY, "value" {kind},
    "created_at" {moment} NOT NULL, "updated_at" {moment} NOT NULL);
INSERT INTO "schema_migrations" (version) VALUES ('{TIMES[1]}'), ('{TIMES[0]}');"""


def _ecto(is_postgres: bool) -> str:
    table = (
        'CREATE TABLE "schema_migrations" ("version" bigint, "inserted_at" timestamp(0), PRIMARY KEY ("version"));'
        if is_postgres
        else 'CREATE TABLE "schema_migrations" ("version" INTEGER PRIMARY KEY, "inserted_at" TEXT);'
    )
    return f"""{table}
INSERT INTO "schema_migrations" VALUES ({TIMES[0]}, '2024-01-05T10:00:00'), ({TIMES[1]}, '2024-01-06T10:00:00');"""


def golang_migrate(is_postgres: bool, version: int = 2, dirty: bool = False) -> str:
    table = (
        'CREATE TABLE IF NOT EXISTS "public"."schema_migrations" (version bigint not null primary key, dirty boolean '
        "not null);"
        if is_postgres
        else "CREATE TABLE IF NOT EXISTS schema_migrations (version uint64,dirty bool);\n"
        "CREATE UNIQUE INDEX IF NOT EXISTS version_unique ON schema_migrations (version);"
    )
    return f"{table}\nINSERT INTO schema_migrations (version, dirty) VALUES ({version}, {str(dirty).lower()});"


def goose(is_postgres: bool, later: str = "") -> str:
    table = (
        """CREATE TABLE goose_db_version (
		id serial NOT NULL,
		version_id bigint NOT NULL,
		is_applied boolean NOT NULL,
		tstamp timestamp NULL default now(),
		PRIMARY KEY(id)
	);"""
        if is_postgres
        else """CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);"""
    )
    rows = f"(0, true), (1, true), (2, true){later}"
    return f"{table}\nINSERT INTO goose_db_version (version_id, is_applied) VALUES {rows};"


FLYWAY_ROWS = """
    (1, '1', 'create users', 'SQL', 'V1__create_users.sql', 11, 'me', '2024-01-05 10:00:00', 5, true),
    (2, '2', 'create posts', 'SQL', 'V2__create_posts.sql', 12, 'me', '2024-01-06 10:00:00', 5, true)"""


def flyway(is_postgres: bool, rows: str = FLYWAY_ROWS) -> str:
    table = (
        """CREATE TABLE "public"."flyway_schema_history" (
    "installed_rank" INT NOT NULL,
    "version" VARCHAR(50),
    "description" VARCHAR(200) NOT NULL,
    "type" VARCHAR(20) NOT NULL,
    "script" VARCHAR(1000) NOT NULL,
    "checksum" INTEGER,
    "installed_by" VARCHAR(100) NOT NULL,
    "installed_on" TIMESTAMP NOT NULL DEFAULT now(),
    "execution_time" INTEGER NOT NULL,
    "success" BOOLEAN NOT NULL
);
ALTER TABLE "public"."flyway_schema_history" ADD CONSTRAINT "flyway_schema_history_pk" PRIMARY KEY ("installed_rank");
CREATE INDEX "flyway_schema_history_s_idx" ON "public"."flyway_schema_history" ("success");"""
        if is_postgres
        else """CREATE TABLE "main"."flyway_schema_history"
(
    "installed_rank" INT           NOT NULL PRIMARY KEY,
    "version"        VARCHAR(50),
    "description"    VARCHAR(200)  NOT NULL,
    "type"           VARCHAR(20)   NOT NULL,
    "script"         VARCHAR(1000) NOT NULL,
    "checksum"       INT,
    "installed_by"   VARCHAR(100)  NOT NULL,
    "installed_on"   TEXT          NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    "execution_time" INT           NOT NULL,
    "success"        BOOLEAN       NOT NULL
);
CREATE INDEX "main"."flyway_schema_history_s_idx" ON "flyway_schema_history" ("success");"""
    )
    return f"{table}\nINSERT INTO flyway_schema_history VALUES {rows};"


def yoyo(_: bool) -> str:
    return """
CREATE TABLE "_yoyo_log" (
    "id" VARCHAR(36), "migration_hash" VARCHAR(64), "migration_id" VARCHAR(255), "operation" VARCHAR(10),
    "username" VARCHAR(255), "hostname" VARCHAR(255), "comment" VARCHAR(255), "created_at_utc" TIMESTAMP,
    PRIMARY KEY ("id")
);
CREATE TABLE "_yoyo_version" ("version" INT NOT NULL PRIMARY KEY, "installed_at_utc" TIMESTAMP);
CREATE TABLE "_yoyo_migration" (
    "migration_hash" VARCHAR(64), "migration_id" VARCHAR(255), "applied_at_utc" TIMESTAMP,
    PRIMARY KEY ("migration_hash")
);
CREATE TABLE "yoyo_lock" ("locked" INT DEFAULT 1, "ctime" TIMESTAMP,"pid" INT NOT NULL,PRIMARY KEY ("locked"));
INSERT INTO "_yoyo_migration" VALUES
    ('6c91', '0001.create-users', '2024-01-05T10:00:00.795838'),
    ('c484', '0002.create-posts', '2024-01-06T10:00:00.800007');"""


def _yoyo_5(_: bool) -> str:
    """The table of yoyo before 6.0."""
    return """
CREATE TABLE "_yoyo_migration" (id VARCHAR(191) NOT NULL PRIMARY KEY,ctime TIMESTAMP);
INSERT INTO "_yoyo_migration" VALUES
    ('0001.create-users', '2024-01-05 10:00:00'), ('0002.create-posts', '2024-01-06 10:00:00');"""


def sqlx(is_postgres: bool, success: str = "true") -> str:
    moment, now, blob = ("TIMESTAMPTZ", "now()", "BYTEA") if is_postgres else ("TIMESTAMP", "CURRENT_TIMESTAMP", "BLOB")
    literal = r"'\x00ff'" if is_postgres else "x'00ff'"
    return f"""
CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on {moment} NOT NULL DEFAULT {now},
    success BOOLEAN NOT NULL,
    checksum {blob} NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES
    (1, 'create users', '2024-01-05 10:00:00', true, {literal}, 100),
    (2, 'create posts', '2024-01-06 10:00:00', {success}, {literal}, 100);"""


def prisma(is_postgres: bool, more: str = "") -> str:
    table = (
        """CREATE TABLE _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
);"""
        if is_postgres
        else """CREATE TABLE "_prisma_migrations" (
    "id"                    TEXT PRIMARY KEY NOT NULL,
    "checksum"              TEXT NOT NULL,
    "finished_at"           DATETIME,
    "migration_name"        TEXT NOT NULL,
    "logs"                  TEXT,
    "rolled_back_at"        DATETIME,
    "started_at"            DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count"   INTEGER UNSIGNED NOT NULL DEFAULT 0
);"""
    )
    first, second = (
        ("'2024-01-05 10:00:00+00'", "'2024-01-06 10:00:00+00'") if is_postgres else ("1704448800000", "1704535200000")
    )
    return f"""{table}
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, rolled_back_at, started_at) VALUES
    ('a', 'aa', {first}, '{TIMES[0]}_{USERS}', NULL, {first}),
    ('b', 'bb', {second}, '{TIMES[1]}_{POSTS}', NULL, {second}){more.format(at=second)};"""


def _refinery(_: bool) -> str:
    return """
CREATE TABLE IF NOT EXISTS refinery_schema_history(
             version INT4 PRIMARY KEY,
             name VARCHAR(255),
             applied_on VARCHAR(255),
             checksum VARCHAR(255));
INSERT INTO refinery_schema_history VALUES
    (1, 'create_users', '2024-01-05T12:00:00.123456789+02:00', '12345678901234567890'),
    (2, 'create_posts', '2024-01-06T10:00:00Z', '12345678901234567891');"""


SQITCH_CHANGES = f"""
    ('e8c7', '7a6b', '{USERS}', 'shop', 'x', '2024-01-05 10:00:00', 'A', 'a@b', '2024-01-04 10:00:00', 'A', 'a@b'),
    ('1b79', '196d', '{POSTS}', 'shop', 'y', '2024-01-06 10:00:00', 'A', 'a@b', '2024-01-04 10:00:00', 'A', 'a@b')"""


def sqitch(is_postgres: bool, changes: str = SQITCH_CHANGES) -> str:
    """The registry: in PostgreSQL a schema; for SQLite it is a file of its own."""
    moment, now, texts = (
        ("TIMESTAMPTZ", "clock_timestamp()", "TEXT[]      NOT NULL DEFAULT '{}'")
        if is_postgres
        else ("DATETIME", "CURRENT_TIMESTAMP", "TEXT        NOT NULL DEFAULT ''")
    )
    schema, head = ("sqitch.", "CREATE SCHEMA sqitch;") if is_postgres else ("", "")
    people = f"""
    note            TEXT        NOT NULL DEFAULT '',
    committed_at    {moment}    NOT NULL DEFAULT {now},
    committer_name  TEXT        NOT NULL,
    committer_email TEXT        NOT NULL,
    planned_at      {moment}    NOT NULL,
    planner_name    TEXT        NOT NULL,
    planner_email   TEXT        NOT NULL,"""
    events = people.replace(
        "DEFAULT '',",
        f"DEFAULT '',\n    requires {texts},\n    conflicts {texts},\n    tags {texts},",
        1,
    )
    return f"""{head}
CREATE TABLE {schema}projects (
    project         TEXT        PRIMARY KEY,
    uri             TEXT            NULL UNIQUE,
    created_at      {moment}    NOT NULL DEFAULT {now},
    creator_name    TEXT        NOT NULL,
    creator_email   TEXT        NOT NULL
);
CREATE TABLE {schema}changes (
    change_id       TEXT        PRIMARY KEY,
    script_hash     TEXT            NULL,
    change          TEXT        NOT NULL,
    project         TEXT        NOT NULL REFERENCES {schema}projects(project) ON UPDATE CASCADE,{people}
    UNIQUE(project, script_hash)
);
CREATE TABLE {schema}events (
    event           TEXT        NOT NULL CONSTRAINT events_event_check CHECK (
        event IN ('deploy', 'revert', 'fail', 'merge')
    ),
    change_id       TEXT        NOT NULL,
    change          TEXT        NOT NULL,
    project         TEXT        NOT NULL REFERENCES {schema}projects(project) ON UPDATE CASCADE,{events}
    PRIMARY KEY (change_id, committed_at)
);
INSERT INTO {schema}projects (project, creator_name, creator_email) VALUES ('shop', 'A', 'a'), ('other', 'A', 'a');
INSERT INTO {schema}changes VALUES {changes};
INSERT INTO {schema}events (event, change_id, change, project, committed_at, committer_name, committer_email,
    planned_at, planner_name, planner_email)
SELECT 'deploy', change_id, change, project, committed_at, 'A', 'a', planned_at, 'A', 'a' FROM {schema}changes;"""


def sqlite_utils(
    _: bool,
    rows: str = f"(1, 'shop', 'm001_{USERS}', '2024-01-05 10:00:00.004221+00:00'), "
    f"(2, 'shop', 'm002_{POSTS}', '2024-01-06 10:00:00.005401+00:00')",
) -> str:
    return f"""
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
INSERT INTO "_sqlite_migrations" VALUES {rows};"""


def _sqlite_migrate(_: bool) -> str:
    """The first releases of sqlite-migrate: no id."""
    return f"""
CREATE TABLE [_sqlite_migrations] (
   [migration_set] TEXT,
   [name] TEXT,
   [applied_at] TEXT,
   PRIMARY KEY ([migration_set], [name])
);
INSERT INTO [_sqlite_migrations] VALUES ('shop', 'm001_{USERS}', '2024-01-05 10:00:00.004221'),
    ('shop', 'm002_{POSTS}', '2024-01-06 10:00:00.005401');"""


OTHERS = (
    Other("dbmate", "schema_migrations", _dbmate, TIMES),
    Other("Rails", "schema_migrations", _rails, TIMES),
    Other("Ecto", "schema_migrations", _ecto, TIMES),
    Other("golang-migrate", "schema_migrations", golang_migrate),
    Other("goose", "goose_db_version", goose),
    Other("Flyway", "flyway_schema_history", flyway),
    Other("yoyo", "_yoyo_migration", yoyo),
    Other("yoyo 5", "_yoyo_migration", _yoyo_5),
    Other("sqlx", "_sqlx_migrations", sqlx),
    Other("Prisma", "_prisma_migrations", prisma, TIMES),
    Other("refinery", "refinery_schema_history", _refinery),
    Other("sqitch", "changes", sqitch),
    Other("sqlite-utils", "_sqlite_migrations", sqlite_utils, is_sqlite_only=True),
    Other("sqlite-migrate", "_sqlite_migrations", _sqlite_migrate, is_sqlite_only=True),
)
