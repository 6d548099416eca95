"""What is run and what is refused: --to, --only, late, ahead, missing and changed files, and `resign`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import log, migrate

FILES = {f"000{n}_t{n}.sql": f"-- Table {n}\nCREATE TABLE t{n} (x INTEGER);\n" for n in (1, 2, 3)}


def _applied(probe: Probe) -> list[int]:
    return [version for (version,) in probe.rows("SELECT version FROM schema_migrations ORDER BY version")]


def test_to_goes_so_far_and_no_further(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    done = cli("migrate", "--to", "2", "-d", database_url, "--dir", migrations(FILES))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].endswith("1 still pending (0003_t3)")
    assert _applied(probe(database_url)) == [1, 2]


def test_only_runs_one_and_makes_the_lower_ones_late(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = migrations(FILES)
    arguments = ("-d", database_url, "--dir", folder)
    assert cli("migrate", "--only", "2", *arguments).returncode == 0
    assert _applied(probe(database_url)) == [2]
    done = cli("migrate", *arguments)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        "1 problem in the plan:\n"
        f"late: {folder / '0001_t1.sql'}: not applied, but 2 t2 above it is\n"
        "    -> Give it a higher version, or run it out of order with --allow-late\n"
        "Nothing was touched.\n"
    )
    assert _applied(probe(database_url)) == [2]
    assert cli("migrate", "--allow-late", *arguments).returncode == 0
    assert _applied(probe(database_url)) == [1, 2, 3]


@pytest.mark.parametrize("option", ["--to", "--only"])
def test_a_version_without_a_file_is_refused(
    option: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    done = cli("migrate", option, "9", "-d", database_url, "--dir", migrations(FILES))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (f"{option[2:]} 9: there is no migration of this version\nThe last are: 0001, 0002, 0003.\n")
    assert probe(database_url).tables() == set()


def test_an_applied_migration_of_only_is_nothing_to_do(
    database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    done = cli("migrate", "--only", "2", "-d", database_url, "--dir", folder)
    assert (done.returncode, "nothing to do: 0002_t2 is applied already, none pending" in done.stdout) == (0, True)


def test_every_problem_is_told_at_once(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = migrations({**FILES, "0005_t5.sql": "", "0009_t9.sql": "SELECT 'é';\n"})
    migrate(database_url, folder)
    before = probe(database_url).snapshot(exclude=())
    (folder / "0002_t2.sql").unlink()
    (folder / "0009_t9.sql").unlink()
    migrations({"0001_t1.sql": "-- Table 1\nCREATE TABLE t1 (x INTEGER, y TEXT);\n", "0004_t4.sql": "SELECT 4;\n"})
    done = cli("migrate", "-d", database_url, "--dir", folder)
    assert (done.returncode, done.stdout) == (4, "")
    lines = done.stderr.splitlines()
    assert lines[0] == "4 problems in the plan:"
    assert [line.split(":")[0] for line in lines if not line.startswith(" ")] == [
        *("4 problems in the plan", "changed", "missing", "late", "ahead", "Nothing was touched.")
    ]
    at = next(n for n, line in enumerate(lines) if line.startswith("changed: "))
    assert lines[at + 1 : at + 7] == [
        "    @@ -1,2 +1,2 @@",
        "     -- Table 1",
        "    -CREATE TABLE t1 (x INTEGER);",
        "    +CREATE TABLE t1 (x INTEGER, y TEXT);",
        "    -> Put the file back and write a new migration; or take it as it is now, without running it: "
        f"sessmig resign -d {database_url} --dir {folder} 1",
        lines[at + 6],
    ]
    assert "    -> Put the file back (git log --diff-filter=D finds it)" in lines
    assert any(line.endswith("accept it with --ahead ok") for line in lines)
    assert probe(database_url).snapshot(exclude=()) == before


def test_a_database_that_is_ahead_is_accepted_if_told_so(
    database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    (folder / "0003_t3.sql").unlink()
    arguments = ("migrate", "-d", database_url, "--dir", folder)
    assert cli(*arguments).returncode == 4
    assert cli(*arguments, "--ahead", "ok").returncode == 0


def test_a_changed_file_whose_text_is_not_known_shows_both_checksums(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = migrations({"1_a.sql": "SELECT 'password';\n"})
    migrate(database_url, folder)
    (then,) = probe(database_url).rows("SELECT checksum FROM schema_migrations")[0]
    migrations({"1_a.sql": "SELECT 'passwords';\n"})
    done = cli("migrate", "-d", database_url, "--dir", folder)
    assert done.returncode == 4
    assert f"(checksum {then[:12]} then, " in done.stderr
    assert "@@" not in done.stderr


def test_crlf_and_a_bom_saved_over_an_applied_file_are_no_change(
    database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    migrations({name: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() for name, text in FILES.items()})
    assert cli("status", "--check", "-d", database_url, "--dir", folder).returncode == 0
    assert cli("migrate", "-d", database_url, "--dir", folder).returncode == 0


def _changed(url: str, migrations: WriteMigrations) -> Path:
    folder = migrations(FILES)
    migrate(url, folder)
    return migrations({"0001_t1.sql": "-- Table one\nCREATE TABLE t1 (x INTEGER);\n"})


def test_resign_takes_the_file_as_it_is_and_shows_and_logs_the_difference(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = _changed(database_url, migrations)
    done = cli("resign", "1", "-d", database_url, "--dir", folder)
    assert (done.returncode, done.stderr) == (0, "")
    checksum = probe(database_url).value("SELECT checksum FROM schema_migrations WHERE version = 1")
    difference = "@@ -1,2 +1,2 @@\n--- Table 1\n+-- Table one\n CREATE TABLE t1 (x INTEGER);"
    assert (
        done.stdout
        == f"0001_t1: taken as it is now ({checksum[:12]}), and logged; nothing of it was run\n{difference}\n"
    )
    version, action, outcome, detail = log(probe(database_url))[-1]
    assert (version, action, outcome) == (1, "resign", "success")
    assert (detail["checksum"], detail["difference"]) == (checksum, difference)
    assert detail["checksum_before"] != checksum
    assert cli("status", "--check", "-d", database_url, "--dir", folder).returncode == 0


def test_what_was_resigned_is_what_a_later_change_is_compared_with(
    database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = _changed(database_url, migrations)
    assert cli("resign", "1", "-d", database_url, "--dir", folder).returncode == 0
    migrations({"0001_t1.sql": "-- Table uno\nCREATE TABLE t1 (x INTEGER);\n"})
    done = cli("migrate", "-d", database_url, "--dir", folder)
    assert "    --- Table one\n    +-- Table uno\n" in done.stderr


def test_a_file_that_was_renamed_can_be_resigned(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    (folder / "0001_t1.sql").rename(folder / "0001_first.sql")
    arguments = ("-d", database_url, "--dir", folder)
    assert cli("status", "--check", *arguments).returncode == 4
    assert cli("resign", "1", *arguments).returncode == 0
    assert probe(database_url).value("SELECT migration_id FROM schema_migrations WHERE version = 1") == "first"
    assert cli("status", "--check", *arguments).returncode == 0


@pytest.mark.parametrize(
    ("version", "words"),
    [("7", "there is no file of this version"), ("4", "0004_t4 is not applied"), ("2", "is as it was applied")],
)
def test_resign_refuses_what_there_is_nothing_to_sign_of(
    version: str, words: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = _changed(database_url, migrations)
    migrations({"0004_t4.sql": ""})
    before = probe(database_url).snapshot(exclude=())
    done = cli("resign", version, "-d", database_url, "--dir", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"resign {version}: " in done.stderr
    assert words in done.stderr
    assert probe(database_url).snapshot(exclude=()) == before


def test_a_resigned_text_that_speaks_of_passwords_is_not_kept(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = _changed(database_url, migrations)
    migrations({"0001_t1.sql": "-- password hunter2\nCREATE TABLE t1 (x INTEGER);\n"})
    assert cli("resign", "1", "-d", database_url, "--dir", folder).returncode == 0
    assert "hunter2" not in str(log(probe(database_url)))
