"""The webui system's own `schema_migrations` is taken over: every row is kept, and the old application goes on."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import is_postgres, migrate, status, verify

OLD = """
CREATE TABLE schema_migrations (
    migration_id TEXT PRIMARY KEY,
    applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    description TEXT,
    status TEXT DEFAULT 'success',
    metadata TEXT
);
"""
ROWS = """
INSERT INTO schema_migrations VALUES
    ('second', '2025-02-01 10:00:00', 'Second', 'success', '{"rows": 3, "nested": {"a": [1, null]}}'),
    ('first', '2025-01-01 09:30:00', NULL, 'failed', 'no json: ''é'''),
    ('third', '2025-03-01 00:00:00', 'Third', NULL, NULL),
    ('fourth', '2025-04-01 00:00:00', 'Fourth', 'success', '[1, 2]'),
    ('fifth', '2025-05-01 00:00:00', 'Fifth', 'success', ''),
    ('sixth', '2025-06-01 00:00:00', 'Sixth', 'success', '{"ratio": NaN}'),
    ('seventh', '2025-07-01 00:00:00', 'Seventh', 'success', '{"zero": "\\u0000"}');
"""
FILES = {"0034_merge_webui_sessions.sql": "CREATE TABLE merged (x INTEGER);\n"}
INSERT = (
    "INSERT INTO schema_migrations (migration_id, applied_at, description, status, metadata)"
    " VALUES ('{}', '2026-01-01 00:00:00', 'New', 'success', '{{}}')"
)


def _legacy(probe: Probe) -> list[tuple[Any, ...]]:
    rows = probe.rows(
        "SELECT version, migration_id, CAST(applied_at AS TEXT), description, status, CAST(metadata AS TEXT)"
        " FROM schema_migrations WHERE series = 'legacy' ORDER BY version"
    )
    return [(*row[:2], str(row[2])[:19], *row[3:5], json.loads(row[5])) for row in rows]


def test_rows_are_kept_as_baselines_of_the_series_legacy_numbered_by_their_time(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute("SET timezone = 'UTC'" if is_postgres(database_url) else "SELECT 1")
    database.execute(OLD + ROWS)
    assert migrate(database_url, migrations(FILES)).applied == 1
    told = {"old_status": "success"}
    assert _legacy(database) == [
        (1, "first", "2025-01-01 09:30:00", None, "baseline", {"old_status": "failed", "old_metadata": "no json: 'é'"}),
        (2, "second", "2025-02-01 10:00:00", "Second", "baseline", told | {"rows": 3, "nested": {"a": [1, None]}}),
        (3, "third", "2025-03-01 00:00:00", "Third", "baseline", {"old_status": None}),
        (4, "fourth", "2025-04-01 00:00:00", "Fourth", "baseline", told | {"old_metadata": [1, 2]}),
        (5, "fifth", "2025-05-01 00:00:00", "Fifth", "baseline", told),
        (6, "sixth", "2025-06-01 00:00:00", "Sixth", "baseline", told | {"old_metadata": '{"ratio": NaN}'}),
        (7, "seventh", "2025-07-01 00:00:00", "Seventh", "baseline", told | {"old_metadata": '{"zero": "\\u0000"}'}),
    ]
    assert database.rows("SELECT series, version, status FROM schema_migrations WHERE series <> 'legacy'") == [
        ("shop", 34, "success")
    ]


def test_an_old_status_of_the_metadata_itself_is_not_lost(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(
        OLD
        + """INSERT INTO schema_migrations VALUES
        ('a', '2025-01-01 00:00:00', 'A', 'success', '{"old_status": "theirs"}')"""
    )
    migrate(database_url, migrations(FILES))
    ((*_, metadata),) = _legacy(database)
    assert metadata == {"old_status": "success", "old_metadata": {"old_status": "theirs"}}


def test_times_with_an_offset_are_kept_as_the_same_moment_in_utc(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(sqlite_url)
    database.execute(
        OLD
        + """INSERT INTO schema_migrations VALUES
        ('a', '2025-01-01T10:00:00+02:00', 'A', 'success', NULL), ('b', '2025-01-02T10:00:00Z', 'B', 'success', NULL),
        ('c', 'long ago', 'C', 'success', NULL), ('d', NULL, 'D', 'success', NULL);"""
    )
    migrate(sqlite_url, migrations(FILES))
    rows = database.rows(
        "SELECT migration_id, applied_at, json_extract(metadata, '$.old_applied_at') FROM schema_migrations"
        " WHERE series = 'legacy' ORDER BY migration_id"
    )
    assert rows == [
        ("a", "2025-01-01 08:00:00", "2025-01-01T10:00:00+02:00"),
        ("b", "2025-01-02 10:00:00", "2025-01-02T10:00:00Z"),
        ("c", None, "long ago"),
        ("d", None, None),
    ]


@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMPTZ", "TEXT"])
def test_times_are_kept_as_the_same_moment_whatever_the_session(
    kind: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    name = database.value("SELECT current_database()")
    database.execute(OLD.replace("TIMESTAMP DEFAULT CURRENT_TIMESTAMP", kind))
    offset = "" if kind == "TIMESTAMP" else "+00"
    database.execute(
        f"INSERT INTO schema_migrations VALUES ('a', '2025-07-01 10:00:00.25{offset}', 'A', 'success', '{{}}')"
    )
    database.execute(
        f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Tokyo'; ALTER DATABASE \"{name}\" SET datestyle = 'SQL, DMY'"
    )
    migrate(postgres_url, migrations(FILES))
    text = database.value("SELECT (applied_at AT TIME ZONE 'UTC')::text FROM schema_migrations WHERE series = 'legacy'")
    assert text == "2025-07-01 10:00:00.25"


def test_the_old_applications_insert_works_afterwards_again_and_again(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(OLD + ROWS)
    migrate(database_url, migrations(FILES))
    for name in ("eighth", "ninth", "tenth"):
        database.execute(INSERT.format(name))
    rows = database.rows(
        "SELECT series, version, migration_id, status FROM schema_migrations"
        " WHERE version > 7 AND series = 'legacy' ORDER BY version"
    )
    assert rows == [
        ("legacy", 8, "eighth", "success"),
        ("legacy", 9, "ninth", "success"),
        ("legacy", 10, "tenth", "success"),
    ]
    migrate(database_url, migrations({"0035_more.sql": "CREATE TABLE more (x INTEGER);\n"}))
    database.execute(INSERT.format("eleventh"))
    assert [s.state for s in status(database_url, migrations({})).standings] == ["applied", "applied"]


def test_the_old_applications_insert_leaves_out_what_has_a_default(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(OLD)
    migrate(database_url, migrations(FILES))
    database.execute("INSERT INTO schema_migrations (migration_id, description, status) VALUES ('a', 'A', 'success')")
    ((version, applied_at),) = database.rows(
        "SELECT version, applied_at FROM schema_migrations WHERE series = 'legacy'"
    )
    assert version == 1
    assert applied_at is not None


@pytest.mark.parametrize("when", ["before the take-over", "after the take-over"])
def test_a_merge_that_the_old_system_did_counts_as_migration_34(
    when: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(OLD)
    row = "INSERT INTO schema_migrations VALUES ('merge_webui_sessions', '2025-01-01 00:00:00', 'M', 'success', NULL)"
    if when.startswith("before"):
        database.execute(row)
    else:
        migrate(database_url, migrations({"1_a.sql": ""}, series="other"))
        database.execute(INSERT.format("merge_webui_sessions"))
    folder = migrations({**FILES, "0035_next.sql": "CREATE TABLE next (x INTEGER);\n"})
    report = migrate(database_url, folder)
    assert [step.name for step in report.steps] == ["next"]
    assert "merged" not in database.tables()
    assert [(s.version, s.state) for s in status(database_url, folder).standings] == [(34, "baseline"), (35, "applied")]


@pytest.mark.parametrize("old", ["'failed'", "'running'", "NULL"])
def test_a_merge_that_the_old_system_did_not_finish_counts_for_nothing(
    old: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(OLD)
    database.execute(
        f"INSERT INTO schema_migrations VALUES ('merge_webui_sessions', '2025-01-01 00:00:00', 'M', {old}, NULL)"
    )
    folder = migrations(FILES)
    assert [step.outcome for step in migrate(database_url, folder).steps] == ["applied"]
    assert [(s.version, s.state) for s in status(database_url, folder).standings] == [(34, "applied")]


def test_looking_takes_nothing_over(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(OLD + ROWS)
    before = database.snapshot(exclude=())
    folder = migrations({**FILES, "0035_next.sql": ""})
    assert status(database_url, folder).pending == 2
    assert verify(database_url, folder).steps == ()
    assert migrate(database_url, folder, create=False, dry_run=True).steps[0].outcome == "would apply"
    after = database.snapshot(exclude=())
    assert (after["schema"], after["rows"]) == (before["schema"], before["rows"])


def test_a_first_step_that_fails_leaves_the_rows_where_they_were_taken_over_to(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(OLD + ROWS)
    broken = migrations({"0034_merge_webui_sessions.sql": "SELECT nonsense;\n"})
    for _ in range(2):
        with pytest.raises(Exception, match="nonsense"):
            migrate(database_url, broken)
        assert [row[1] for row in _legacy(database)] == [
            *("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
        ]
    assert migrate(database_url, migrations(FILES)).applied == 1
