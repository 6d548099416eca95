"""What the step cannot carry stops it by name, before its first statement, and nothing is touched."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import CheckError
from tests.fixtures.probe import Probe
from tests.report_snapshots import app
from tests.report_snapshots.app import ADA

Probes = Callable[[str], Probe]
LEFT = f"session_{ADA}_interaction_1"
OTHER = f"session_{ADA}_interaction_2"
VERIFY = app.SERIES / "sqlite" / "0001_migrate_to_temp_tables.verify.sql"


def _stopped(url: str, probe: Probe, folder: Path = app.SERIES) -> list[str]:
    """Hold that the step fails and leaves nothing; return the message's lines, without those of an example's place."""
    before = probe.snapshot()
    with pytest.raises(CheckError) as caught:
        app.migrate(url, folder)
    assert probe.snapshot() == before
    lines = str(caught.value).splitlines()
    assert "The database holds what it held before; nothing of 0001_migrate_to_temp_tables stays." in lines
    return lines


def _line(head: str) -> str:
    number = VERIFY.read_text(encoding="utf-8").splitlines().index(f"-- require: {head}") + 1
    return f"{VERIFY}:{number}: require failed: {head}"


SPEAKS = "no view, and no trigger of a table that stays, speaks of what is dropped (drop it before)"
REFERS = "no foreign key of another table leads to what is dropped"


@pytest.mark.parametrize("written", ['"{}"', "[{}]", "`{}`", "'{}'"])
def test_a_view_of_a_left_over_stops_it(sqlite_url: str, probe: Probes, written: str) -> None:
    view = f"CREATE VIEW report AS SELECT x FROM {written.format(LEFT.upper())}"
    app.build(sqlite_url, [LEFT], more=f"{view};")
    lines = _stopped(sqlite_url, probe(sqlite_url))
    assert lines[0] == _line(SPEAKS)
    assert lines[3].split() == ["view", "report", LEFT]


def test_a_view_of_a_name_with_quotation_marks_stops_it(sqlite_url: str, probe: Probes) -> None:
    name = 'session_a "b" [c]*_interaction_1'
    more = f"CREATE VIEW report AS SELECT x FROM {app.quoted(name)};"
    app.build(sqlite_url, [name], sessions=['a "b" [c]*'], more=more)
    lines = _stopped(sqlite_url, probe(sqlite_url))
    assert lines[0] == _line(SPEAKS)
    assert name in lines[3]


def test_a_trigger_that_writes_snapshots_stops_it_as_every_insert_would_fail_afterwards(
    sqlite_url: str, probe: Probes
) -> None:
    more = (
        "CREATE TRIGGER snap AFTER INSERT ON session_interactions BEGIN "
        "INSERT INTO Report_Snapshots VALUES (NEW.id, NEW.session_id, NEW.id, '[]', NULL); END;"
    )
    app.build(sqlite_url, more=more)
    lines = _stopped(sqlite_url, probe(sqlite_url))
    assert lines[0] == _line(SPEAKS)
    assert lines[3].split() == ["trigger", "snap", "report_snapshots"]


def test_a_trigger_of_what_is_dropped_goes_with_it(sqlite_url: str) -> None:
    more = (
        f'CREATE TRIGGER own AFTER INSERT ON "{LEFT.upper()}" BEGIN DELETE FROM "{LEFT}"; END;'
        f'CREATE TRIGGER snap AFTER DELETE ON Report_Snapshots BEGIN DELETE FROM "{LEFT}"; END;'
    )
    app.build(sqlite_url, [LEFT], more=more)
    app.migrate(sqlite_url)
    assert LEFT not in app.tables(sqlite_url)


def test_a_view_of_a_longer_name_does_not_stop_it(sqlite_url: str) -> None:
    more = (
        "CREATE VIEW a AS SELECT x FROM report_snapshots_archive;"
        f'CREATE VIEW b AS SELECT x FROM "{LEFT}_backup"; CREATE VIEW c AS SELECT x FROM my_report_snapshots;'
    )
    app.build(sqlite_url, [LEFT, f"{LEFT}_backup", "report_snapshots_archive", "my_report_snapshots"], more=more)
    app.migrate(sqlite_url)
    assert f"{LEFT}_backup" in app.tables(sqlite_url)


@pytest.mark.parametrize("action", ["", " ON DELETE CASCADE"])
@pytest.mark.parametrize("to", ["report_snapshots (id)", f'"{LEFT.upper()}" (x)'])
def test_a_foreign_key_to_what_is_dropped_stops_it(sqlite_url: str, probe: Probes, to: str, action: str) -> None:
    more = f'CREATE UNIQUE INDEX ux ON "{LEFT}" (x); CREATE TABLE star (r TEXT REFERENCES {to}{action});'
    app.build(sqlite_url, [LEFT], more=more)
    lines = _stopped(sqlite_url, probe(sqlite_url))
    assert lines[0] == _line(REFERS)
    assert lines[3].split() == ["star", "r", to.partition(" ")[0].strip('"')]


def test_a_foreign_key_from_one_left_over_to_another_stops_it(sqlite_url: str, probe: Probes) -> None:
    app.build(
        sqlite_url, more=f'CREATE TABLE "{LEFT}" (x PRIMARY KEY); CREATE TABLE "{OTHER}" (x REFERENCES "{LEFT}");'
    )
    lines = _stopped(sqlite_url, probe(sqlite_url))
    assert lines[0] == _line(REFERS)
    assert lines[3].split() == [OTHER, "x", LEFT]


def test_a_left_over_that_refers_to_itself_or_to_what_stays_goes(sqlite_url: str) -> None:
    rows = f"INSERT INTO \"{LEFT}\" VALUES (1, NULL, '{ADA}'), (2, 1, '{ADA}');"
    columns = f'x INTEGER PRIMARY KEY, y REFERENCES "{LEFT}", s REFERENCES sessions (id) ON DELETE CASCADE'
    app.build(sqlite_url, more=f'CREATE TABLE "{LEFT}" ({columns}); {rows}')
    app.migrate(sqlite_url)
    assert app.tables(sqlite_url) == {"sessions", "session_interactions"}


def test_a_virtual_table_of_such_a_name_stops_it(sqlite_url: str, probe: Probes) -> None:
    app.build(sqlite_url, more=f'CREATE VIRTUAL TABLE "{LEFT}" USING fts5 (x);')
    lines = _stopped(sqlite_url, probe(sqlite_url))
    assert lines[0] == _line("no left-over is a virtual table")
    assert lines[3].strip() == LEFT


@pytest.mark.parametrize("table", ["report_snapshots", "sessions"])
def test_a_table_that_is_missing_is_named(sqlite_url: str, probe: Probes, table: str) -> None:
    app.build(sqlite_url, more=f"DROP TABLE {table};")
    lines = _stopped(sqlite_url, probe(sqlite_url))
    assert lines[0] == _line("sessions, session_interactions and report_snapshots exist")
    assert lines[3].strip() == table


def test_a_column_that_is_there_already_stops_it(sqlite_url: str, probe: Probes) -> None:
    app.build(sqlite_url, more="ALTER TABLE session_interactions ADD COLUMN Temp_Table_Name INTEGER;")
    lines = _stopped(sqlite_url, probe(sqlite_url))
    assert lines[0] == _line("session_interactions has no temp_table_name yet")


def _other(tmp_path: Path, old: str, new: str) -> Path:
    """Return a copy of the series in which the migration's own text is another, its verify file being the same."""
    folder = tmp_path / "report_snapshots"
    shutil.copytree(app.SERIES, folder)
    path = folder / "sqlite" / "0001_migrate_to_temp_tables.sql"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def test_a_rule_like_the_old_scripts_that_takes_look_alikes_is_caught_by_the_checks(
    sqlite_url: str, probe: Probes, tmp_path: Path
) -> None:
    app.build(sqlite_url, [LEFT, "session_notes_interaction_log"])
    folder = _other(
        tmp_path,
        "FROM leftover\nORDER BY name",
        "FROM sqlite_master WHERE type = 'table' AND name LIKE 'session_%_interaction_%'\nORDER BY name",
    )
    lines = _stopped(sqlite_url, probe(sqlite_url), folder)
    assert any("check failed: every other table is there as before, and none more" in line for line in lines)
    assert any("session_notes_interaction_log" in line for line in lines)


