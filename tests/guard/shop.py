"""A small chat for the tests of this folder, and how a step on it is carried out, and found to be stopped."""

from typing import Any

import pytest

from sessmig import CheckError
from sessmig.results import StepReport
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import migrate, state

CHAT = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    title TEXT
);
CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    body TEXT
);
CREATE TABLE notes (body TEXT);
INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace'), (3, 'Linus');
INSERT INTO sessions VALUES (10, 1, 'tea'), (11, 1, NULL), (20, 2, 'cake');
INSERT INTO messages VALUES ('a', 10, 'hello'), ('b', 10, 'again'), ('c', 11, 'more'), ('d', 20, NULL);
INSERT INTO notes VALUES ('one'), ('two'), ('two');
"""


def stopped(url: str, migrations: WriteMigrations, probe: Probe, step: str, **options: Any) -> list[str]:
    """Carry a step out that has to be stopped with exit code 3 and leave nothing; return the message's lines."""
    before = state(probe)
    folder = migrations({"0001_step.sql": step})
    with pytest.raises(CheckError) as caught:
        migrate(url, folder, **options)
    assert caught.value.exit_code == 3
    assert state(probe) == before
    assert probe.rows("SELECT * FROM schema_migrations") == []
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def passes(url: str, migrations: WriteMigrations, step: str, *, version: int = 1) -> StepReport:
    """Carry a step out that is in order; return its report."""
    (report,) = migrate(url, migrations({f"{version:04}_step.sql": step})).steps
    assert report.losses == ()
    return report
