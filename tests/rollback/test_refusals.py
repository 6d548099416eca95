"""What cannot be rolled back is said before anything runs, all of it, with the way out; and then nothing runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import CheckError, FileError, PlanError
from sessmig.databases import connect
from sessmig.files import checksum
from sessmig.ledger import Ledger
from sessmig.model import Migration
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.rollback.shop import FILES, statuses
from tests.run.doing import migrate, roll_back

Probes = Callable[[str], Probe]
NO_BACKUP = "The log knows of no backup from before it that is still there."


def _refused(url: str, folder: Path, probe: Probe, to: int | None = None) -> list[str]:
    """Hold that a rollback is a problem of the plan and changes nothing; return the message's lines."""
    before = probe.snapshot(exclude=())
    with pytest.raises(PlanError) as refused:
        roll_back(url, folder, to)
    assert probe.snapshot(exclude=()) == before
    return str(refused.value).replace(f"{folder}/", "").splitlines()


def test_an_irreversible_one_is_refused_with_its_reason(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations({"0001_gone.sql": "-- Gone\n-- sessmig: irreversible gone is gone\nSELECT 1;\n"})
    migrate(database_url, folder)
    assert _refused(database_url, folder, probe(database_url)) == [
        "the newest migration cannot be rolled back:",
        "irreversible: 0001_gone: gone is gone",
        f"    -> {NO_BACKUP}",
        "Nothing was touched.",
    ]
    assert cli("rollback", "-d", database_url, "--dir", folder).returncode == 4


def test_one_without_a_rollback_file_is_refused(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\n"})
    migrate(database_url, folder)
    assert _refused(database_url, folder, probe(database_url)) == [
        "the newest migration cannot be rolled back:",
        "irreversible: 0001_a: it has no rollback file",
        f"    -> Write 0001_a.rollback.sql. {NO_BACKUP}",
        "Nothing was touched.",
    ]


def test_one_that_cannot_stops_all_and_says_how_far_it_could_go(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations({name: text for name, text in FILES.items() if name != "0002_prices.rollback.sql"})
    migrate(database_url, folder)
    lines = _refused(database_url, folder, probe(database_url), to=0)
    assert lines[0] == "1 of 3 migrations cannot be rolled back:"
    assert lines[1] == "irreversible: 0002_prices: it has no rollback file"
    assert lines[-1] == "What stands above 0002 can: sessmig rollback --to 2"
    assert [step.title for step in roll_back(database_url, folder, to=2).steps] == ["0003_stock"]


def test_a_migration_that_was_changed_since_is_not_rolled_back(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    folder = migrations({"0003_stock.sql": FILES["0003_stock.sql"].replace("number", "amount")})
    lines = _refused(database_url, folder, probe(database_url), to=1)
    assert lines[0] == "1 of 2 migrations cannot be rolled back:"
    assert lines[1].startswith("changed: 0003_stock.sql: changed after it was applied on ")
    assert "    -CREATE TABLE stock (item_id INTEGER, number INTEGER);" in lines
    assert "    +CREATE TABLE stock (item_id INTEGER, amount INTEGER);" in lines


def test_a_change_below_what_is_rolled_back_does_not_hinder_it(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    folder = migrations({"0001_items.sql": FILES["0001_items.sql"] + "-- more\n"})
    assert [step.title for step in roll_back(database_url, folder).steps] == ["0003_stock"]
    assert statuses(probe(database_url))[2] == (3, "rolled_back")


@pytest.mark.parametrize(("gone", "kind"), [("0003_stock", "ahead"), ("0002_prices", "missing")])
def test_a_migration_whose_file_is_gone_is_not_rolled_back(
    database_url: str, migrations: WriteMigrations, probe: Probes, gone: str, kind: str
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    for path in folder.glob(f"{gone}.*"):
        path.unlink()
    lines = _refused(database_url, folder, probe(database_url), to=1)
    number, name = int(gone[:4]), gone[5:]
    assert lines[1].startswith(f"{kind}: {number} {name}: applied on ")


def test_a_baseline_is_not_rolled_back(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    probe(database_url).execute("UPDATE schema_migrations SET status = 'baseline' WHERE version = 2")
    assert _refused(database_url, folder, probe(database_url), to=0)[:3] == [
        "1 of 3 migrations cannot be rolled back:",
        "baseline: 0002_prices: it was not run here, so there is nothing to undo",
        "    -> Go no further than to it: --to 2",
    ]


def test_every_problem_is_named_at_once(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    (folder / "0001_items.rollback.sql").unlink()
    folder = migrations({"0003_stock.sql": "SELECT 1;\n"})
    lines = _refused(database_url, folder, probe(database_url), to=0)
    assert lines[0] == "2 of 3 migrations cannot be rolled back:"
    assert [line.split(":")[0] for line in lines if not line.startswith(" ")][1:3] == ["changed", "irreversible"]


@pytest.mark.parametrize("name", ["0001_items.rollback.sql", "0001_items.rollback.verify.sql"])
def test_every_file_is_read_before_the_first_one_runs(
    database_url: str, migrations: WriteMigrations, probe: Probes, name: str
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    before = probe(database_url).snapshot(exclude=())
    with pytest.raises(FileError) as refused:
        roll_back(database_url, migrations({name: "-- sessmig: nonsense\nSELECT 'open;\n"}), to=0)
    assert str(refused.value).startswith(f"{folder / name}:2: ")
    assert probe(database_url).snapshot(exclude=()) == before


@pytest.mark.parametrize("text", ["", "-- To be written\n"], ids=["empty", "a comment"])
def test_a_rollback_file_without_a_statement_is_refused(
    database_url: str, migrations: WriteMigrations, probe: Probes, text: str
) -> None:
    name = "0003_stock.rollback.sql"
    folder = migrations({file: sql for file, sql in FILES.items() if file != name})
    migrate(database_url, folder)
    before = probe(database_url).snapshot(exclude=())
    with pytest.raises(FileError) as refused:
        roll_back(database_url, migrations({name: text}))
    assert str(refused.value).splitlines() == [
        f"{folder / name}: there is no statement in this rollback file, though its migration has some",
        "Write it; or take it away, and say in the migration's file: -- sessmig: irreversible REASON",
    ]
    assert probe(database_url).snapshot(exclude=()) == before
    with pytest.raises(FileError):  # and by the run that would apply it, before it stands
        migrate(database_url, migrations({"0004_more.sql": "SELECT 1;\n", "0004_more.rollback.sql": text}))
    assert probe(database_url).snapshot(exclude=()) == before


def test_a_rollback_file_without_a_statement_serves_a_migration_that_has_none(
    database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations({"0001_note.sql": "-- A note\n", "0001_note.rollback.sql": "-- Nothing to undo\n"})
    migrate(database_url, folder)
    assert [step.title for step in roll_back(database_url, folder).steps] == ["0001_note"]


@pytest.mark.parametrize("directive", ["wait 2 days after 0", "irreversible because"])
def test_a_directive_of_a_migration_is_refused_in_a_rollback_file(
    database_url: str, migrations: WriteMigrations, directive: str
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    name = "0003_stock.rollback.sql"
    with pytest.raises(FileError) as refused:
        roll_back(database_url, migrations({name: f"-- sessmig: {directive}\n{FILES[name]}"}))
    assert str(refused.value).splitlines() == [
        f"{folder / name}:1: directive {directive.split()[0]} in a rollback file",
        "It stands in the migration's own file.",
    ]


def test_an_applied_file_that_is_not_understood_any_more_can_be_rolled_back(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    text = "-- sessmig: nonsense\nCREATE TABLE 'open"
    (folder / "0003_stock.sql").write_text(text, encoding="utf-8")
    query = f"UPDATE schema_migrations SET checksum = '{checksum(text.encode())}' WHERE version = 3"
    probe(database_url).execute(query)
    assert [step.title for step in roll_back(database_url, folder).steps] == ["0003_stock"]


def _log_backup(url: str, path: Path) -> None:
    """Write the row that a backup leaves in the log."""
    with connect(url) as database, database.transaction("schema_migrations", wait=5, on_wait=print):
        nothing = Migration("shop", 0, "0", "backup", path, "")
        Ledger(database, "schema_migrations", "shop").log(
            nothing,
            "backup",
            "success",
            started_at="2026-01-01 00:00:00",
            duration_ms=1,
            detail={"path": str(path)},
        )


def test_the_last_backup_before_it_that_is_still_there_is_named(
    database_url: str, migrations: WriteMigrations, tmp_path: Path, probe: Probes
) -> None:
    names = ["one", "two words", "gone", "later"]
    for name in names:
        (tmp_path / name).touch()
    migrate(database_url, migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\n"}))
    for name in names[:3]:
        _log_backup(database_url, tmp_path / name)
    folder = migrations({"0002_b.sql": "-- sessmig: irreversible so\nSELECT 1;\n"})
    migrate(database_url, folder)
    _log_backup(database_url, tmp_path / "later")
    (tmp_path / "gone").unlink()
    assert _refused(database_url, folder, probe(database_url))[2] == (
        f"    -> The backup from before it: sessmig restore '{tmp_path / 'two words'}' (what was written since is lost)"
    )


def test_a_rollback_that_fails_names_the_last_backup_before_it(
    database_url: str, migrations: WriteMigrations, tmp_path: Path, probe: Probes
) -> None:
    (tmp_path / "saved").touch()
    files = {name: text for name, text in FILES.items() if name.startswith(("0001", "0002"))}
    migrate(database_url, migrations(files))
    _log_backup(database_url, tmp_path / "saved")
    require = {"0003_stock.rollback.verify.sql": "-- require: no stock\nSELECT * FROM stock;\n"}
    folder = migrations(FILES | require)
    migrate(database_url, folder)
    probe(database_url).execute("INSERT INTO stock VALUES (1, 7)")
    with pytest.raises(CheckError) as refused:
        roll_back(database_url, folder)
    command = f"sessmig restore {tmp_path / 'saved'}"
    assert str(refused.value).splitlines()[-2:] == [
        "Mend the rows that are shown, or the rollback file, and run it again.",
        f"Or go back to the backup from before it: {command} (what was written since is lost)",
    ]
    assert statuses(probe(database_url))[2] == (3, "success")
