"""The command line: its exit codes, its JSON, what goes where, and what it says to nonsense."""

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sessmig import __version__
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import is_postgres

COMMANDS = ("migrate", "status", "verify", "rollback", "log", "resign", "lint", "baseline", "adopt", "new")
FILES = {
    "1_a.sql": "-- A table\nCREATE TABLE a (x INTEGER);\nINSERT INTO a VALUES (1), (2);\n",
    "1_a.verify.sql": "-- measure: n\nSELECT count(*) FROM a;\n-- check: small\nSELECT x FROM a WHERE x > 5;\n"
    "-- warn: odd\nSELECT x FROM a WHERE x = 1;\n",
}


def test_status_check_ends_with_6_then_0_then_4(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES)
    arguments = ("-d", database_url, "--dir", folder)
    assert cli("status", *arguments).returncode == 0
    assert cli("status", "--check", *arguments).returncode == 6
    assert cli("migrate", *arguments).returncode == 0
    assert cli("status", "--check", *arguments).returncode == 0
    migrations({"1_a.sql": "SELECT 2;\n", "2_b.sql": ""})
    done = cli("status", "--check", *arguments)
    assert (done.returncode, done.stderr) == (4, "")
    assert "1 pending, 1 problem" in done.stdout
    assert cli("status", *arguments).returncode == 0


