"""Steps of several commits beside other processes: who goes on, who finds it done, who finds it taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import PlanError
from sessmig.results import Event
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import migrate, roll_back
from tests.staged.half import ALONE, BATCH, MENDED, TABLES, attempts, statuses

Probes = Callable[[str], Probe]

_GOOD = {"0001_tables.sql": TABLES["0001_tables.sql"].replace("'bad' WHERE", "'good' WHERE")} | BATCH


def test_three_processes_that_start_at_once_do_each_statement_once(
    cli: Cli, database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(ALONE | MENDED)
    started = [cli.start("migrate", "-d", database_url, "--dir", folder) for _ in range(3)]
    told = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], told
    assert probe(database_url).rows("SELECT id, name FROM a ORDER BY id") == [(1, "tea"), (2, "cake")]
    assert [attempt[:3] for attempt in attempts(probe(database_url))] == [("apply", 1, "success")]


def test_a_run_whose_step_is_taken_back_meanwhile_stops_and_leaves_it_so(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(_GOOD)
    taken_back: list[bool] = []

    def watch(event: Event) -> None:
        if event.kind == "progress" and not taken_back:
            taken_back.append(True)
            roll_back(database_url, folder)

    with pytest.raises(PlanError) as caught:
        migrate(database_url, folder, on_event=watch)
    assert str(caught.value).splitlines()[0] == "0002_copy: it was rolled back meanwhile, by another process"
    assert statuses(probe(database_url)) == [(1, "success"), (2, "rolled_back")]
    assert probe(database_url).value("SELECT count(*) FROM new") == 0
    assert "schema_migrations_batches" not in probe(database_url).tables()


def test_a_run_that_another_one_overtakes_finds_the_step_done(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(_GOOD)
    overtaken: list[bool] = []

    def watch(event: Event) -> None:
        if event.kind == "progress" and not overtaken:
            overtaken.append(True)
            migrate(database_url, folder)

    report = migrate(database_url, folder, on_event=watch)
    assert [step.outcome for step in report.steps] == ["applied", "already applied"]
    assert probe(database_url).value("SELECT count(*) FROM new") == 40
    assert probe(database_url).rows("SELECT id FROM extra") == [(1,)]


def test_a_keyboard_interrupt_leaves_what_is_committed_and_is_logged(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(_GOOD)

    def watch(event: Event) -> None:
        if event.kind == "progress":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate(database_url, folder, on_event=watch)
    assert statuses(probe(database_url)) == [(1, "success"), (2, "running")]
    done = probe(database_url).value("SELECT count(*) FROM new")
    assert 0 < done < 40
    assert attempts(probe(database_url))[-1] == ("apply", 2, "interrupted", [(1, None), (3, done)])
    migrate(database_url, folder)
    assert probe(database_url).value("SELECT count(*) FROM new") == 40
    assert statuses(probe(database_url)) == [(1, "success"), (2, "success")]
