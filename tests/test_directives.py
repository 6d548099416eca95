"""Directives, descriptions, and what is refused while files are read: before any lock and any write."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import FileError, LockError, PendingError, ensure_migrations
from sessmig.databases import connect
from sessmig.files import checksum
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import is_postgres, state

A = "CREATE TABLE a (x INTEGER);\n"
KNOWN = (
    "Known are: may-lose, no-transaction, foreign-keys-off, wait, irreversible, batch, run-each-row, idempotent, allow."
)
MISPLACED = "Give it a line of its own, above the statement."

Opened = Callable[[str], Probe]


def refusal(url: str, folder: Path) -> str:
    with pytest.raises(FileError) as refused:
        ensure_migrations(url, folder)
    return str(refused.value).replace(f"{folder}/", "")


def description(url: str, folder: Path) -> str:
    return ensure_migrations(url, folder).steps[0].description


@pytest.mark.parametrize("word", ["may_lose", "maylose", "notransaction", "", "Irreversible", "irreversible:"])
def test_an_unknown_directive_is_refused(word: str, sqlite_url: str, migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": f"{A}-- sessmig: {word} x\n"})
    word = word or "x"
    assert refusal(sqlite_url, folder) == f"0001_a.sql:2: unknown directive: sessmig: {word}\n{KNOWN}"


@pytest.mark.parametrize(
    "written", ["--sessmig: nonsense", "-- Sessmig: nonsense", "--- SESSMIG :nonsense", "\t--\tsessmig:nonsense"]
)
def test_a_directive_that_is_nearly_well_written_is_none_the_less_one(
    written: str, sqlite_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations({"0001_a.sql": f"{written}\n{A}"})
    assert refusal(sqlite_url, folder) == f"0001_a.sql:1: unknown directive: sessmig: nonsense\n{KNOWN}"


@pytest.mark.parametrize(
    "text",
    [
        "/* -- sessmig: nonsense */\n" + A,
        "/*\n-- sessmig: nonsense\n*/" + A,
        "CREATE TABLE a (x TEXT DEFAULT '\n-- sessmig: nonsense\n');",
        "-- sessmig does as it should\n" + A,
        "-- See sessmig: nonsense\n" + A,
    ],
)
def test_a_block_comment_a_text_and_a_remark_hold_no_directive(
    text: str, database_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    ensure_migrations(database_url, migrations({"0001_a.sql": text}))
    assert "a" in probe(database_url).tables()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("CREATE TABLE a (\n-- sessmig: irreversible for this\nx INTEGER);", 2),
        ("CREATE TABLE a ( -- sessmig: irreversible for this\nx INTEGER);", 1),
        ("CREATE TABLE a (x INTEGER); -- sessmig: irreversible for this", 1),
        ("CREATE TABLE a (x INTEGER); -- sessmig: irreversible for this\nCREATE TABLE b (x INTEGER);", 1),
        ("CREATE TABLE a (x INTEGER)\n-- sessmig: irreversible for this\n", 2),
        ("/* x */ -- sessmig: irreversible for this\n" + A, 1),
    ],
)
def test_a_directive_inside_a_statement_or_behind_one_is_refused(
    text: str, line: int, database_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    assert refusal(database_url, migrations({"0001_a.sql": text})) == (
        f"0001_a.sql:{line}: a directive inside a statement, or behind one: sessmig: irreversible\n{MISPLACED}"
    )
    assert probe(database_url).tables() == set()


def test_a_directive_for_the_file_stands_above_its_first_statement(
    sqlite_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations({"0001_a.sql": f"{A}-- sessmig: irreversible for this\n"})
    assert refusal(sqlite_url, folder) == (
        "0001_a.sql:2: directive irreversible stands below the first statement\n"
        "It speaks of the whole file: move it to the top."
    )
    migrations({"0001_a.sql": "BEGIN;\n-- sessmig: may-lose a\n" + A + "COMMIT;"})
    assert "0001_a.sql:2: directive may-lose stands below the first statement\n" in refusal(sqlite_url, folder)


def test_a_directive_given_twice_is_refused(sqlite_url: str, migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": "-- sessmig: irreversible a\n-- sessmig: irreversible b\n" + A})
    assert refusal(sqlite_url, folder) == "0001_a.sql:2: directive given twice: irreversible\nLeave one of them."


def test_irreversible_needs_a_reason_and_no_rollback_file(sqlite_url: str, migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": "-- sessmig: irreversible\n" + A})
    assert refusal(sqlite_url, folder) == (
        "0001_a.sql:1: irreversible needs a reason\nWrite -- sessmig: irreversible REASON."
    )
    migrations({"0001_a.sql": "-- sessmig: irreversible rows go\n" + A, "0001_a.rollback.sql": "DROP TABLE a;"})
    assert refusal(sqlite_url, folder) == (
        "0001_a.sql:1: irreversible, yet there is 0001_a.rollback.sql\nTake one of them away."
    )


def test_a_directive_in_a_verify_file_is_refused(sqlite_url: str, migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": A, "0001_a.rollback.sql": "DROP TABLE a;"})
    for name in ("0001_a.verify.sql", "0001_a.rollback.verify.sql"):
        for text in ("-- sessmig: may-lose a", "-- check: x\nSELECT 1\n-- sessmig: may-lose a\nWHERE false;"):
            migrations({name: text})
            assert refusal(sqlite_url, folder) == (
                f"{name}:{text.count(chr(10), 0, text.index('sessmig')) + 1}: a directive in a verify file\n"
                "Directives stand in the migration or rollback file; only allow may stand here too."
            )
        migrations({name: ""})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-- Merge the users\n-- and more\n", "Merge the users"),
        ("\n\n--\n-- ====\n--   Merge -- the users;  \n", "Merge -- the users;"),
        ("-- sessmig: irreversible for this\n-- Merge the users\n", "Merge the users"),
        ("/* not this */\n-- Merge the users\n", "Merge the users"),
        ("/* not this */ -- nor this\n", "the name"),
        ("SELECT 1;\n-- too late\n", "the name"),
        ("SELECT 1; -- too late\n", "the name"),
        ("", "the name"),
    ],
)
def test_the_first_comment_line_that_is_no_directive_is_the_description(
    text: str, told: str, database_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    assert description(database_url, migrations({"0001_the_name.sql": text})) == told
    assert probe(database_url).rows("SELECT description FROM schema_migrations") == [(told,)]


def test_one_begin_and_commit_around_a_file_are_taken_for_the_steps_own(
    database_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    folder = migrations(
        {
            "0001_a.sql": f"-- Tables\nBEGIN;\n{A}COMMIT;\n",
            "0002_b.sql": "BEGIN;\nINSERT INTO a VALUES (1);\nINSERT INTO nowhere VALUES (1);\nCOMMIT;\n",
        }
    )
    with pytest.raises(Exception, match="nowhere"):
        ensure_migrations(database_url, folder)
    database = probe(database_url)
    assert database.rows("SELECT x FROM a") == []
    assert database.rows("SELECT version, description FROM schema_migrations") == [(1, "Tables")]


REFUSED = {
    "control": (
        "SELECT 1;\nCOMMIT;\nSELECT 2;",
        2,
        "`COMMIT` is transaction control, and the transaction is sessmig's",
    ),
    "copy": ("\nCOPY a FROM STDIN;\n1\n\\.\n", 2, "COPY … FROM STDIN reads rows that a migration cannot send"),
    "psql": ("-- x\n\\d a\n", 2, "`\\d` is not SQL; commands with a backslash are known to psql alone"),
    "vacuum": ("\n\nVACUUM;", 3, "`VACUUM` does not run inside a transaction"),
    "quote": ("SELECT 'open", 1, "the quote ' that opens here is never closed"),
}


@pytest.mark.parametrize(("text", "line", "reason"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("place", ["0002_b.sql", "0001_a.rollback.sql", "0009_beyond.sql", "0009_beyond.rollback.sql"])
def test_whatever_is_not_applied_is_read_whole_before_anything_is_touched(
    place: str,
    text: str,
    line: int,
    reason: str,
    database_url: str,
    probe: Opened,
    cli: Cli,
    migrations: WriteMigrations,
) -> None:
    folder = migrations({"0001_a.sql": A, "0005_c.sql": A, "0009_beyond.sql": "", place: text})
    done = cli("migrate", "-d", database_url, "--dir", folder, "--to", "5")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{folder / place}:{line}: {reason}\n")
    assert probe(database_url).tables() == set()
    if not is_postgres(database_url):
        assert not Path(database_url.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize("place", ["0001_a.verify.sql", "0001_a.rollback.verify.sql", "0009_beyond.verify.sql"])
def test_verify_files_too_are_read_before_anything_is_touched(
    place: str, database_url: str, probe: Opened, cli: Cli, migrations: WriteMigrations
) -> None:
    folder = migrations(
        {
            "0001_a.sql": A,
            "0001_a.rollback.sql": "DROP TABLE a;",
            "0009_beyond.sql": "",
            place: "\n-- chek: x\nSELECT 1;",
        }
    )
    for options in ([], ["--to", "1"], ["--only", "1"], ["--dry-run"]):
        done = cli("migrate", "-d", database_url, "--dir", folder, *options)
        assert done.returncode == 1
        assert done.stderr.startswith(f"{folder / place}:2: unknown word: chek:\n")
        assert probe(database_url).tables() == set()


def test_concurrently_is_refused_with_the_way_out(
    postgres_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    folder = migrations({"0001_a.sql": A, "0002_i.sql": "-- x\nCREATE INDEX\n  CONCURRENTLY i ON a (x);"})
    assert refusal(postgres_url, folder) == (
        "0002_i.sql:2: `CREATE INDEX CONCURRENTLY` does not run inside a transaction\n"
        "Put `-- sessmig: no-transaction` at the file's top; each statement of the file is then a commit of its own."
    )
    assert probe(postgres_url).tables() == set()


def test_files_are_judged_before_the_lock_is_asked_for(
    database_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    probe(database_url).execute("CREATE TABLE mine (x INTEGER)")
    folder = migrations({"0001_a.sql": A})
    before = state(probe(database_url))
    with connect(database_url) as other, other.transaction("schema_migrations", wait=0, on_wait=print):
        with pytest.raises(LockError):  # so the lock is held
            ensure_migrations(database_url, folder, lock_wait=0)
        with pytest.raises(PendingError):
            ensure_migrations(database_url, folder, lock_wait=0, pending="error")
        migrations({"0002_b.sql": "COMMIT; SELECT 1;"})
        assert "`COMMIT` is transaction control" in refusal(database_url, folder)
    assert state(probe(database_url)) == before


def test_an_applied_file_is_only_hashed(database_url: str, probe: Opened, migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": A})
    ensure_migrations(database_url, folder)
    # As if an older sessmig had taken this text for a migration.
    text = "COMMIT; -- sessmig: nonsense\nSELECT 'open\0\xff"
    migrations({"0001_a.sql": text, "0001_a.verify.sql": "nonsense 'open", "0001_a.rollback.sql": "\\d"})
    probe(database_url).execute(f"UPDATE schema_migrations SET checksum = '{checksum(text.encode())}'")
    assert ensure_migrations(database_url, folder).applied == 0
    migrations({"0002_b.sql": "CREATE TABLE b (x INTEGER);"})
    assert ensure_migrations(database_url, folder).applied == 1


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("/* sessmig: no-transaction */\nSELECT 1;", 1, "a directive in a block comment: sessmig: no-transaction"),
        ("SELECT 1;\n/*\n * Sessmig : irreversible x\n */", 2, "a directive in a block comment: sessmig: irreversible"),
        ("SELECT 1 /* sessmig: may-lose t */;", 1, "a directive in a block comment: sessmig: may-lose"),
        ("/* sesmig: may-lose t */\nSELECT 1;", 1, "almost a directive: /* sesmig: may-lose t"),
    ],
)
def test_a_directive_in_a_block_comment_is_not_overlooked(
    text: str, line: int, told: str, database_url: str, migrations: WriteMigrations
) -> None:
    assert refusal(database_url, migrations({"0001_a.sql": text})).startswith(f"0001_a.sql:{line}: {told}\n")


def test_of_a_line_that_nobody_can_read_only_the_beginning_is_the_description(
    sqlite_url: str, migrations: WriteMigrations
) -> None:
    told = description(sqlite_url, migrations({"0001_a.sql": f"-- {'word ' * 10_000}\nCREATE TABLE a (x INTEGER);\n"}))
    assert (len(told), told[:10], told[-4:]) == (300, "word word ", " ...")


@pytest.mark.parametrize("remark", ["/* Note: this */", "/* Written by sessmig: no */", "/*sessmig*/", "/* ---- */"])
def test_any_other_block_comment_is_a_remark_and_no_description(
    remark: str, database_url: str, migrations: WriteMigrations
) -> None:
    text = f"{remark}\n-- Makes a\nSELECT 1 {remark};\n"
    assert description(database_url, migrations({"0001_a.sql": text})) == "Makes a"
