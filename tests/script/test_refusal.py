"""What `refuse` promises: a step's transaction stays sessmig's, and every refusal names its way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessmig.errors import FileError
from sessmig.model import Dialect
from sessmig.script import refuse, split

SQL = Path("0007_case.sql")
NO_TRANSACTION = (
    "Put `-- sessmig: no-transaction` at the file's top; each statement of the file is then a commit of its own."
)


def run(text: str, dialect: Dialect = "postgres", *, no_transaction: bool = False) -> list[str]:
    pieces = refuse(split(text, dialect, SQL), dialect, SQL, no_transaction=no_transaction)
    return [piece.statement for piece in pieces]


def refusal(text: str, dialect: Dialect = "postgres", *, no_transaction: bool = False) -> FileError:
    with pytest.raises(FileError) as refused:
        run(text, dialect, no_transaction=no_transaction)
    assert refused.value.remedy
    return refused.value


def test_only_statements_are_returned() -> None:
    assert run("-- a\n;SELECT 1;\n;\n-- b\nSELECT 2;\n-- c\n") == ["SELECT 1;", "SELECT 2;"]


@pytest.mark.parametrize(
    ("first", "last", "dialect"),
    [
        ("BEGIN", "COMMIT", "postgres"),
        ("begin work", "commit work", "postgres"),
        ("BEGIN TRANSACTION", "END TRANSACTION", "postgres"),
        ("START TRANSACTION", "END", "postgres"),
        ("BEGIN", "COMMIT AND NO CHAIN", "postgres"),
        ("BEGIN", "COMMIT", "sqlite"),
        ("BEGIN IMMEDIATE", "END", "sqlite"),
        ("begin exclusive transaction", "end transaction", "sqlite"),
        ("BEGIN TRANSACTION", "COMMIT TRANSACTION", "sqlite"),
    ],
)
def test_one_begin_and_commit_around_the_file_are_taken_for_the_steps_own(
    first: str, last: str, dialect: Dialect
) -> None:
    assert run(f"-- a\n{first};\n-- b\nSELECT 1;\n{last}\n-- c", dialect) == ["SELECT 1;"]
    assert run(f"{first};{last};", dialect) == []


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
@pytest.mark.parametrize(
    "statement",
    ["BEGIN", "COMMIT", "END", "ROLLBACK", "ROLLBACK TO x", "SAVEPOINT x", "RELEASE x", "BEGIN TRANSACTION"],
)
def test_transaction_control_in_the_middle_is_refused_with_its_line(statement: str, dialect: Dialect) -> None:
    for text in (f"SELECT 1;\n-- x\n{statement};\nSELECT 2;", f"BEGIN; SELECT 1;\n\n{statement};\nSELECT 2; COMMIT;"):
        error = refusal(text, dialect)
        shown = " ".join(statement.upper().split())
        assert error.what == f"{SQL}:3: `{shown}` is transaction control, and the transaction is sessmig's"
        assert error.remedy == "Leave it out: sessmig opens and commits the step's transaction itself."


@pytest.mark.parametrize(
    "statement",
    ["START TRANSACTION", "ABORT", "PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'", "ROLLBACK PREPARED 'x'"],
)
def test_postgres_has_more_of_it(statement: str) -> None:
    assert "is transaction control" in refusal(f"SELECT 1; {statement}; SELECT 2;").reason


def test_an_opening_without_its_commit_is_refused() -> None:
    error = refusal("\nBEGIN IMMEDIATE;\nSELECT 1;", "sqlite")
    assert str(error) == (
        f"{SQL}:2: `BEGIN IMMEDIATE` opens a transaction that the file's last statement does not commit\n"
        "Leave it out: sessmig opens and commits the step's transaction itself."
        " One plain BEGIN as the first statement and one COMMIT as the last are taken for that."
    )
    assert refusal("BEGIN;").line == 1


def test_a_commit_without_its_opening_is_refused() -> None:
    error = refusal("SELECT 1;\nCOMMIT;")
    assert error.what == f"{SQL}:2: `COMMIT` commits a transaction that the file's first statement does not open"


@pytest.mark.parametrize(
    "first", ["BEGIN ISOLATION LEVEL SERIALIZABLE", "START TRANSACTION READ ONLY", "BEGIN READ WRITE"]
)
def test_a_transaction_mode_is_not_dropped_in_silence(first: str) -> None:
    assert "in a mode of its own" in refusal(f"{first}; SELECT 1; COMMIT;").reason


@pytest.mark.parametrize("last", ["ROLLBACK", "COMMIT AND CHAIN", "COMMIT PREPARED 'x'"])
def test_no_other_end_is_taken_for_a_commit(last: str) -> None:
    assert refusal(f"BEGIN; SELECT 1;\n{last};").line == 1


def test_no_transaction_control_is_taken_in_a_no_transaction_file() -> None:
    for dialect in ("sqlite", "postgres"):
        error = refusal("BEGIN;\nVACUUM;\nCOMMIT;", dialect, no_transaction=True)
        assert error.what == f"{SQL}:1: `BEGIN` is transaction control, and the transaction is sessmig's"


ALONE: list[tuple[Dialect, str, str]] = [
    ("postgres", "CREATE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX CONCURRENTLY"),
    ("postgres", "create unique index concurrently if not exists i on t (a)", "CREATE UNIQUE INDEX CONCURRENTLY"),
    ("postgres", "DROP INDEX CONCURRENTLY IF EXISTS i", "DROP INDEX CONCURRENTLY"),
    ("postgres", "REINDEX INDEX CONCURRENTLY i", "REINDEX INDEX CONCURRENTLY"),
    ("postgres", "REINDEX (VERBOSE) TABLE CONCURRENTLY t", "REINDEX TABLE CONCURRENTLY"),
    ("postgres", "REINDEX (VERBOSE, CONCURRENTLY) TABLE t", "REINDEX (CONCURRENTLY)"),
    ("postgres", "REINDEX DATABASE", "REINDEX DATABASE"),
    ("postgres", "REINDEX SCHEMA public", "REINDEX SCHEMA"),
    ("postgres", "REINDEX SYSTEM", "REINDEX SYSTEM"),
    (
        "postgres",
        'ALTER TABLE ONLY public.p DETACH PARTITION "p 1" CONCURRENTLY',
        "ALTER TABLE ONLY PUBLIC.P DETACH PARTITION … CONCURRENTLY",
    ),
    ("postgres", "VACUUM (ANALYZE) t", "VACUUM"),
    ("postgres", "CREATE DATABASE d", "CREATE DATABASE"),
    ("postgres", "DROP DATABASE IF EXISTS d", "DROP DATABASE"),
    ("postgres", "CREATE TABLESPACE s LOCATION '/x'", "CREATE TABLESPACE"),
    ("postgres", "DROP TABLESPACE s", "DROP TABLESPACE"),
    ("postgres", "ALTER SYSTEM SET work_mem = '4MB'", "ALTER SYSTEM"),
    ("postgres", "ALTER DATABASE d SET TABLESPACE s", "ALTER DATABASE D SET TABLESPACE"),
    ("postgres", "CLUSTER", "CLUSTER"),
    ("postgres", "CLUSTER (VERBOSE)", "CLUSTER"),
    ("sqlite", "VACUUM", "VACUUM"),
    ("sqlite", "VACUUM INTO '/x.db'", "VACUUM"),
]


@pytest.mark.parametrize(("dialect", "statement", "shown"), ALONE)
def test_what_cannot_run_in_a_transaction_asks_for_the_directive(dialect: Dialect, statement: str, shown: str) -> None:
    error = refusal(f"SELECT 1;\n{statement};", dialect)
    assert str(error) == f"{SQL}:2: `{shown}` does not run inside a transaction\n{NO_TRANSACTION}"
    assert run(f"{statement};", dialect, no_transaction=True) == [f"{statement};"]


@pytest.mark.parametrize(
    ("dialect", "statement", "shown", "reason"),
    [
        ("sqlite", "ATTACH '/x.db' AS x", "ATTACH", "in which no loss could be seen"),
        ("sqlite", "DETACH DATABASE x", "DETACH", "in which no loss could be seen"),
        ("postgres", "DISCARD ALL", "DISCARD ALL", "would let go of the lock"),
        ("postgres", "CREATE INDEX CONCURRENTLY ON t (a)", "CREATE INDEX CONCURRENTLY", "without a name"),
        ("postgres", "create unique index concurrently on t (a)", "CREATE INDEX CONCURRENTLY", "without a name"),
    ],
)
def test_what_no_file_may_hold_is_refused_outside_transactions_too(
    dialect: Dialect, statement: str, shown: str, reason: str
) -> None:
    for no_transaction in (False, True):
        error = refusal(f"SELECT 1;\n{statement};", dialect, no_transaction=no_transaction)
        assert error.line == 2
        assert error.reason.startswith(f"`{shown}` ")
        assert reason in error.reason


@pytest.mark.parametrize(
    ("dialect", "statement"),
    [
        ("postgres", "CREATE INDEX i ON t (a)"),
        ("postgres", 'DROP INDEX "CONCURRENTLY"'),
        ("postgres", "REFRESH MATERIALIZED VIEW CONCURRENTLY v"),
        ("postgres", "REINDEX TABLE t"),
        ("postgres", "REINDEX (CONCURRENTLY false) TABLE t"),
        ("postgres", "ALTER TABLE p DETACH PARTITION p1"),
        ("postgres", "CLUSTER t USING i"),
        ("postgres", "ALTER TYPE x ADD VALUE 'concurrently'"),
        ("postgres", "ALTER DATABASE d SET work_mem = '4MB'"),
        ("postgres", "DISCARD TEMP"),
        ("postgres", "DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1"),
        ("postgres", "SELECT pg_advisory_xact_lock(1)"),
        ("postgres", "SELECT 'pg_advisory_lock(1)' /* pg_advisory_lock(1) */"),
        ("postgres", "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_lock(1)'"),
        ("postgres", "SET CONSTRAINTS ALL DEFERRED"),
        ("postgres", "SET SESSION AUTHORIZATION x"),
        ("postgres", "SET client_encoding = 'utf-8'"),
        ("postgres", "SET NAMES UTF8"),
        ("postgres", "SET standard_conforming_strings = on"),
        ("postgres", "DO $$ BEGIN COMMIT; END $$"),
        ("postgres", "SELECT 'BEGIN; COMMIT;'"),
        ("sqlite", "REINDEX t"),
        ("sqlite", "CREATE TABLE begin_log (begin INT)"),
        ("sqlite", "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END"),
        ("sqlite", "PRAGMA foreign_keys"),
        ("sqlite", "PRAGMA main.foreign_key_check(t)"),
        ("sqlite", "PRAGMA defer_foreign_keys = ON"),
        ("sqlite", "PRAGMA user_version = 7"),
        ("sqlite", "PRAGMA legacy_alter_table = ON"),
        ("sqlite", "PRAGMA journal_mode"),
    ],
)
def test_what_a_step_can_hold_is_let_through(dialect: Dialect, statement: str) -> None:
    assert run(f"{statement};\nSELECT 1;", dialect) == [f"{statement};", "SELECT 1;"]


@pytest.mark.parametrize(
    "statement",
    [
        "PRAGMA foreign_keys = OFF",
        "pragma FOREIGN_KEYS=on",
        "PRAGMA main.foreign_keys = 0",
        "PRAGMA foreign_keys(0)",
        'PRAGMA "foreign_keys" = 0',
        "PRAGMA /* x */ [main] . `foreign_keys` = 'off'",
    ],
)
def test_switching_foreign_keys_asks_for_its_directive(statement: str) -> None:
    for no_transaction in (False, True):
        error = refusal(f"SELECT 1;\n{statement};", "sqlite", no_transaction=no_transaction)
        assert str(error) == (
            f"{SQL}:2: `PRAGMA foreign_keys` does nothing inside a transaction\n"
            "Leave it out: sessmig has foreign_keys ON. Where the step needs them off, put"
            " `-- sessmig: foreign-keys-off` at the file's top."
        )


@pytest.mark.parametrize(
    "statement",
    ["PRAGMA journal_mode = WAL", "PRAGMA synchronous(OFF)", "PRAGMA page_size=8192", "PRAGMA wal_checkpoint"],
)
def test_a_pragma_that_works_only_outside_asks_for_no_transaction(statement: str) -> None:
    assert refusal(f"{statement};", "sqlite").remedy == NO_TRANSACTION
    assert run(f"{statement};", "sqlite", no_transaction=True) == [f"{statement};"]


# SQLite takes the beginning of a word for the word.
@pytest.mark.parametrize("value", [" = OFF", "(off)", "=o", " = 'of'", ' = "MEMORY"', "(m)", " = [off]", "=/**/ OFF"])
@pytest.mark.parametrize("name", ["journal_mode", "main.journal_mode", '"JOURNAL_MODE"'])
def test_a_journal_that_no_rollback_can_use_is_refused_everywhere(name: str, value: str) -> None:
    for no_transaction in (False, True):
        error = refusal(f"SELECT 1;\nPRAGMA {name}{value};", "sqlite", no_transaction=no_transaction)
        assert str(error) == (
            f"{SQL}:2: `PRAGMA journal_mode` without a journal on the disk: "
            "a step that fails or is killed destroys the database\n"
            "Leave it out; DELETE, TRUNCATE, PERSIST and WAL have one."
        )


@pytest.mark.parametrize("value", [" = WAL", "(delete)", "='Truncate'", '= "persist"'])
def test_a_journal_on_the_disk_may_be_chosen_outside_transactions(value: str) -> None:
    statement = f"PRAGMA journal_mode{value};"
    assert run(statement, "sqlite", no_transaction=True) == [statement]


@pytest.mark.parametrize(
    "name", ["query_only", "writable_schema", "schema_version", "recursive_triggers", "locking_mode"]
)
def test_a_pragma_that_blinds_sessmig_is_refused_everywhere(name: str) -> None:
    for no_transaction in (False, True):
        assert f"`PRAGMA {name}`" in refusal(f"PRAGMA {name} = 1;", "sqlite", no_transaction=no_transaction).reason


_OUTLIVES = "outlives the step's transaction: behind a pooler the next client would have it"
_ITS_OWN = "Leave it out: each step is a transaction of its own, READ COMMITTED and READ WRITE."
BEYOND = [
    ("PREPARE q AS SELECT 1", "PREPARE", _OUTLIVES, "Write the statement out, or put EXECUTE … USING into a DO block."),
    ("LISTEN x", "LISTEN", _OUTLIVES, "Leave it out: whoever wants the messages listens on its own connection."),
    (
        'DECLARE "c" NO SCROLL CURSOR WITH HOLD FOR SELECT 1',
        "DECLARE … WITH HOLD",
        _OUTLIVES,
        "Leave WITH HOLD out: within the file the cursor serves without it.",
    ),
    (
        "SELECT pg_catalog.pg_try_advisory_lock_shared (1)",
        "pg_try_advisory_lock",
        _OUTLIVES,
        "Take pg_try_advisory_xact_lock, which ends with the transaction.",
    ),
    (
        "DO $$ BEGIN PERFORM pg_advisory_lock(1); END $$",
        "pg_advisory_lock",
        _OUTLIVES,
        "Take pg_advisory_xact_lock, which ends with the transaction.",
    ),
    (
        "SET LOCAL transaction_read_only = on",
        "SET TRANSACTION",
        "changes the transaction, which is sessmig's",
        _ITS_OWN,
    ),
    ("SET TRANSACTION READ ONLY", "SET TRANSACTION", "changes the transaction, which is sessmig's", _ITS_OWN),
    (
        "set session characteristics as transaction read only",
        "SET SESSION CHARACTERISTICS",
        "changes the transactions that come, which are sessmig's or another client's",
        _ITS_OWN,
    ),
    (
        "SET SESSION client_encoding TO SQL_ASCII",
        "SET client_encoding",
        "says that the file is not UTF-8, and it is",
        "Leave it out: sessmig sends UTF-8.",
    ),
    (
        "SET NAMES 'LATIN1'",
        "SET NAMES",
        "says that the file is not UTF-8, and it is",
        "Leave it out: sessmig sends UTF-8.",
    ),
]


@pytest.mark.parametrize(("statement", "shown", "reason", "remedy"), BEYOND)
def test_what_reaches_beyond_the_step_is_refused_everywhere(
    statement: str, shown: str, reason: str, remedy: str
) -> None:
    for no_transaction in (False, True):
        error = refusal(f"SELECT 1;\n{statement};", no_transaction=no_transaction)
        assert str(error) == f"{SQL}:2: `{shown}` {reason}\n{remedy}"


def test_a_byte_order_mark_left_by_joining_files_hides_nothing() -> None:
    assert refusal("SELECT 1;\n\ufeffCOMMIT;\nSELECT 2;", "sqlite").line == 2


def test_the_first_refusal_of_a_file_is_the_one_that_is_named() -> None:
    assert refusal("VACUUM;\nCOMMIT;\nSELECT 1;").line == 1


def test_a_long_file_of_rows_costs_next_to_nothing() -> None:
    assert len(run("INSERT INTO t VALUES (1);\n" * 20_000)) == 20_000


@pytest.mark.parametrize(
    "statement", ["PRAGMA case_sensitive_like = ON", "PRAGMA temp_store_directory('/x')", "PRAGMA hard_heap_limit = 1"]
)
def test_a_pragma_that_is_not_known_to_be_sound_may_not_be_given_a_value(statement: str) -> None:
    name = statement.split()[1].partition("(")[0]
    for no_transaction in (False, True):
        assert f"`PRAGMA {name}`" in refusal(f"{statement};", "sqlite", no_transaction=no_transaction).reason
    assert run(f"PRAGMA {name};", "sqlite") == [f"PRAGMA {name};"]
