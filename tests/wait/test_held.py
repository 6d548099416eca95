"""A step that waits is held until its time has come; others go past it, and nobody takes it for pending or late."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sessmig import PendingError, ensure_migrations
from sessmig.plan import Wish
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.rollback.shop import attempts, statuses
from tests.run.doing import log, migrate, roll_back, status

Probes = Callable[[str], Probe]
FILES = {
    "0001_a.sql": "CREATE TABLE a (x INTEGER);\n",
    "0001_a.rollback.sql": "-- sessmig: may-lose a\nDROP TABLE a;\n",
    "0002_drop_a.sql": "-- Drop a\n-- sessmig: wait 14 days after 1\n-- sessmig: may-lose a\nDROP TABLE a;\n",
}
LATER = {"0003_c.sql": "CREATE TABLE c (x INTEGER);\n"}


def age(probe: Probe, version: int, **ago: float) -> None:
    """Let a migration have been applied some time ago."""
    moment = datetime.now(UTC) - timedelta(**ago)
    probe.execute(f"UPDATE schema_migrations SET applied_at = '{moment:%Y-%m-%d %H:%M:%S}' WHERE version = {version}")


def _until(probe: Probe) -> str:
    """Return when 14 days after 1 are over, to the minute, rounded up."""
    text = "to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
    is_sqlite = type(probe).__name__ == "SqliteProbe"
    applied = probe.value(f"SELECT {'applied_at' if is_sqlite else text} FROM schema_migrations WHERE version = 1")
    over = datetime.fromisoformat(applied) + timedelta(days=14)
    return f"{over + timedelta(seconds=-over.second % 60):%Y-%m-%d %H:%M}"


def test_it_is_held_and_migrate_says_until_when(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    done = cli("migrate", "-d", database_url, "--dir", migrations(FILES))
    until = _until(probe(database_url))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-2] == f"0002_drop_a is held until {until} UTC: 14 days after 1"
    assert done.stdout.endswith(f", 1 held (0002_drop_a until {until} UTC)\n")
    assert statuses(probe(database_url)) == [(1, "success")]
    assert "a" in probe(database_url).tables()


def test_status_shows_it_as_held_and_does_not_count_it_as_pending(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    done = cli("status", "--check", "-d", database_url, "--dir", folder)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert any(re.fullmatch(r"  0002 +drop_a +held", line) for line in lines)
    assert f"  0002_drop_a is held until {_until(probe(database_url))} UTC: 14 days after 1" in lines
    assert lines[-1] == "1 applied, 0 pending, 1 held, 0 problems"
    found = json.loads(cli("status", "--json", "-d", database_url, "--dir", folder).stdout)
    assert (found["pending"], found["held"]) == (0, 1)
    held = found["standings"][1]["held"]
    assert (held["wait"], held["until"]) == ("14 days after 1", _until(probe(database_url)))


def test_an_application_that_wants_nothing_pending_starts(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    ensure_migrations(database_url, folder)
    report = ensure_migrations(database_url, folder, pending="error")
    assert (report.steps, report.pending, [held.title for held in report.held]) == ((), (), ["0002_drop_a"])


def test_with_only_held_steps_the_report_says_so(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    until = _until(probe(database_url))
    said = f"0002_drop_a is held until {until} UTC: 14 days after 1"
    assert migrate(database_url, folder).idle == said
    assert cli("migrate", "-d", database_url, "--dir", folder).stdout.splitlines()[2:] == [
        f"nothing to do: {said}, none pending"
    ]
    folder = migrations({"0004_drop_c.sql": "-- sessmig: wait 14 days after 1\nSELECT 1;\n"})
    assert migrate(database_url, folder).idle == "0002_drop_a, 0004_drop_c are held"


def test_with_only_held_steps_nothing_is_written(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    before = probe(database_url).snapshot(exclude=())
    assert migrate(database_url, folder).steps == ()
    assert probe(database_url).snapshot(exclude=()) == before


@pytest.mark.parametrize(("days", "applied"), [(13.99, 0), (14.01, 1)])
def test_it_runs_when_its_time_has_come_and_not_before(
    database_url: str, migrations: WriteMigrations, probe: Probes, days: float, applied: int
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    age(probe(database_url), 1, days=days)
    assert migrate(database_url, folder).applied == applied
    assert ("a" in probe(database_url).tables()) is not applied


def test_it_is_pending_when_its_time_has_come(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    age(probe(database_url), 1, days=15)
    assert [s.state for s in status(database_url, folder).standings] == ["applied", "pending"]
    assert cli("status", "--check", "-d", database_url, "--dir", folder).returncode == 6
    with pytest.raises(PendingError):
        ensure_migrations(database_url, folder, pending="error")


def test_the_clock_is_the_databases_own_and_in_utc(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    name = database.value("SELECT current_database()")
    database.execute(f"ALTER DATABASE \"{name}\" SET TimeZone = 'Pacific/Kiritimati'")
    folder = migrations(FILES)
    migrate(postgres_url, folder)
    database.execute("UPDATE schema_migrations SET applied_at = now() - interval '13 days 23 hours 58 minutes'")
    assert migrate(postgres_url, folder).applied == 0
    database.execute("UPDATE schema_migrations SET applied_at = now() - interval '14 days'")
    assert migrate(postgres_url, folder).applied == 1


def test_later_steps_go_past_it(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    report = migrate(database_url, migrations(FILES | LATER))
    assert [step.title for step in report.steps] == ["0001_a", "0003_c"]
    assert [held.title for held in report.held] == ["0002_drop_a"]
    assert statuses(probe(database_url)) == [(1, "success"), (3, "success")]


def test_it_is_not_late_when_its_time_comes(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(FILES | LATER)
    migrate(database_url, folder)
    age(probe(database_url), 1, days=15)
    assert status(database_url, folder).problems == ()
    assert [step.title for step in migrate(database_url, folder).steps] == ["0002_drop_a"]
    assert statuses(probe(database_url)) == [(1, "success"), (2, "success"), (3, "success")]


def test_others_are_late_as_before(database_url: str, migrations: WriteMigrations) -> None:
    migrate(database_url, migrations(FILES | {"0004_d.sql": "SELECT 1;\n"}))
    found = status(database_url, migrations(LATER))
    assert [(problem.kind, problem.version) for problem in found.problems] == [("late", 3)]


def test_while_the_other_is_not_applied_it_is_held_too(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES | LATER)
    report = migrate(database_url, folder, wish=Wish(only=3))
    assert [str(held) for held in report.held] == [
        "0002_drop_a is held back: 14 days after 1, and sessmig has not applied 1"
    ]
    assert statuses(probe(database_url)) == [(3, "success")]


def test_it_counts_from_the_last_success_of_the_other(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    age(probe(database_url), 1, days=15)
    roll_back(database_url, folder)
    found = status(database_url, folder)
    assert [s.state for s in found.standings] == ["rolled back", "held"]
    assert str(found.standings[1].held).endswith("14 days after 1, and 1 was rolled back")
    report = migrate(database_url, folder)
    assert [step.title for step in report.steps] == ["0001_a"]
    assert [held.until for held in report.held] == [_until(probe(database_url))]


def test_a_baseline_counts_from_when_it_was_written(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    probe(database_url).execute("UPDATE schema_migrations SET status = 'baseline'")
    assert [held.until for held in migrate(database_url, folder).held] == [_until(probe(database_url))]
    age(probe(database_url), 1, days=15)
    assert migrate(database_url, folder).applied == 1


def test_a_row_without_a_time_holds_it_and_says_so(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    probe(database_url).execute("UPDATE schema_migrations SET applied_at = NULL")
    assert [str(held) for held in migrate(database_url, folder).held] == [
        "0002_drop_a is held back: 14 days after 1, and the ledger has no time for 1"
    ]


def test_only_a_held_step_says_so_and_does_nothing(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    done = cli("migrate", "--only", "2", "-d", database_url, "--dir", folder)
    assert (done.returncode, done.stderr) == (0, "")
    until = _until(probe(database_url))
    assert done.stdout.splitlines()[-1] == (
        f"nothing to do: 0002_drop_a is held until {until} UTC: 14 days after 1, none pending"
    )
    assert statuses(probe(database_url)) == [(1, "success")]


def test_ignore_wait_runs_it_says_so_and_logs_it(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    until = _until(probe(database_url))
    done = cli("migrate", "--ignore-wait", "-d", database_url, "--dir", folder)
    assert done.returncode == 0
    said = f"  --ignore-wait: 0002_drop_a is run, though it would be held until {until} UTC: 14 days after 1\n"
    assert said in done.stderr
    assert statuses(probe(database_url)) == [(1, "success"), (2, "success")]
    assert log(probe(database_url))[-1][3]["ignored_wait"] == f"until {until} UTC: 14 days after 1"


def test_ignore_wait_logs_nothing_where_there_was_nothing_to_ignore(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    age(probe(database_url), 1, days=15)
    assert migrate(database_url, folder, wish=Wish(ignore_wait=True)).applied == 1
    assert ["ignored_wait" in detail for *_, detail in log(probe(database_url))] == [False, False]


def test_ignore_wait_runs_it_though_the_other_is_not_applied(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES | {"0002_drop_a.sql": "-- sessmig: wait 2 days after 1\nSELECT 1;\n"})
    migrate(database_url, folder, wish=Wish(only=2, ignore_wait=True))
    assert log(probe(database_url))[-1][3]["ignored_wait"] == "back: 2 days after 1, and sessmig has not applied 1"
    assert attempts(probe(database_url)) == [("apply", 2, "success")]


def _roll_back_when_asked(url: str, folder: Path) -> Callable[[object], None]:
    """Return a watcher that rolls 1 back once the plan is made: between the first look and the lock."""
    done: list[object] = []

    def watch(event: object) -> None:
        if not done:
            done.append(event)
            roll_back(url, folder)

    return watch


def test_under_the_lock_it_is_looked_at_again(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    age(probe(database_url), 1, days=15)
    report = migrate(database_url, folder, on_event=_roll_back_when_asked(database_url, folder))
    assert [(step.title, step.outcome) for step in report.steps] == [("0002_drop_a", "held")]
    assert statuses(probe(database_url)) == [(1, "rolled_back")]
    assert [action for action, _, _ in attempts(probe(database_url))] == ["apply", "rollback"]


def test_a_dry_run_leaves_it_held(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES)
    done = cli("migrate", "--dry-run", "-d", database_url, "--dir", folder)
    assert done.returncode == 0
    assert "0002_drop_a is held back: 14 days after 1, and sessmig has not applied 1\n" in done.stdout


def test_a_rehearsal_says_that_it_is_held_and_rehearses_it_if_told_so(
    sqlite_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    done = cli("rehearse", "-d", sqlite_url, "--dir", folder)
    assert done.returncode == 0
    assert "not rehearsed\n    0002_drop_a: held until " in done.stdout
    done = cli("rehearse", "--ignore-wait", "-d", sqlite_url, "--dir", folder)
    assert (done.returncode, "1 migration rehearsed" in done.stdout) == (0, True), done.stderr


def test_with_only_held_steps_no_file_is_cut_into_statements(sqlite_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    code = (
        "import sys; from sessmig import ensure_migrations;"
        f"held = ensure_migrations({sqlite_url!r}, {str(folder)!r}).held;"
        "print(len(held), [m for m in ('sessmig.script', 'sessmig.reading', 'difflib') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "1 []\n"


def test_the_text_report_of_an_application_has_it_too(database_url: str, migrations: WriteMigrations) -> None:
    report = ensure_migrations(database_url, migrations(FILES))
    (held,) = report.held
    assert (held.version, held.title, held.wait, held.ignored) == (2, "0002_drop_a", "14 days after 1", False)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", held.until)
