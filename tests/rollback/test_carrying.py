"""How one is undone: with its checks, its row accounts and the loss guard, in one transaction; and what is told."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sessmig import CheckError, SessmigError, StepError
from sessmig.results import Event
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.rollback.shop import FILES, attempts, statuses
from tests.run.doing import log, migrate, roll_back, state

Probes = Callable[[str], Probe]


def test_a_require_that_does_not_hold_stops_it_before_its_first_statement(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES | {"0003_stock.rollback.verify.sql": "-- require: no stock\nSELECT * FROM stock;\n"})
    migrate(database_url, folder)
    probe(database_url).execute("INSERT INTO stock VALUES (1, 7)")
    before = state(probe(database_url))
    with pytest.raises(CheckError) as caught:
        roll_back(database_url, folder)
    assert str(caught.value).splitlines() == [
        f"{folder / '0003_stock.rollback.verify.sql'}:1: require failed: no stock",
        "    expected none, found 1 row",
        "    item_id  number",
        "    1        7",
        "The database holds what it held before; 0003_stock stands as it did, and nothing of its rollback stays.",
        "Mend the rows that are shown, or the rollback file, and run it again.",
    ]
    assert state(probe(database_url)) == before
    assert statuses(probe(database_url))[2] == (3, "success")
    version, action, outcome, detail = log(probe(database_url))[-1]
    assert (version, action, outcome, detail["statements"]) == (3, "rollback", "failed", [])
    assert "require failed: no stock" in detail["error"]


def test_a_check_that_does_not_hold_takes_the_rollback_back(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    verify = (
        "-- measure before: items_before\nSELECT count(*) FROM items;\n"
        "-- check: every item stays\n-- expect: :items_before\nSELECT count(*) FROM items;\n"
    )
    rollback = "-- sessmig: may-lose stock, items\nDROP TABLE stock;\nDELETE FROM items WHERE id = 2;\n"
    folder = migrations(FILES | {"0003_stock.rollback.sql": rollback, "0003_stock.rollback.verify.sql": verify})
    migrate(database_url, folder)
    before = state(probe(database_url))
    done = cli("rollback", "-d", database_url, "--dir", folder)
    assert done.returncode == 3
    assert f"{folder / '0003_stock.rollback.verify.sql'}:3: check failed: every item stays" in done.stderr
    assert state(probe(database_url)) == before
    assert statuses(probe(database_url))[2] == (3, "success")


def test_the_loss_guard_takes_back_what_may_lose_does_not_name(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(
        FILES | {"0003_stock.rollback.sql": "-- sessmig: may-lose stock\nDROP TABLE stock;\nDROP TABLE items;\n"}
    )
    migrate(database_url, folder)
    before = state(probe(database_url))
    with pytest.raises(CheckError) as caught:
        roll_back(database_url, folder)
    assert "items" in caught.value.what
    assert f"{folder / '0003_stock.rollback.sql'}" in str(caught.value)
    assert state(probe(database_url)) == before
    assert statuses(probe(database_url))[2] == (3, "success")


def test_a_merge_of_its_verify_file_is_accounted_for(database_url: str, migrations: WriteMigrations) -> None:
    forward = (
        "CREATE TABLE archive (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO archive SELECT id, name FROM items;\n"
    )
    forward += "DELETE FROM items;\n"
    back = "INSERT INTO items SELECT id, name FROM archive;\nDROP TABLE archive;\n"
    verify = "-- merge: archive into items on id comparing name\n"
    folder = migrations(
        FILES
        | {
            "0004_archive.sql": f"-- sessmig: may-lose items\n{forward}",
            "0004_archive.rollback.sql": f"-- sessmig: may-lose archive\n{back}",
            "0004_archive.rollback.verify.sql": verify,
        }
    )
    migrate(database_url, folder)
    ((account,),) = [step.merges for step in roll_back(database_url, folder).steps]
    assert (account.source, account.inserted, account.missing) == (2, 2, 0)


def test_a_statement_that_fails_is_told_with_its_line_and_nothing_of_it_stays(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    rollback = "-- sessmig: may-lose prices\nDROP TABLE prices;\nDROP TABLE nothing;\n"
    folder = migrations(FILES | {"0002_prices.rollback.sql": rollback})
    migrate(database_url, folder)
    with pytest.raises(StepError) as caught:
        roll_back(database_url, folder, to=0)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"{folder / '0002_prices.rollback.sql'}:3: ")
    assert lines[-2:] == [
        "The database: 0003_stock is rolled back; 0002_prices stands as it did, and nothing of its rollback stays.",
        "Mend the file, or what it found in the database, and run it again.",
    ]
    assert [step.outcome for step in caught.value.report.steps] == ["undone", "failed"]  # type: ignore[union-attr]
    assert statuses(probe(database_url)) == [(1, "success"), (2, "success"), (3, "rolled_back")]
    assert {"items", "prices"} <= probe(database_url).tables()
    assert attempts(probe(database_url))[3:] == [("rollback", 3, "success"), ("rollback", 2, "failed")]


def test_once_it_is_mended_the_same_command_goes_on(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES | {"0002_prices.rollback.sql": "DROP TABLE nothing;\n"})
    migrate(database_url, folder)
    with pytest.raises(SessmigError):
        roll_back(database_url, folder, to=0)
    folder = migrations(FILES)
    assert [step.title for step in roll_back(database_url, folder, to=0).steps] == ["0002_prices", "0001_items"]
    assert [status for _, status in statuses(probe(database_url))] == ["rolled_back"] * 3


def test_a_deferred_constraint_that_fails_at_the_commit_takes_it_back(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    files = {
        "0001_a.sql": "CREATE TABLE a (id INTEGER PRIMARY KEY);\nCREATE TABLE b (a INTEGER REFERENCES a (id) "
        "DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO a VALUES (1);\nINSERT INTO b VALUES (1);\n",
        "0002_b.sql": "SELECT 1;\n",
        "0002_b.rollback.sql": "-- sessmig: may-lose a\nDELETE FROM a;\n",
    }
    folder = migrations(files)
    migrate(database_url, folder)
    with pytest.raises(SessmigError) as caught:
        roll_back(database_url, folder)
    assert "0002_b stands as it did" in str(caught.value)
    assert probe(database_url).rows("SELECT id FROM a") == [(1,)]
    assert statuses(probe(database_url))[1] == (2, "success")


@pytest.mark.parametrize("to", [None, 0])
def test_a_dry_run_shows_what_it_would_do_and_changes_nothing(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli, to: int | None
) -> None:
    verify = "-- measure before: prices\nSELECT count(*) FROM prices;\n"
    folder = migrations(FILES | {"0002_prices.rollback.verify.sql": verify})
    migrate(database_url, folder)
    before = probe(database_url).snapshot(exclude=())
    options = [] if to is None else ["--to", str(to)]
    done = cli("rollback", "--dry-run", "--json", *options, "-d", database_url, "--dir", folder)
    assert (done.returncode, done.stderr) == (0, "")
    steps = json.loads(done.stdout)["steps"]
    assert [step["outcome"] for step in steps] == ["would undo"] * (1 if to is None else 3)
    effects = {e["table"]: e["deleted"] for step in steps for e in step["effects"]}
    assert effects == ({"stock": 0} if to is None else {"stock": 0, "prices": 2, "items": 2})
    after = probe(database_url).snapshot(exclude=())
    assert (after["schema"], after["rows"]) == (before["schema"], before["rows"])


def test_a_dry_run_says_that_it_was_one(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    done = cli("rollback", "--dry-run", "-d", database_url, "--dir", folder)
    assert "0003 stock, would be rolled back in " in done.stdout
    assert "1 migration would be rolled back (dry run: nothing was kept) in " in done.stdout
    assert "pending again" not in done.stdout


def test_a_dry_run_that_fails_says_so_and_logs_nothing(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES | {"0002_prices.rollback.sql": "DROP TABLE nothing;\n"})
    migrate(database_url, folder)
    before = probe(database_url).snapshot(exclude=())
    with pytest.raises(StepError) as caught:
        roll_back(database_url, folder, to=0, dry_run=True)
    assert "The database holds what it held before: it was a dry run." in str(caught.value)
    after = probe(database_url).snapshot(exclude=())
    assert (after["schema"], after["rows"]) == (before["schema"], before["rows"])


def test_settings_that_a_rollback_changes_are_given_back(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    rollback = "-- sessmig: may-lose stock\nSET search_path = pg_catalog;\nDROP TABLE public.stock;\n"
    folder = migrations(FILES | {"0003_stock.rollback.sql": rollback})
    migrate(postgres_url, folder)
    assert len(roll_back(postgres_url, folder, to=1).steps) == 2
    assert statuses(probe(postgres_url))[1:] == [(2, "rolled_back"), (3, "rolled_back")]


def test_whoever_watches_is_told_of_each(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    events: list[Event] = []
    roll_back(database_url, folder, to=1, on_event=events.append)
    assert [(event.kind, event.title) for event in events] == [
        ("plan", ""),
        ("step", "0003_stock"),
        ("done", "0003_stock"),
        ("step", "0002_prices"),
        ("done", "0002_prices"),
    ]


def test_the_text_report_shows_rows_tables_and_checks(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES | {"0002_prices.rollback.verify.sql": "-- warn: items\nSELECT id FROM items;\n"})
    migrate(database_url, folder)
    done = cli("rollback", "--to", "1", "-d", database_url, "--dir", folder)
    lines = done.stdout.splitlines()
    assert "0002 prices, rolled back in " in done.stdout
    assert "       2  DROP TABLE prices" in lines
    assert "    warning  items: found 2 rows" in lines
    assert "  ok      0002_prices  0 rows, 1 warning, " in done.stderr
