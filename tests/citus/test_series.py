"""The series of docs/how-to/citus.md: accounts, checks, guard, batches and no-transaction on distributed tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sessmig import CheckError, ensure_migrations
from tests.citus import chat
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

Probes = Callable[[str], Probe]


@pytest.fixture(params=chat.PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of the page's tables: on Citus where there is one, and on tables that look like it."""
    if request.param == "citus":
        with chat.schema() as url:
            chat.build(url, marked=False)
            yield url
    else:
        url = request.getfixturevalue("new_postgres_url")()
        chat.build(url, marked=True)
        yield url


@pytest.fixture
def series(migrations: WriteMigrations) -> Path:
    return migrations(chat.SERIES, series="chat")


def _merged(seen: Probe) -> list[tuple[object, ...]]:
    return seen.rows("SELECT session_id, message_id, content FROM chat_messages ORDER BY 1, 2")


def test_the_whole_series_runs_and_every_row_is_accounted_for(place: str, series: Path, probe: Probes) -> None:
    report = ensure_migrations(place, series)
    assert [(step.title, step.outcome) for step in report.steps] == [
        ("0034_merge_webui_sessions", "applied"),
        ("0035_titles", "applied"),
        ("0036_index", "applied"),
    ]
    sessions, messages = report.steps[0].merges
    assert (sessions.source, sessions.inserted, sessions.identical, sessions.differing) == (2, 1, 0, 1)
    assert (messages.source, messages.inserted, messages.identical, messages.missing) == (4, 2, 1, 0)
    assert dict(messages.rejected) == {"no such session": 1}
    seen = probe(place)
    assert _merged(seen) == [("s-1", "m-1", "Hello"), ("s-3", "m-1", "Green"), ("s-3", "m-2", "Brewed")]
    assert seen.rows("SELECT title FROM chat_sessions ORDER BY session_id") == [("Kept",), ("Untitled",), ("Tea",)]
    assert seen.value("SELECT count(*) FROM pg_indexes WHERE indexname = 'chat_messages_created'") == 1


def test_what_the_step_did_is_told_table_by_table(place: str, series: Path) -> None:
    (step,) = ensure_migrations(place, series, to=34).steps
    told = {effect.table: (effect.before, effect.after, effect.inserted, effect.deleted) for effect in step.effects}
    assert told["chat_sessions"] == (2, 3, 1, 0)
    assert told["chat_messages"] == (1, 3, 2, 0)


def test_a_message_that_is_left_behind_fails_the_step_with_its_key(
    place: str, series: Path, migrations: WriteMigrations, probe: Probes
) -> None:
    whole = chat.SERIES["0034_merge_webui_sessions.sql"]
    bad = whole.replace("WHERE chat.message_id IS NULL", "WHERE chat.message_id IS NULL AND old.role = 'user'")
    assert bad != whole
    migrations({"0034_merge_webui_sessions.sql": bad}, series="chat")
    with pytest.raises(CheckError, match="1 row missing in the target") as caught:
        ensure_migrations(place, series)
    assert "s-3         m-2" in caught.value.what
    assert _merged(probe(place)) == [("s-1", "m-1", "Hello")]


def test_rows_that_a_cascade_takes_are_a_loss(
    place: str, migrations: WriteMigrations, series: Path, probe: Probes
) -> None:
    ensure_migrations(place, series)
    cascading = "-- sessmig: may-lose chat_sessions\nDELETE FROM chat_sessions WHERE session_id = 's-3';\n"
    migrations({"0037_gone.sql": cascading}, series="chat")
    with pytest.raises(CheckError, match="2 rows of chat_messages were deleted") as caught:
        ensure_migrations(place, series)
    assert "-- sessmig: may-lose chat_messages" in caught.value.remedy
    assert len(_merged(probe(place))) == 3


def test_a_delete_that_is_not_declared_is_a_loss(
    place: str, migrations: WriteMigrations, series: Path, probe: Probes
) -> None:
    migrations({"0037_gone.sql": "DELETE FROM chat_messages WHERE role = 'user';\n"}, series="chat")
    with pytest.raises(CheckError, match="2 rows of chat_messages were deleted"):
        ensure_migrations(place, series)
    assert len(_merged(probe(place))) == 3


def test_the_rollback_takes_back_what_the_merge_brought(place: str, series: Path, cli: Cli, probe: Probes) -> None:
    ensure_migrations(place, series, to=34)
    done = cli("rollback", "-d", place, "--dir", series)
    assert (done.returncode, done.stderr.count("failed")) == (0, 0), done.stderr
    assert _merged(probe(place)) == [("s-1", "m-1", "Hello")]


def test_a_second_run_does_nothing_and_verify_finds_nothing_missing(place: str, series: Path, cli: Cli) -> None:
    ensure_migrations(place, series)
    assert not ensure_migrations(place, series).steps
    done = cli("verify", "-d", place, "--dir", series)
    assert done.returncode == 0, done.stdout
    assert "ok  nothing is missing" in done.stdout