def test_a_rule_that_leaves_one_is_caught_by_the_checks(sqlite_url: str, probe: Probes, tmp_path: Path) -> None:
    app.build(sqlite_url, [LEFT, OTHER])
    folder = _other(tmp_path, "FROM leftover\nORDER BY name", "FROM leftover\nORDER BY name LIMIT 1")
    lines = _stopped(sqlite_url, probe(sqlite_url), folder)
    assert "check failed: no left-over table stands" in lines[0]
    assert OTHER in lines[3]


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("DELETE FROM sessions WHERE id = 'extra';", "every session is as before"),
        ("UPDATE session_interactions SET summary = 'lost';", "every interaction is as before"),
        ("CREATE TABLE surplus (x);", "every other table is there as before, and none more"),
        ("DROP INDEX idx;", "every index, view and trigger of the other tables is as before"),
    ],
)
def test_whatever_else_the_step_would_change_is_caught_by_the_checks(
    sqlite_url: str, probe: Probes, tmp_path: Path, statement: str, check: str
) -> None:
    app.build(sqlite_url, sessions=["extra"], more="CREATE INDEX idx ON sessions (user_id);")
    folder = _other(tmp_path, "DROP TABLE report_snapshots;", f"DROP TABLE report_snapshots;\n{statement}")
    lines = _stopped(sqlite_url, probe(sqlite_url), folder)
    assert f"check failed: {check}" in lines[0]