def test_verify_ends_with_3_when_a_check_no_longer_holds(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = migrations(FILES)
    arguments = ("-d", database_url, "--dir", folder)
    assert cli("migrate", *arguments).returncode == 0
    done = cli("verify", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "verified: 1 of 1 check held, 1 warning"
    probe(database_url).execute("INSERT INTO a VALUES (6), (7)")
    before = probe(database_url).snapshot(exclude=())
    done = cli("verify", *arguments)
    assert (done.returncode, done.stderr) == (3, "")
    assert "small: found 2 rows" in done.stdout
    assert done.stdout.splitlines()[-1] == "VERIFICATION FAILED: 0 of 1 check held, 1 warning"
    assert probe(database_url).snapshot(exclude=()) == before


def test_verify_quality_shows_the_rows_of_warnings(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    arguments = ("-d", database_url, "--dir", migrations(FILES))
    assert cli("migrate", *arguments).returncode == 0
    plain, full = (
        cli("verify", *arguments).stdout.splitlines(),
        cli("verify", "--quality", *arguments).stdout.splitlines(),
    )
    assert [line.strip() for line in full if line not in plain] == ["x", "1"]


def test_verify_of_a_database_without_ledger_has_nothing_to_verify(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    probe(database_url).execute("CREATE TABLE t (x INTEGER)")
    done = cli("verify", "-d", database_url, "--dir", migrations(FILES))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "verified: 0 migrations applied, none with a verify file",
    )
    assert probe(database_url).tables() == {"t"}


def test_the_json_of_each_command_has_its_keys(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES)
    arguments = ("--json", "-d", database_url, "--dir", folder)

    def told(*command: str) -> dict[str, Any]:
        done = cli(*command, *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    run = ["action", "series", "database", "steps", "standing", "pending", "duration_ms", "idle", "backup", "held"]
    run += ["unpreviewed", "why_unpreviewed", "half_done"]
    assert list(told("migrate", "--dry-run")) == run
    report = told("migrate")
    assert list(report) == run
    (step,) = report["steps"]
    assert list(step) == [
        *("version", "label", "name", "description", "path", "outcome", "started_at", "duration_ms"),
        *("statements", "measurements", "checks", "merges", "effects", "losses", "allowed", "notices", "error"),
        "is_half_done",
    ]
    assert (step["outcome"], step["measurements"]) == ("applied", [{"name": "n", "value": 2, "before": False}])
    assert list(told("verify")) == run
    state = told("status")
    keys = ["series", "database", "standings", "problems", "is_missing"]
    assert list(state) == [*keys, "applied", "baseline", "half_done", "pending", "held", "states", "exit_code"]
    assert [(s["version"], s["state"]) for s in state["standings"]] == [(1, "applied")]
    migrations({"1_a.sql": FILES["1_a.sql"] + "\n"})
    assert [p["kind"] for p in told("status")["problems"]] == ["changed"]
    assert list(told("resign", "1")) == ["migration", "checksum", "difference"]
    assert told("new", "more_of_it")["files"][0].endswith("_more_of_it.sql")


@pytest.mark.parametrize(
    ("files", "code", "kind"),
    [
        ({"1_a.sql": "SELECT nix;\n"}, 1, "StepError"),
        ({**FILES, "1_a.sql": "CREATE TABLE a AS SELECT 9 AS x;\n"}, 3, "CheckError"),
        ({"1_a.sql": "'"}, 1, "FileError"),
        ({"a.sql": ""}, 1, "FileError"),
        ({"readme.txt": ""}, 2, "UsageError"),
    ],
)
def test_an_error_is_told_in_json_too_and_in_words_on_stderr(
    files: dict[str, str], code: int, kind: str, database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    done = cli("migrate", "--json", "-d", database_url, "--dir", migrations(files))
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["exit_code"], error["kind"]) == (code, code, kind)
    assert done.stderr == "".join(f"{error[part]}\n" for part in ("what", "holds", "remedy") if error[part])


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str, cli: Cli) -> None:
    done = cli(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: sessmig {command} [OPTIONS]")
    for option in ("--database", "--db", "--dir", "--series", "--table", "--json"):
        assert option in done.stdout


def test_the_program_lists_its_commands_and_its_version(cli: Cli) -> None:
    assert all(command in cli("--help").stdout for command in COMMANDS)
    assert __version__ in cli("--version").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["migrate", "--nonsense"], "No such option"),
        (["nonsense"], "No such command"),
        (["migrate", "--to", "x"], "not a valid integer"),
        (["migrate", "--to", "1", "--only", "1"], "both --to and --only are given"),
        (["migrate", "-d", "a.db", "--db", "b.db"], "both --database and --db are given"),
        (["migrate", "-d", ""], "the database has no name"),
        (["migrate", "-d", "mysql://x/y"], "not a database URL: mysql://x/y"),
        (["migrate", "-d", "a.db", "--dir", "nowhere"], "nowhere: no such folder"),
        (["migrate"], "no database is given"),
        (["migrate", "--lock-wait", "-1", "-d", "a.db"], "-1"),
        (["migrate", "--lock-wait", "nan", "-d", "a.db"], "nan"),
        (["migrate", "--ahead", "maybe", "-d", "a.db"], "maybe"),
        (["resign", "-d", "a.db"], "Missing argument"),
        (["resign", "99999999999999999999999", "-d", "a.db", "--dir", "sql/shop"], "there is no file of this version"),
        (["migrate", "-d", "a.db", "--dir", "sql/shop", "--to", "99999999999999999999"], "there is no migration"),
    ],
)
def test_what_is_not_understood_ends_with_2_and_touches_nothing(
    arguments: list[str], words: str, migrations: WriteMigrations, cli: Cli, tmp_path: Path
) -> None:
    migrations(FILES)
    done = cli(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sql"]


@pytest.mark.parametrize("command", ["migrate", "status", "verify"])
def test_a_folder_in_place_of_the_database_is_told(
    command: str, migrations: WriteMigrations, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "box").mkdir()
    done = cli(command, "--db", tmp_path / "box", "--dir", migrations(FILES))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"sqlite:///{tmp_path}/box: is a folder\nGive the path of the database file.\n"


@pytest.mark.parametrize("command", ["migrate", "status", "verify"])
def test_a_file_that_is_no_database_is_named_and_left_alone(
    command: str, migrations: WriteMigrations, cli: Cli, tmp_path: Path
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("just some words, and more of them\n" * 100)
    done = cli(command, "--db", file, "--dir", migrations(FILES))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"sqlite:///{file}: file is not a database" in done.stderr
    assert file.read_text() == "just some words, and more of them\n" * 100


def test_a_missing_folder_of_the_database_is_told(migrations: WriteMigrations, cli: Cli, tmp_path: Path) -> None:
    done = cli("migrate", "--db", tmp_path / "no" / "app.db", "--dir", migrations(FILES))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"sqlite:///{tmp_path}/no/app.db: there is no folder {tmp_path}/no\nMake it, or mend the path.\n"
    )


@pytest.mark.parametrize("command", ["migrate", "status", "verify"])
def test_a_postgres_database_that_is_not_there_is_told(
    command: str, postgres_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    done = cli(command, "-d", postgres_url + "_gone", "--dir", migrations(FILES))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{postgres_url}_gone: ")
    assert "does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def _on_a_terminal(arguments: list[str], cwd: Path, env: Mapping[str, str]) -> str:
    """Run the command line with a terminal as its output, and return what it wrote."""
    ours, theirs = pty.openpty()
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "DATABASE_URL")}
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-m", "sessmig", *arguments],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=cwd,
        env={**clean, "TERM": "xterm", "PYTHONPATH": root, **env},
    )  # fmt: skip
    os.close(theirs)
    written = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux says so at the end
            break
        if not part:
            break
        written += part
    process.wait(60)
    os.close(ours)
    return written.decode()


