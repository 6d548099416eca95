"""Which migrations a rollback undoes, in which order, and what is pending then."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import UsageError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.rollback.shop import FILES, attempts, statuses
from tests.run.doing import migrate, roll_back, state, status

Probes = Callable[[str], Probe]


def test_without_to_only_the_newest_is_undone(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    report = roll_back(database_url, folder)
    assert [(step.title, step.outcome) for step in report.steps] == [("0003_stock", "undone")]
    assert probe(database_url).tables() >= {"items", "prices"}
    assert "stock" not in probe(database_url).tables()
    assert statuses(probe(database_url)) == [(1, "success"), (2, "success"), (3, "rolled_back")]


def test_to_undoes_all_above_it_the_newest_first(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    report = roll_back(database_url, folder, to=1)
    assert [step.title for step in report.steps] == ["0003_stock", "0002_prices"]
    assert statuses(probe(database_url)) == [(1, "success"), (2, "rolled_back"), (3, "rolled_back")]
    assert attempts(probe(database_url))[3:] == [("rollback", 3, "success"), ("rollback", 2, "success")]


def test_to_0_undoes_all_and_leaves_what_was_there_before(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute("CREATE TABLE before (x INTEGER); INSERT INTO before VALUES (1)")
    start = state(probe(database_url))
    folder = migrations(FILES)
    migrate(database_url, folder)
    assert len(roll_back(database_url, folder, to=0).steps) == 3
    assert state(probe(database_url)) == start


def test_the_next_rollback_goes_one_further(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    titles = [step.title for _ in range(3) for step in roll_back(database_url, folder).steps]
    assert titles == ["0003_stock", "0002_prices", "0001_items"]


def test_with_nothing_applied_there_is_nothing_to_do(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    probe(database_url).execute("CREATE TABLE mine (x INTEGER)")
    done = cli("rollback", "-d", database_url, "--dir", migrations(FILES))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == (
        "nothing to do: no migration is applied, 3 pending (0001_items, 0002_prices, 0003_stock)"
    )
    assert probe(database_url).tables() == {"mine"}


def test_a_database_that_there_is_not_is_not_made(migrations: WriteMigrations, cli: Cli, tmp_path: Path) -> None:
    done = cli("rollback", "--db", tmp_path / "none.db", "--dir", migrations(FILES))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"sqlite:///{tmp_path / 'none.db'}: there is no such database\nIs that its right name?\n"
    assert not (tmp_path / "none.db").exists()


def test_to_the_newest_is_nothing_to_do(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    before = probe(database_url).snapshot(exclude=())
    report = roll_back(database_url, folder, to=3)
    assert (report.steps, report.idle) == ((), "nothing above 3 is applied")
    assert probe(database_url).snapshot(exclude=()) == before


def test_to_a_version_that_there_is_not_is_refused(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    before = probe(database_url).snapshot(exclude=())
    with pytest.raises(UsageError) as refused:
        roll_back(database_url, folder, to=7)
    assert str(refused.value).splitlines() == [
        "to 7: there is no migration of this version",
        "sessmig status lists them; --to 0 goes back to the beginning.",
    ]
    assert probe(database_url).snapshot(exclude=()) == before


def test_it_says_that_what_it_undid_is_pending_again(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    done = cli("rollback", "--to", "1", "--quiet", "-d", database_url, "--dir", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(
        "; 0002_prices, 0003_stock are pending again: the next migrate, or start of the application, applies them\n"
    )
    assert status(database_url, folder).pending == 2
    assert cli("status", "--check", "-d", database_url, "--dir", folder).returncode == 6


def test_the_next_migrate_applies_it_again_and_the_log_tells_the_whole_story(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    first = state(probe(database_url))
    roll_back(database_url, folder, to=2)
    assert migrate(database_url, folder).applied == 1
    assert state(probe(database_url)) == first
    assert statuses(probe(database_url))[2] == (3, "success")
    assert attempts(probe(database_url))[2:] == [
        ("apply", 3, "success"),
        ("rollback", 3, "success"),
        ("apply", 3, "success"),
    ]


def test_what_was_rolled_back_may_be_mended_before_it_is_applied_again(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    roll_back(database_url, folder)
    mended = FILES["0003_stock.sql"].replace("number INTEGER", "number INTEGER NOT NULL DEFAULT 0")
    assert migrate(database_url, migrations({"0003_stock.sql": mended})).applied == 1
    probe(database_url).execute("INSERT INTO stock (item_id) VALUES (1)")
    assert probe(database_url).rows("SELECT number FROM stock") == [(0,)]


def test_the_ledger_row_keeps_when_and_by_whom_it_was_applied(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    query = (
        "SELECT CAST(applied_at AS TEXT), applied_by, duration_ms, checksum, CAST(metadata AS TEXT) "
        "FROM schema_migrations WHERE version = 3"
    )
    before = probe(database_url).rows(query)
    roll_back(database_url, folder)
    assert probe(database_url).rows(query) == before
    assert [s.state for s in status(database_url, folder).standings] == ["applied", "applied", "rolled back"]


def test_the_report_as_json_has_what_a_migration_has(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    verify = "-- measure before: prices\nSELECT count(*) FROM prices;\n-- check: no table of prices\n"
    verify += "SELECT id FROM items WHERE id > 2;\n"
    folder = migrations(FILES | {"0002_prices.rollback.verify.sql": verify})
    migrate(database_url, folder)
    done = cli("rollback", "--to", "1", "--json", "-d", database_url, "--dir", folder)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["action"], report["pending"]) == ("rollback", ["0002_prices", "0003_stock"])
    step = report["steps"][1]
    assert (step["name"], step["outcome"]) == ("prices", "undone")
    assert step["path"] == str(folder / "0002_prices.rollback.sql")
    assert [(s["verb"], s["target"]) for s in step["statements"]] == [("DROP TABLE", "prices")]
    assert [(m["name"], m["value"]) for m in step["measurements"]] == [("prices", 2)]
    assert [(c["name"], c["outcome"]) for c in step["checks"]] == [("no table of prices", "passed")]
    assert [(e["table"], e["before"], e["deleted"]) for e in step["effects"]] == [("prices", 2, 2)]
