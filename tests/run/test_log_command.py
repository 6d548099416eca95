"""`sessmig log`: every attempt in a line, the newest last; one migration's in full; and nothing is written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import SessmigError, __version__
from sessmig import log as logs
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.ledger import Ledger
from sessmig.model import Migration
from sessmig.resign import resign
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.fixtures.processes import AsNobody, Cli
from tests.rollback.shop import FILES
from tests.run.doing import migrate, roll_back

Probes = Callable[[str], Probe]
HEAD = ["when", "(UTC)", "action", "migration", "outcome", "took", "by", "sessmig"]
VERIFY = (
    "-- measure: items\nSELECT count(*) FROM items;\n"
    "-- check: no item without a name\nSELECT id FROM items WHERE name IS NULL;\n"
    "-- warn: cake\nSELECT id FROM items WHERE name = 'cake';\n"
)


def _lines(cli: Cli, url: str, folder: Path, *arguments: str) -> list[str]:
    done = cli("log", *arguments, "-d", url, "--dir", folder)
    assert (done.returncode, done.stderr) == (0, "")
    return [re.sub(r" {2,}", "  ", line).strip() for line in done.stdout.splitlines()]


def _told(line: str) -> list[str]:
    """Return what a line tells, without the moment, the duration and who."""
    _, action, migration, outcome, _, _, _, *what = line.split("  ")
    return [action, migration, outcome, *what]


def test_it_tells_the_whole_story_of_there_back_and_there_again(
    database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations(FILES | {"0001_items.verify.sql": VERIFY})
    migrate(database_url, folder)
    roll_back(database_url, folder)
    migrate(database_url, folder)
    lines = _lines(cli, database_url, folder)
    assert lines[2].split() == HEAD
    assert [_told(line) for line in lines[3:-1]] == [
        ["apply", "1 items", "success", "2 rows, 1 check held, 1 warning"],
        ["apply", "2 prices", "success", "2 rows"],
        ["apply", "3 stock", "success", "0 rows"],
        ["rollback", "3 stock", "success", "0 rows"],
        ["apply", "3 stock", "success", "0 rows"],
    ]
    assert lines[-1] == "5 attempts"


def test_a_line_tells_when_how_long_by_whom_and_with_which_version(
    database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations({"0001_a.sql": "SELECT 1;\n"})
    migrate(database_url, folder)
    when, _, _, _, took, by, version, _ = _lines(cli, database_url, folder)[3].split("  ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", when)
    assert re.fullmatch(r"\d+ ms", took)
    assert re.fullmatch(r"\S+@\S+", by)
    assert version == __version__


def test_a_failure_is_told_by_the_first_line_of_its_error(
    database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations({"0001_a.sql": "SELECT nonsense;\n"})
    with pytest.raises(SessmigError):
        migrate(database_url, folder)
    action, migration, outcome, what = _told(_lines(cli, database_url, folder)[3])
    assert (action, migration, outcome) == ("apply", "1 a", "failed")
    assert what.startswith(f"{folder / '0001_a.sql'}:1: "[:90])


def test_a_backup_is_told_by_its_path_and_a_resign_by_its_checksum(
    database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations({"0001_a.sql": "SELECT 1;\n"})
    migrate(database_url, folder)
    with connect(database_url) as database:
        migration, _ = resign(Job(database, migrations({"0001_a.sql": "SELECT 2;\n"})), 1)
        with database.transaction("schema_migrations", wait=5, on_wait=print):
            Ledger(database, "schema_migrations", "other").log(
                Migration("other", 0, "0", "backup", folder, ""),
                "backup",
                "success",
                started_at="2026-01-01 00:00:00",
                duration_ms=1,
                detail={"path": "/backups/app.db.backup_20260101_000000"},
            )
    lines = [line.split("  ") for line in _lines(cli, database_url, folder)[4:-1]]
    assert lines[0][1:4] == ["resign", "1 a", "success"]
    assert lines[0][-1] == f"taken as it is now ({migration.checksum[:12]})"
    assert (lines[1][1:3], lines[1][-1]) == (["backup", "success"], "/backups/app.db.backup_20260101_000000")


def test_of_another_series_nothing_is_told(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    migrate(database_url, migrations({"0001_other.sql": "SELECT 1;\n"}, series="other"))
    folder = migrations({"0001_a.sql": "SELECT 1;\n"})
    migrate(database_url, folder)
    assert [_told(line)[1] for line in _lines(cli, database_url, folder)[3:-1]] == ["1 a"]


def test_limit_shows_the_newest_and_says_how_many_there_were_before(
    database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    lines = _lines(cli, database_url, folder, "--limit", "1")
    assert lines[2] == "... 2 earlier attempts; --limit N shows more"
    assert [_told(line)[1] for line in lines[4:-1]] == ["3 stock"]
    assert lines[-1] == "3 attempts"


def test_version_shows_all_that_is_known_of_one(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES | {"0001_items.verify.sql": VERIFY.replace("cake", "nobody").replace("NULL", "NOT NULL")})
    with pytest.raises(SessmigError):
        migrate(database_url, folder)
    migrate(database_url, migrations({"0001_items.verify.sql": VERIFY}))
    text = "\n".join(_lines(cli, database_url, folder, "--version", "1"))
    first, _, second = text.partition("apply 1 items: success in ")
    assert "apply 1 items: failed in " in first
    assert f"{folder / '0001_items.verify.sql'}:3: check failed: no item without a name\n" in first
    assert "2  CREATE TABLE items" in first
    for told in (
        "INSERT items  2\n",
        "measures\n",
        "items  2\n",
        "ok  no item without a name\n",
        "warning  cake: found 1 row",
    ):
        assert told in second
    assert text.endswith("2 attempts at 1")
    assert "prices" not in text


def test_a_detail_that_another_version_wrote_otherwise_is_shown_as_it_is(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations({"0001_a.sql": "SELECT 1;\n"})
    migrate(database_url, folder)
    probe(database_url).execute(
        """UPDATE schema_migrations_log SET detail = '{"statements": [{"no": "such key"}], "more": true}'"""
    )
    lines = _lines(cli, database_url, folder, "--version", "1")
    assert {"statements: [{'no': 'such key'}]", "more: true"} <= set(lines)


def test_as_json_it_has_everything(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    found = json.loads(cli("log", "--json", "--limit", "2", "-d", database_url, "--dir", folder).stdout)
    assert (found["series"], found["earlier"], found["is_standing"]) == ("shop", 1, True)
    assert [(e["version"], e["name"], e["action"]) for e in found["entries"]] == [
        (2, "prices", "apply"),
        (3, "stock", "apply"),
    ]
    assert found["entries"][0]["detail"]["statements"][1]["rows"] == 2


@pytest.mark.parametrize("is_migrated", [True, False], ids=["migrated", "never migrated"])
def test_a_version_that_nobody_knows_is_refused(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli, is_migrated: bool
) -> None:
    folder = migrations(FILES)
    probe(database_url).execute("CREATE TABLE mine (x INTEGER)")
    if is_migrated:
        migrate(database_url, folder)
    done = cli("log", "--version", "99", "-d", database_url, "--dir", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "version 99: there is no migration of this version, and the log knows of none",
        f"sessmig status -d {database_url} --dir {folder} lists them.",
    ]


def test_a_version_whose_file_is_gone_is_known_by_the_log(
    database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    for path in folder.glob("0003_*"):
        path.unlink()
    assert _lines(cli, database_url, folder, "--version", "3")[-1] == "1 attempt at 3"


def test_where_there_is_no_log_it_says_so(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    probe(database_url).execute("CREATE TABLE mine (x INTEGER)")
    folder = migrations(FILES)
    assert _lines(cli, database_url, folder)[-1] == "there is no log: sessmig has applied nothing here"
    assert json.loads(cli("log", "--json", "-d", database_url, "--dir", folder).stdout)["is_standing"] is False
    assert probe(database_url).tables() == {"mine"}


def test_a_database_that_there_is_not_is_not_made(migrations: WriteMigrations, cli: Cli, tmp_path: Path) -> None:
    folder, path = migrations(FILES), tmp_path / "none.db"
    done = cli("log", "--db", path, "--dir", folder)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"sqlite:///{path}: there is no such database",
        f"Run sessmig migrate -d {path} --dir {folder} first.",
    ]
    assert not (tmp_path / "none.db").exists()


def test_it_works_on_a_file_that_may_not_be_written(
    tmp_path: Path, migrations: WriteMigrations, as_nobody: AsNobody
) -> None:
    folder, place = migrations(FILES), tmp_path / "database"
    place.mkdir()
    url = f"sqlite:///{place / 'app.db'}"
    migrate(url, folder)
    (place / "app.db").chmod(0o444)
    place.chmod(0o555)
    before = os.listdir(place)

    def entries() -> int:
        with connect(url, create=False) as database:
            return len(logs.read_log(Job(database, folder)).entries)

    try:
        assert as_nobody(entries) == 3
        assert os.listdir(place) == before
    finally:
        place.chmod(0o755)


def test_it_works_for_a_role_that_may_only_read_the_log(
    postgres_server: PostgresServer, postgres_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(postgres_url, folder)
    role = postgres_server.new_role()
    probe(postgres_url).execute(f'GRANT SELECT ON schema_migrations_log TO "{role}"')
    assert _lines(cli, postgres_server.url(postgres_url, user=role), folder)[-1] == "3 attempts"