def test_on_a_terminal_a_steps_line_is_rewritten_and_coloured(
    sqlite_url: str, migrations: WriteMigrations, tmp_path: Path
) -> None:
    written = _on_a_terminal(["migrate", "-d", sqlite_url, "--dir", str(migrations(FILES))], tmp_path, {})
    assert "\r\x1b[K  ...     1_a: A table\r\x1b[K  \x1b[32mok    \x1b[0m  1_a  2 rows, 1 check held, " in written


@pytest.mark.parametrize("files", [FILES, {"1_a.sql": "SELECT nix;\n"}], ids=["success", "failure"])
def test_no_color_means_no_colour_anywhere(
    files: dict[str, str], sqlite_url: str, migrations: WriteMigrations, tmp_path: Path
) -> None:
    arguments = ["migrate", "-d", sqlite_url, "--dir", str(migrations(files))]
    written = _on_a_terminal(arguments, tmp_path, {"NO_COLOR": "1"})
    assert "\r\x1b[K  ...     1_a: " in written
    assert "\x1b[" not in written.replace("\r\x1b[K", "")


def test_elsewhere_the_report_is_plain_on_stdout_and_the_progress_on_stderr(
    database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    done = cli("migrate", "-d", database_url, "--dir", migrations(FILES))
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr.startswith(
        "  1 migration pending\n  begin   1_a: A table\n  ok      1_a  2 rows, 1 check held, "
    )
    assert done.stdout.splitlines()[0] == f"shop on {database_url}"
    assert "INSERT a" in done.stdout


@pytest.mark.parametrize("streams", ["stdout", "stdout and stderr"])
def test_a_reader_that_goes_away_stops_no_migration(
    streams: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = migrations({**FILES, **{f"{n}_s.sql": f"CREATE TABLE s{n} (x INTEGER);\n" for n in range(2, 40)}})
    process = cli.start("migrate", "-d", database_url, "--dir", folder)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    if streams != "stdout":
        process.stderr.close()
    else:
        assert "Traceback" not in process.stderr.read()
    assert process.wait(60) == 0
    assert probe(database_url).value("SELECT count(*) FROM schema_migrations") == 39


def test_a_reader_that_goes_away_does_not_make_a_failed_check_a_success(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = migrations(FILES)
    assert cli("migrate", "-d", database_url, "--dir", folder).returncode == 0
    probe(database_url).execute("INSERT INTO a VALUES (6)")
    process = cli.start("verify", "-d", database_url, "--dir", folder)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(60) == 3
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_quiet_prints_the_last_line_only(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    done = cli("migrate", "-q", "-d", database_url, "--dir", migrations(FILES))
    assert (done.stderr, len(done.stdout.splitlines())) == ("", 1)
    assert done.stdout.startswith("1 migration applied in ")
    assert is_postgres(database_url) or "sqlite" not in done.stdout
