"""Makes a source and a target, moves rows with a merge beside it, and hands back the account.

Knows two small tables; what a test does with them it says itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessmig import CheckError
from sessmig.results import Account
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import log, migrate, state

Probes = Callable[[str], Probe]

TABLES = """
CREATE TABLE old (id INTEGER PRIMARY KEY, body TEXT, num INTEGER, sess TEXT);
CREATE TABLE fresh (id INTEGER PRIMARY KEY, body TEXT, num INTEGER, sess TEXT);
"""
ROWS = """
INSERT INTO old VALUES
    (1, 'a', 1, 's1'), (2, NULL, NULL, 's1'), (3, 'c', 3, 'gone'), (4, 'd', 4, 's1'), (5, 'e', 5, 's2');
INSERT INTO fresh VALUES (4, 'd', 4, 's1'), (9, 'z', 9, 's1');
"""
ALL = "-- merge: old into fresh on id comparing body, num, sess\n"
COPY = "INSERT INTO fresh SELECT * FROM old WHERE id NOT IN (SELECT id FROM fresh);\n"


def moved(url: str, migrations: WriteMigrations, step: str, verify: str, **options: Any) -> Account:
    """Carry a step out; return its only account."""
    (account,) = migrate(url, files(migrations, step, verify), **options).steps[-1].merges
    return account


def files(migrations: WriteMigrations, step: str, verify: str) -> Path:
    """Write one migration with its verify file."""
    return migrations({"0001_move.sql": step, "0001_move.verify.sql": verify})


def refused(url: str, migrations: WriteMigrations, database: Probe, step: str, verify: str) -> list[str]:
    """Hold that a step is rolled back, that the log tells so, and return the lines of its message."""
    folder = files(migrations, step, verify)
    before = state(database)
    with pytest.raises(CheckError) as caught:
        migrate(url, folder)
    assert state(database) == before
    assert database.rows("SELECT * FROM schema_migrations") == []
    ((_, _, outcome, detail),) = log(database)
    assert outcome == "failed"
    assert "failed" in [account["outcome"] for account in detail["merges"]]
    message = str(caught.value).replace(f"{folder}/", "")
    assert "The database holds what it held before; nothing of 0001_move stays." in message
    return [line.strip() for line in message.splitlines()]


def balances(account: Account) -> bool:
    """Tell whether the figures of an account add up, with nothing missing."""
    apart = sum(number for _, number in account.rejected)
    return account.source == account.inserted + account.identical + account.differing + apart and not account.missing
