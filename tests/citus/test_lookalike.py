"""Tables whose rows the server does not count: the guard goes by the commands' counts, and by the rows themselves.

They are ordinary ones that bear Citus' mark, as a distributed table does; of those that bear it no counter is read.
What only Citus itself can show is in test_citus.py.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import CheckError, Report, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.watching import listed, transaction

Probes = Callable[[str], Probe]

_MARK = "CREATE FUNCTION citus_truncate_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';\n"
_MARKED = "CREATE TRIGGER mark AFTER TRUNCATE ON {} EXECUTE FUNCTION citus_truncate_trigger();\n"
CHAT = (
    _MARK
    + """
CREATE TABLE sessions (id INTEGER PRIMARY KEY, title TEXT);
CREATE TABLE messages (id INTEGER PRIMARY KEY, session INTEGER REFERENCES sessions (id) ON DELETE CASCADE);
CREATE TABLE parts (id INTEGER PRIMARY KEY, message INTEGER REFERENCES messages (id) ON DELETE CASCADE);
INSERT INTO sessions VALUES (1, 'tea'), (2, 'milk'), (3, 'bread');
INSERT INTO messages VALUES (10, 1), (11, 1), (20, 2);
INSERT INTO parts VALUES (100, 10), (101, 10);
"""
    + "".join(map(_MARKED.format, ("sessions", "messages", "parts")))
)


def _run(url: str, migrations: WriteMigrations, second: str) -> Report:
    folder = migrations({"0001_chat.sql": CHAT})
    ensure_migrations(url, folder)
    migrations({"0002_step.sql": second})
    return ensure_migrations(url, folder)


def _refused(url: str, migrations: WriteMigrations, second: str) -> str:
    with pytest.raises(CheckError) as caught:
        _run(url, migrations, second)
    return "\n".join(line for line in caught.value.what.splitlines() if "loss guard" in line)


def _rows(seen: Probe) -> tuple[int, ...]:
    return tuple(seen.value(f"SELECT count(*) FROM {table}") for table in ("sessions", "messages", "parts"))


def test_a_distributed_table_is_known_by_its_trigger_and_is_not_counted(postgres_url: str, probe: Probes) -> None:
    probe(postgres_url).execute(CHAT)
    probe(postgres_url).execute("CREATE TABLE here (x INTEGER)")
    with transaction(postgres_url) as database:
        counted = {name: table.is_counted for name, table in listed(database).items()}
    assert counted == {"sessions": False, "messages": False, "parts": False, "here": True}


def test_what_a_delete_says_of_itself_is_a_loss(postgres_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    told = _refused(postgres_url, migrations, "DELETE FROM parts WHERE id = 100;\n")
    assert told.endswith("1 row of parts was deleted (DELETE in line 1), and no may-lose names it")
    assert _rows(probe(postgres_url)) == (3, 3, 2)


def test_rows_that_a_cascade_takes_are_found_by_counting_before_and_after(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    told = _refused(postgres_url, migrations, "-- sessmig: may-lose sessions\nDELETE FROM sessions WHERE id = 1;\n")
    assert "0002_step.sql:2: loss guard: 2 rows of messages were deleted (cascade from sessions)" in told
    assert "2 rows of parts were deleted" in told
    assert _rows(probe(postgres_url)) == (3, 3, 2)


def test_a_cascade_that_is_declared_goes_on(postgres_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    _run(
        postgres_url, migrations, "-- sessmig: may-lose sessions, messages, parts\nDELETE FROM sessions WHERE id = 1;\n"
    )
    assert _rows(probe(postgres_url)) == (2, 1, 0)


def test_a_truncate_is_a_loss(postgres_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    told = _refused(postgres_url, migrations, "TRUNCATE parts;\n")
    assert "loss guard: the table parts was truncated, with 2 rows" in told
    assert _rows(probe(postgres_url)) == (3, 3, 2)


def test_what_a_function_deletes_is_found_where_the_table_is_locked_first(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    told = _refused(
        postgres_url,
        migrations,
        "LOCK TABLE parts IN SHARE ROW EXCLUSIVE MODE;\nDO $$ BEGIN DELETE FROM parts WHERE id = 100; END $$;\n",
    )
    assert "loss guard: 1 row of parts was deleted" in told
    assert _rows(probe(postgres_url)) == (3, 3, 2)


def test_what_came_and_what_was_changed_is_told_by_the_rows_and_the_commands(
    postgres_url: str, migrations: WriteMigrations
) -> None:
    report = _run(
        postgres_url,
        migrations,
        "INSERT INTO parts SELECT id + 900, id FROM messages;\nUPDATE sessions SET title = 'x' WHERE id > 1;\n",
    )
    told = {e.table: (e.before, e.after, e.inserted, e.updated, e.deleted) for e in report.steps[0].effects}
    assert told == {"parts": (2, 5, 3, 0, 0), "sessions": (3, 3, 0, 2, 0)}


def test_rows_that_a_merge_accounts_for_may_leave_their_source(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    made = "CREATE TABLE pieces (id INTEGER PRIMARY KEY, message INTEGER);\n"
    migrations({"0002_step.verify.sql": "-- merge: parts into pieces on id comparing message\n"})
    moved = "INSERT INTO pieces SELECT id, message FROM parts;\nDELETE FROM parts;\n"
    folder = migrations({"0001_chat.sql": CHAT, "0002_step.sql": made + moved})
    report = ensure_migrations(postgres_url, folder)
    assert [(account.source, account.inserted) for account in report.steps[1].merges] == [(2, 2)]
    assert probe(postgres_url).value("SELECT count(*) FROM pieces") == 2
