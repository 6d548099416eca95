"""How a chronicle is read from log, ledger and files: whatever stands there, and whoever wrote it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import CheckError, LedgerError, SessmigError, StepError, UsageError
from sessmig.backup import back_up
from sessmig.databases import connect
from sessmig.job import BackupWish, Job
from sessmig.plan import Wish
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.report.shop import FILES, LOG, chronicle, runs, write_log
from tests.run.doing import log, migrate, roll_back
from tests.staged.half import ALONE, BATCH, MENDED, TABLES

Probes = Callable[[str], Probe]
APPLIED = [("apply", 1, "applied"), ("apply", 2, "applied")]


def test_each_run_is_told_by_itself_with_its_attempts(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder, wish=Wish(to=1))
    migrate(database_url, folder)
    roll_back(database_url, folder)
    assert runs(chronicle(database_url, folder)) == [
        ("migrate", "success", [("apply", 1, "applied")]),
        ("migrate", "success", [("apply", 2, "applied, rolled back later")]),
        ("rollback", "success", [("rollback", 2, "rolled back")]),
    ]


def test_a_run_that_begins_with_a_backup_has_it_among_its_attempts(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes, tmp_path: Path
) -> None:
    folder = migrations(FILES)
    probe(sqlite_url).execute("CREATE TABLE mine (x INTEGER)")
    report = migrate(sqlite_url, folder, backup=BackupWish("always", str(tmp_path)))
    (run,) = chronicle(sqlite_url, folder).runs
    assert (run.kind, [one.action for one in run.attempts]) == ("migrate", ["backup", "apply", "apply"])
    assert report.backup
    assert run.backups[0].backup
    assert (run.backups[0].backup.path, run.backups[0].backup.sha256) == (report.backup.path, report.backup.sha256)


def test_a_backup_by_itself_is_a_run_of_its_own(sqlite_url: str, migrations: WriteMigrations, tmp_path: Path) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    with connect(sqlite_url, create=False) as database:
        back_up(Job(database, folder, backup=BackupWish(folder=str(tmp_path))), packed=False)
    assert [run.kind for run in chronicle(sqlite_url, folder).runs] == ["migrate", "backup"]


def test_what_two_processes_log_in_turns_is_told_as_two_runs(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    for version, run in ((1, "a"), (1, "b"), (2, "a"), (2, "b")):
        write_log(probe(database_url), version=version, detail=json.dumps({"run": run}), outcome="failed")
    found = [[one.version for one in run.attempts] for run in chronicle(database_url, folder).runs]
    assert found == [[1, 2], [1, 2], [1, 2]]


def test_rows_of_an_older_version_are_put_together_by_time_and_person_and_the_run_says_so(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    database = probe(database_url)
    database.execute(f"DELETE FROM {LOG}")
    backup = json.dumps({"path": "/b/1", "size": 3, "sha256": "ab"})
    for values in (
        {"action": "backup", "detail": backup},
        {"version": 1, "started_at": "2026-01-02 03:04:06", "outcome": "failed"},
        {"version": 1, "started_at": "2026-01-02 03:04:08"},
        {"version": 2, "started_at": "2026-01-02 03:04:08"},
        {"version": 3, "started_at": "2026-01-02 03:05:08"},
        {"version": 4, "started_at": "2026-01-02 03:05:08", "done_by": "linus@host"},
        {"version": 4, "action": "rollback", "started_at": "2026-01-02 03:05:09", "done_by": "linus@host"},
    ):
        write_log(database, **values)
    found = chronicle(database_url, folder)
    assert [[(one.action, one.version) for one in run.attempts] for run in found.runs] == [
        [("backup", 1), ("apply", 1)],
        [("apply", 1), ("apply", 2)],
        [("apply", 3)],
        [("apply", 4)],
        [("rollback", 4)],
    ]
    assert all(run.is_guessed for run in found.runs)


def test_rows_of_this_version_need_no_guess(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    (run,) = chronicle(database_url, folder).runs
    assert not run.is_guessed


def test_a_failure_is_told_with_its_error_and_what_the_database_held_after_it(
    database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(FILES | {"0002_merge.sql": "INSERT INTO new VALUES (9, NULL);\n"})
    with pytest.raises(CheckError) as caught:
        migrate(database_url, folder)
    (run,) = chronicle(database_url, folder).runs
    applied, failed = run.steps
    assert (run.outcome, applied.result, failed.result) == ("failed", "applied", "failed")
    assert failed.error == caught.value.what
    assert failed.holds.startswith("The database: 0001_tables stands applied; nothing of 0002_merge stays.")
    assert failed.step
    assert [check.outcome for check in failed.step.checks] == ["passed", "failed", "warned"]


def test_an_interrupted_step_is_told_with_what_the_database_held_after_it(
    postgres_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\nSELECT pg_sleep(600);\n"})
    process = cli.start("migrate", "-d", postgres_url, "--dir", folder)
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    while not probe(postgres_url).value(sleeping):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    found = chronicle(postgres_url, folder)
    assert runs(found) == [("migrate", "interrupted", [("apply", 1, "interrupted")])]
    assert found.runs[0].attempts[0].holds == "the step that ran was rolled back; run again to go on"
    assert "a" not in probe(postgres_url).tables()


def test_a_failed_rollback_is_told_with_what_the_database_held_after_it(
    database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(FILES | {"0002_merge.rollback.sql": "DELETE FROM nonsense;\n"})
    migrate(database_url, folder)
    with pytest.raises(StepError):
        roll_back(database_url, folder)
    failed = chronicle(database_url, folder).runs[-1].attempts[0]
    assert (failed.action, failed.outcome) == ("rollback", "failed")
    assert failed.holds == (
        "The database holds what it held before; 0002_merge stands as it did, and nothing of its rollback stays."
    )


@pytest.mark.parametrize(("files", "broken"), [(ALONE, 1), (TABLES | BATCH, 2)], ids=["alone", "batch"])
def test_a_step_that_stopped_half_done_is_told_as_that_and_where_it_stands(
    database_url: str, migrations: WriteMigrations, files: dict[str, str], broken: int
) -> None:
    folder = migrations(files)
    with pytest.raises(SessmigError):
        migrate(database_url, folder)
    found = chronicle(database_url, folder)
    attempt = found.runs[-1].attempts[-1]
    assert (attempt.version, attempt.result, attempt.stands) == (broken, "failed, half done", False)
    standing = next(one for one in found.standings if one.version == broken)
    assert standing.state == "failed"
    assert standing.progress
    assert found.ways_back[0].version == broken


def test_a_step_that_another_run_brings_to_its_end_is_told_in_both(
    database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(ALONE)
    with pytest.raises(SessmigError):
        migrate(database_url, folder)
    migrate(database_url, migrations(MENDED))
    found = chronicle(database_url, folder)
    assert runs(found) == [
        ("migrate", "failed", [("apply", 1, "failed, half done")]),
        ("migrate", "success", [("apply", 1, "applied")]),
    ]
    assert found.standings[0].state == "applied"


def test_a_step_whose_process_was_killed_is_told_by_the_ledger_alone(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(ALONE)
    with pytest.raises(SessmigError):
        migrate(database_url, folder)
    database = probe(database_url)
    database.execute(f"DELETE FROM {LOG}; UPDATE schema_migrations SET status = 'running'")
    found = chronicle(database_url, folder)
    assert (found.runs, found.standings[0].state) == ((), "running")
    assert found.standings[0].progress.startswith("3 of 5 statements")


def test_what_another_version_logged_otherwise_is_told_as_it_stands(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    for detail in (
        '{"statements": [{"no": "such key"}], "run": "x"}',
        '{"statements": 5, "queries": 7, "run": "x"}',
        '{"merges": [{"name": "a", "where": "", "outcome": "passed", "source": "many"}], "run": "x"}',
        '{"effects": [{"table": 1}], "measures": [], "run": "x"}',
        '["no object"]',
        "no JSON at all" if database_url.startswith("sqlite") else "17",
    ):
        write_log(probe(database_url), detail=detail)
    attempts = [one for run in chronicle(database_url, folder).runs[1:] for one in run.attempts]
    assert [one.step for one in attempts[:4]] == [None] * 4
    assert attempts[0].others == (("statements", "[{'no': 'such key'}]"),)
    assert attempts[4].others == (("detail", "['no object']"),)
    assert len(attempts) == 6


def test_a_word_of_a_later_version_is_told_as_it_is(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    write_log(probe(database_url), action="vaporise", detail='{"run": "x", "clouds": 3}', outcome="postponed")
    assert runs(chronicle(database_url, folder))[1:] == [("vaporise", "postponed", [("vaporise", 1, "postponed")])]


def test_columns_that_hold_another_kind_of_value_do_no_harm(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    write_log(probe(sqlite_url), version="eleven", duration_ms="long", started_at="yesterday")
    write_log(probe(sqlite_url), duration_ms=-9, started_at="9999-99-99")
    found = chronicle(sqlite_url, folder).runs[-1].attempts[-1]
    assert (found.duration_ms, found.started_at) == (0, "9999-99-99")


def test_of_another_series_nothing_is_told(database_url: str, migrations: WriteMigrations) -> None:
    migrate(database_url, migrations({"0001_other.sql": "SELECT 1;\n"}, series="other"))
    folder = migrations(FILES)
    migrate(database_url, folder)
    assert runs(chronicle(database_url, folder)) == [("migrate", "success", APPLIED)]


def test_run_chooses_one_by_its_number_or_the_last(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    roll_back(database_url, folder)
    first, last = chronicle(database_url, folder).runs
    assert chronicle(database_url, folder, str(first.number)).runs == (first,)
    chosen = chronicle(database_url, folder, "last")
    assert (chosen.runs, chosen.total, chosen.chosen) == ((last,), 2, str(last.number))


def test_a_step_is_described_by_its_own_file_also_when_it_was_rolled_back(
    database_url: str, migrations: WriteMigrations
) -> None:
    files = FILES | {
        "0002_merge.rollback.sql": "-- sessmig: may-lose new\n-- Take it back\nDELETE FROM new WHERE id = 1;\n"
    }
    folder = migrations(files)
    migrate(database_url, folder)
    roll_back(database_url, folder)
    found = [(one.action, one.description) for run in chronicle(database_url, folder).runs for one in run.attempts]
    assert found == [("apply", "Two tables"), ("apply", "Merge old into new"), ("rollback", "Take it back")]


def test_a_run_that_there_is_not_is_refused_with_those_that_there_are(
    database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    number = chronicle(database_url, folder).runs[0].number
    with pytest.raises(UsageError) as caught:
        chronicle(database_url, folder, "4711")
    assert (caught.value.what, caught.value.remedy) == (
        "run 4711: there is none of this number",
        f"The runs are {number}; or give --run last.",
    )


def test_the_ways_back_are_those_that_a_rollback_would_find(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes, tmp_path: Path
) -> None:
    more = {
        "0003_gone.sql": "-- sessmig: irreversible it is as it is\nSELECT 1;\n",
        "0004_none.sql": "SELECT 1;\n",
        "0005_lost.sql": "SELECT 1;\n",
    }
    folder = migrations(FILES | more)
    probe(sqlite_url).execute("CREATE TABLE mine (x INTEGER)")
    report = migrate(sqlite_url, folder, backup=BackupWish("always", str(tmp_path)))
    (folder / "0005_lost.sql").unlink()
    assert report.backup
    path = report.backup.path
    found = [(way.version, way.kind, way.text, way.backup) for way in chronicle(sqlite_url, folder).ways_back]
    assert found == [
        (5, "none", "its file is gone", path),
        (4, "none", "it has no rollback file", path),
        (3, "irreversible", "it is as it is", path),
        (2, "rollback", str(folder / "0002_merge.rollback.sql"), path),
        (1, "rollback", str(folder / "0001_tables.rollback.sql"), path),
    ]
    Path(path).unlink()
    after = chronicle(sqlite_url, folder)
    assert {way.backup for way in after.ways_back} == {""}
    assert after.backups_there == frozenset()


def test_a_file_that_cannot_be_read_does_not_hide_what_was_done(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    migrations({"0003_later.sql": "-- sessmig: wait a while\nSELECT 1;\n"})
    found = chronicle(database_url, folder)
    assert found.unknown == f"{folder / '0003_later.sql'}:1: wait a while: not understood"
    assert runs(found) == [("migrate", "success", APPLIED)]


def test_a_ledger_that_is_not_ours_is_refused(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(database_url).execute("CREATE TABLE schema_migrations (version INTEGER, dirty INTEGER)")
    with pytest.raises(LedgerError, match="golang-migrate"):
        chronicle(database_url, migrations(FILES))


def test_where_nothing_was_ever_run_all_is_pending_and_there_is_no_log(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute("CREATE TABLE mine (x INTEGER)")
    found = chronicle(database_url, migrations(FILES))
    assert (found.is_standing, found.runs, [one.state for one in found.standings]) == (False, (), ["pending"] * 2)


def test_to_report_writes_nothing(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    before = probe(database_url).snapshot(exclude=())
    chronicle(database_url, folder)
    assert probe(database_url).snapshot(exclude=()) == before
    assert len(log(probe(database_url))) == 2
